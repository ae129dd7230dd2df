"""What a kind of stage is, its pure part: moves, outcomes, what its TOML may say. No Django.

One module a kind in `procedures/kinds/`, of the kind's name; its verbs and words are in the module
of the same name in `workflow/kinds/`. Nothing else spells a kind: who needs to know something of it
asks by a trait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from portal.common.machine import Transition

from .parts import Stage


class Trait(Enum):
    """What other rooms ask of a stage without knowing its kind."""

    FIRST = auto()  # checks the file; a procedure begins with it
    CONSULTS_HOLDERS = auto()  # one row per data holder; remarks are the holder's
    OF_COMMITTEE = auto()  # its row has a committee, whose members read the file from then
    GIVES_OPINION = auto()  # ends with an `Opinion`
    EDITS_FILE = auto()  # the team may correct the file while it runs
    ANSWERS = auto()  # an authority's answer, or what stands for it
    AUTHORISES = auto()  # records the authority's number
    PUBLISHES = auto()  # its end is the entry in the public register
    AGREES = auto()  # the main base's officers read the file from then
    PREPARES_DATA = auto()  # an extract is made and confirmed
    OPENS_ACCESS = auto()  # waits for the first right to be open
    IN_USE = auto()  # the data may be used
    SAYS_RIGHTS = auto()  # its act says itself what it opens: for whom, until when
    NEEDS_RIGHTS = auto()  # writes or follows a permit: `grants_on` names a stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`outcomes`: those that its verbs write, which a stage of the kind must name; `receipt`: the
    act whose date starts a clock that starts at a receipt; `parts`: the part of a file with which
    an act is read, where it is not `acts`; `follows`, `followed_by`: the trait of a stage that it
    makes no sense without, before it or after."""

    code: str
    moves: tuple[Transition, ...]
    outcomes: frozenset[str]
    spec: type[Stage] = Stage
    traits: frozenset[Trait] = frozenset()
    receipt: str = ""
    follows: Trait | None = None
    followed_by: Trait | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
