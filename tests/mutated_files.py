"""One file of orders as other systems would write it, and as damage would leave it."""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

NAMES = ("order_id", "order_date", "sku", "title", "qty", "price", "customer_id")
TITLES = ("Mütze, rot", 'Schürze "XL"', "Gürtel", "Café crème", "Straße")
RECORDS = 30
# What each of the kind's columns holds, whatever the file looks like.
COLUMN_OF = {
    "order_ref": "order_id", "happened_at": "order_date", "product_ref": "sku",
    "quantity": "qty", "unit_price": "price", "customer_ref": "customer_id",
}  # fmt: skip


def records() -> list[dict[str, str]]:
    """The orders: 30 lines of 15 orders by 6 customers."""
    return [
        {
            "order_id": f"R{index // 2:03d}",
            "order_date": f"2026-05-{index % 28 + 1:02d} 1{index % 10}:00:00",
            "sku": f"A{index % 9}",
            "title": TITLES[index % len(TITLES)],
            "qty": str(index % 4 + 1),
            "price": f"{index + 1}.50",
            "customer_id": f"C{index % 6}",
        }
        for index in range(RECORDS)
    ]


@dataclass(frozen=True, slots=True)
class Form:
    """How a readable file is written.

    Args:
        separator: between cells.
        line_end: between lines.
        encoding: of the text; with its mark where Python writes one.
        shift: by how many places the columns are turned.
        before: lines above the names.
        after: lines below the records.
        has_mark: whether a mark precedes UTF-8.
    """

    separator: str = ","
    line_end: str = "\n"
    encoding: str = "utf-8"
    shift: int = 0
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    has_mark: bool = False

    def written(self) -> bytes:
        """The file."""
        names = NAMES[self.shift :] + NAMES[: self.shift]
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.separator, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([row[name] for name in names] for row in records())
        lines = [*self.before, *out.getvalue().splitlines(), *self.after]
        mark = "\ufeff" if self.has_mark else ""
        text = mark + "".join(f"{line}{self.line_end}" for line in lines)
        return text.encode(self.encoding)


PLAIN = Form()


def _with_bytes(raw: bytes, chance: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(raw: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randrange(len(raw))]


def _with_junk(raw: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + chance.randbytes(chance.randint(1, 200)) + raw[place:]


def _with_names(raw: bytes, chance: random.Random) -> bytes:
    names, _, rest = raw.partition(b"\n")
    cells = names.split(b",")
    chosen = chance.randrange(len(cells))
    cells[chosen] = chance.choice([b"", b"price", b"x", cells[0], b"9", b'"', b"select", b"a b`c"])
    return b",".join(cells[: chance.randint(1, len(cells))]) + b"\n" + rest


def _with_lines(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.split(b"\n")
    odd = [
        b"",
        b"Total",
        b",,,,,,",
        b'"',
        b"a,b",
        b"1;2;3;4;5;6;7",
        b"\x00",
        b"-- end --",
        lines[0],
    ]
    for _ in range(chance.randint(1, 4)):
        lines.insert(chance.randrange(len(lines)), chance.choice(odd))
    return b"\n".join(lines)


def _with_cells(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.split(b"\n")
    odd = [b"", b"N/A", b"1e400", b"-", b"9" * 60, b"31.02.2026", b"\xff\xfe", b"' OR 1=1", b'"x']
    for _ in range(chance.randint(1, 6) if len(lines) > 3 else 0):
        row = chance.randrange(1, len(lines) - 1)
        cells = lines[row].split(b",")
        cells[chance.randrange(len(cells))] = chance.choice(odd)
        lines[row] = b",".join(cells)
    return b"\n".join(lines)


def _of_other_size(raw: bytes, chance: random.Random) -> bytes:
    size = chance.choice([0, 1, 2, 17, 3000])
    return raw[:size] if size < 20 else raw + raw.split(b"\n", 1)[1] * (size // RECORDS)


def _in_other_encoding(raw: bytes, chance: random.Random) -> bytes:
    codec = chance.choice(["utf-16", "utf-32", "cp437", "utf-7", "cp1251", "big5", "utf-16-be"])
    return raw.decode("utf-8", errors="replace").encode(codec, errors="replace")


def _random_bytes(_raw: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(0, 2000))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _with_bytes, _cut, _with_junk, _with_names, _with_lines, _with_cells, _of_other_size,
    _in_other_encoding, _random_bytes,
)  # fmt: skip


def damaged(raw: bytes, seed: int) -> bytes:
    """A file with one or two damages that a seed chooses."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 2)):
        raw = chance.choice(DAMAGES)(raw, chance) if raw else raw
    return raw
