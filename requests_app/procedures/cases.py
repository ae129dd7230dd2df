"""What a case may be about: one engine and one form of course for all. Pure: no Django.

A type says how its files are numbered and whether they hang on another file; everything else is in
the procedure's TOML.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class CaseType(StrEnum):
    """The type of an `AccessRequest`: what a procedure file says it is the course of."""

    ACCESS = "access"
    DATA_REQUEST = "data_request"
    CHANGE = "change"
    RENEWAL = "renewal"
    APPEAL = "appeal"
    NON_COMPLIANCE = "non_compliance"
    DECLARATION = "declaration"


@dataclass(frozen=True, slots=True)
class Case:
    """`prefix` begins the numbers of the type; `series` is where its last number is kept.

    `has_parent`: it is about another file, which it names; the others name none.
    """

    prefix: str
    series: str
    has_parent: bool = False


CASES: Mapping[CaseType, Case] = MappingProxyType(
    {
        CaseType.ACCESS: Case("GUI", "request"),
        CaseType.DATA_REQUEST: Case("DON", "data_request"),
        CaseType.CHANGE: Case("MOD", "change", has_parent=True),
        CaseType.RENEWAL: Case("REN", "renewal", has_parent=True),
        CaseType.APPEAL: Case("REC", "appeal", has_parent=True),
        CaseType.NON_COMPLIANCE: Case("MAN", "non_compliance", has_parent=True),
        CaseType.DECLARATION: Case("DEC", "declaration"),
    }
)
WITH_PARENT = tuple(one for one, case in CASES.items() if case.has_parent)
