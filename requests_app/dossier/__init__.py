"""The file being written: reading and saving a section, what is missing, freezing, differences.

The working copy is `AccessRequest.content`; what counts is a frozen `RequestVersion`.
"""

from .frozen import Change, differences, fingerprint, is_same_file, snapshot
from .missing import Missing, missing_items, specification_warnings
from .reading import facts, rows_of, section_of, sync_datasets
from .saving import (
    EditConflict,
    NotEditable,
    copy,
    create,
    raise_conflict,
    rename,
    save_section,
)


__all__ = [
    "Change",
    "EditConflict",
    "Missing",
    "NotEditable",
    "copy",
    "create",
    "differences",
    "facts",
    "fingerprint",
    "is_same_file",
    "missing_items",
    "raise_conflict",
    "rename",
    "rows_of",
    "save_section",
    "section_of",
    "snapshot",
    "specification_warnings",
    "sync_datasets",
]
