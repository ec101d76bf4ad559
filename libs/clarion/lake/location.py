"""Where tables and files of a lake are."""

import os
from dataclasses import dataclass
from pathlib import Path

from clarion.contracts import Table
from clarion.kernel.errors import LakeError


@dataclass(frozen=True, slots=True)
class Location:
    """The root of a lake, and the addresses below it.

    Args:
        root: folder or URL.
        catalog: catalog that governs the tables; None for addresses by path.
    """

    root: str
    catalog: str | None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this machine, where only Clarion's own processes write."""
        return "://" not in self.root and self.catalog is None

    def address(self, table: Table) -> str:
        """The table's name in SQL."""
        if self.catalog:
            return f"`{self.catalog}`.`{table.layer}`.`{table.short_name}`"
        return f"delta.`{self.path(table)}`"

    def path(self, table: Table) -> str:
        """The table's folder when it is addressed by path."""
        return f"{self.root}/{table.layer}/{table.short_name}"

    def require_folder(self) -> None:
        """Create the folder where it does not exist.

        Raises:
            LakeError: it cannot be created or written.
        """
        if not self.is_folder:
            return
        fix = "name a folder that can be written with --lake"
        try:
            Path(self.root).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise LakeError(
                f"the lake {self.root} cannot be used", found=error.strerror, fix=fix
            ) from error
        if not os.access(self.root, os.W_OK):
            raise LakeError(f"the lake {self.root} cannot be written", fix=fix)
