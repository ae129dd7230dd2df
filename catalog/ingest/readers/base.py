"""What a reader of dictionaries gives: rows with the file and line they stand on, or mistakes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from catalog.names import shown


@dataclass(frozen=True, slots=True)
class Row:
    """One table, variable or key as read. `payload` holds the fields of the model of that kind."""

    kind: str  # StagedRow.Kind
    line: int
    dataset_code: str
    table_name: str
    name: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a file, where, and what to do about it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line} : {self.message}"


@dataclass(slots=True)
class FileContent:
    """Rows of one file, the table's own row last; or its mistakes."""

    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


class Reader(Protocol):
    code: str

    def files(self, folder: Path) -> list[Path]:
        """What is to be read, sorted by name; some may be no file that can be read."""

    def read(self, path: Path) -> FileContent:
        """Content of one file. Never raises for what the file holds: mistakes are returned."""
