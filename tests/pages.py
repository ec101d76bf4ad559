"""HTML pages as a test reads them."""

from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """The tables of a page, as texts of cells, and its words outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.words = ""
        self._hidden = self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden = tag in ("script", "style")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.words += data
        if self._in_cell:
            self.tables[-1][-1][-1] += data

    def rows(self, heading: str) -> list[list[str]]:
        """The rows below a heading whose first cell reads so; the table that has it."""
        return next(table[1:] for table in self.tables if table[0][0] == heading)
