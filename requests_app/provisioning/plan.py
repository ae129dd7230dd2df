"""What a study should have, and the next thing to do about it. Pure: no Django, network or clock.

`Facts` is a snapshot of the rows; `next_actions()` names what to do now, always the same for the
same facts. Order (H10). Down before up, whatever else is waited for: the
person's key and the fences without the person side by side, then N refusals, then the rest. Up:
the study's place, buckets, encryption, restrictive fences, input data, persons, the study's rights,
fences with the person, keys last, then verification by use. How a provider holds any of it is not
known here: only hashes of what is wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from requests_app.provisioning.fences import BUCKETS, Admission, Fence, fingerprint


Right = Literal["open", "suspended", "closed"]
Use = Literal["person", "probe"]


# --- Facts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One credential row. `made`: it has an access key; `withdrawn`: it must go."""

    id: str
    use: Use
    made: bool
    withdrawn: bool
    deleted: bool
    reason: str = ""  # of the withdrawal


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One grant. `right` is what is wanted at this instant; `ready`: every condition holds."""

    grant: str
    right: Right
    state: str
    ready: bool
    until: datetime
    addresses: tuple[str, ...] = ()
    identity: str = ""  # the person at the provider, by its id; empty when there is none
    identity_row: bool = False  # an intent or an identity exists
    keys: tuple[KeyFacts, ...] = ()
    proven: bool = False  # refusals seen, since the last opening

    @property
    def live(self) -> tuple[KeyFacts, ...]:
        return tuple(key for key in self.keys if not key.deleted)

    def key(self, use: Use) -> KeyFacts | None:
        """The key of a use that is wanted and made, if any."""
        return next((k for k in self.live if k.use == use and k.made and not k.withdrawn), None)

    @property
    def was_keyed(self) -> bool:
        return any(key.made for key in self.keys)

    @property
    def bereft(self) -> bool:
        """Keys were made of an identity that the provider, asked by its id, says is no more."""
        return self.was_keyed and not self.identity

    @property
    def leaving(self) -> bool:
        """Something must still be closed, or said to be."""
        if self.right == "closed":
            return self.state != "closed"
        return self.right == "suspended" and self.state not in {"closed", "suspended"}


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the next step depends on. `fences` and `members`: hash of what was last written."""

    persons: tuple[PersonFacts, ...]
    held: bool = False
    study: bool = False  # its place at the provider is there
    buckets: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()  # kinds of buckets that another hand removed
    encrypted: frozenset[str] = frozenset()
    fences: Mapping[str, str] = field(default_factory=dict)
    delivered: bool = False
    rights: bool = False  # all parts of the study's rights are there
    rights_left: bool = False  # an intent or a part of them exists
    holds_members: bool = False  # what holds the members is there
    members: str = ""
    portal: str = ""
    form: str = ""  # how the provider of the day writes fences
    names: Mapping[str, str] = field(default_factory=dict)  # bucket kind -> bucket name
    worker_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One step. `target` is a credential, a use or a bucket kind, as the name needs."""

    name: str
    target: str = ""
    grant: str = ""


# --- What is wanted -----------------------------------------------------------------------------


def admitted(facts: Facts) -> tuple[PersonFacts, ...]:
    """Persons who should be inside the fences now: wanted open, ready, data in place."""
    if not facts.delivered:
        return ()
    return tuple(p for p in facts.persons if p.right == "open" and p.ready and p.identity)


def wanted_fence(facts: Facts, kind: str) -> Fence:
    """What bucket `kind` should let in now."""
    return Fence(
        facts.names[kind],
        kind,
        portal=facts.portal,
        admissions=wanted_members(facts),
        worker_addresses=facts.worker_addresses,
    )


def wanted_members(facts: Facts) -> tuple[Admission, ...]:
    """Who should be a member of the study now, each until when and from where."""
    inside = sorted(admitted(facts), key=lambda p: p.identity)
    return tuple(Admission(p.identity, p.until, p.addresses) for p in inside)


def perhaps_inside(facts: Facts) -> tuple[Facts, ...]:
    """What fences and members may have been written from, while what comes in waits (a hold): with
    all who should be inside, or without those who were not let in before."""
    found = [facts]
    for states in ({"open", "opening", "failed"}, {"open"}):
        persons = tuple(p for p in facts.persons if p.state in states)
        if (fewer := replace(facts, persons=persons)) not in found:
            found.append(fewer)
    return tuple(found)


def is_unwritten(facts: Facts) -> bool:
    """Whether a hold keeps something of an open study from being what it should be."""
    if not facts.held:
        return False
    there = facts.rights and _base(facts, opening=False) is None
    return not there or bool(_fences_to_set(facts))


def fence_hash(facts: Facts, kind: str) -> str:
    return wanted_fence(facts, kind).fingerprint(facts.form)


def members_hash(facts: Facts) -> str:
    return fingerprint([facts.form, sorted(one.plain() for one in wanted_members(facts))])


def to_verify(facts: Facts) -> tuple[PersonFacts, ...]:
    """Persons inside the fences with their keys, not yet seen working."""
    return tuple(p for p in admitted(facts) if p.state != "open" and p.key("probe"))


def to_prove(facts: Facts) -> tuple[PersonFacts, ...]:
    """Persons cut off on both sides, once keyed, whose refusals are still to be seen; of whoever is
    no more at the provider there are none, and what keeps them out is read again."""
    if _fences_to_cut(facts):
        return ()
    return tuple(
        p
        for p in facts.persons
        if p.leaving
        and p.was_keyed
        and not p.proven
        and not _doomed(p)
        and (p.key("probe") or p.bereft)
    )


def closing(facts: Facts) -> bool:
    """Whether something that opens data must go: a person's access, or a person's key that was
    lost, leaked or never looked at. Such work is tried again soon and told when it fails."""
    return any(p.leaving or any(k.use == "person" for k in _doomed(p)) for p in facts.persons)


# --- The next step ------------------------------------------------------------------------------


def next_action(facts: Facts) -> Action | None:
    """The first of `next_actions()`, None when there is none."""
    actions = next_actions(facts)
    return actions[0] if actions else None


def next_actions(facts: Facts) -> tuple[Action, ...]:
    """What to do now, nothing when rows and wishes agree (or a hold forbids the rest).

    Several only on the way down, where none depends on another: each is tried, whatever becomes of
    the others. A hold stops what opens, never what closes. A person whose opening failed is taken
    up last, so that one refused key does not keep the others waiting.
    """
    down = _down(facts)
    if down or facts.held:
        return down
    coming = [p for p in facts.persons if p.right == "open" and p.ready]
    healthy = [p for p in coming if p.state != "failed"]
    up = _up(facts, healthy) or _up(facts, coming) or _tidy(facts, coming)
    return (up,) if up else ()


def _down(facts: Facts) -> tuple[Action, ...]:
    leaving = [p for p in facts.persons if p.leaving]
    for person in leaving:  # the state first: readers see at once that closing has begun
        action = _announce_leaving(person)
        if action is not None:
            return (action,)
    keys = [Action("delete_key", k.id, p.grant) for p in facts.persons for k in _doomed(p)]
    fences = _fences_to_cut(facts)
    # One key, the fences, the other keys: a side that does not answer delays the other by one try.
    cuts = (*keys[:1], *fences, *keys[1:])
    if fences:
        return cuts
    for person in leaving:  # a key refused for one person keeps nobody else from being proven
        unproven = person.was_keyed and not person.proven and not _doomed(person)
        if unproven and person.key("probe") is None and not person.bereft:  # it has no rights
            cuts += (Action("make_key", "probe", person.grant),)
    if to_prove(facts):
        cuts += (Action("prove_closed"),)
    for person in leaving:
        if not _doomed(person) and (person.proven or not person.was_keyed):
            cuts += (_finish_leaving(person),)
    if not cuts and facts.persons and all(p.state == "closed" for p in facts.persons):
        if facts.rights_left:
            return (Action("remove_rights"),)
    return cuts


def _doomed(person: PersonFacts) -> tuple[KeyFacts, ...]:
    """Keys that must go now: the person's when the access closes, and whichever is withdrawn. The
    probe's of a closing access stays until it has proven the closing."""
    gone = person.right == "closed" and person.leaving
    return tuple(k for k in person.live if k.withdrawn or (gone and k.use == "person"))


def _announce_leaving(person: PersonFacts) -> Action | None:
    if person.state == "wanted":
        if person.identity_row:  # not unopened: it closes by the book
            return Action("start_opening", grant=person.grant)
        closed = person.right == "closed"
        return Action("close_unopened" if closed else "confirm_suspended", grant=person.grant)
    if person.state in {"opening", "open", "suspended"}:
        return Action("start_closing", grant=person.grant)
    return None


def _finish_leaving(person: PersonFacts) -> Action:
    if person.right == "suspended":
        return Action("confirm_suspended", grant=person.grant)
    for key in person.live:  # the probe's, the proof being made
        return Action("delete_key", key.id, person.grant)
    if person.identity_row:
        return Action("remove_person", grant=person.grant)
    return Action("confirm_closed", grant=person.grant)


def _fences_to_set(facts: Facts) -> tuple[Action, ...]:
    """Fences and members as they should be now: with those who stay, without those who leave."""
    fences = [
        Action("put_fence", kind)
        for kind in BUCKETS
        if kind in facts.buckets and facts.fences.get(kind) != fence_hash(facts, kind)
    ]
    if facts.holds_members and facts.members != members_hash(facts):
        fences.append(Action("set_members"))
    return tuple(fences)


def _fences_to_cut(facts: Facts) -> tuple[Action, ...]:
    inside = any(p.identity or p.bereft for p in facts.persons if p.leaving)
    return _fences_to_set(facts) if inside else ()


def _set_fences(facts: Facts) -> Action | None:
    return next(iter(_fences_to_set(facts)), None)


def _up(facts: Facts, coming: Sequence[PersonFacts]) -> Action | None:
    for person in coming:
        if person.state in {"wanted", "suspended"}:
            return Action("start_opening", grant=person.grant)
    if not coming:
        return None
    base = _base(facts, opening=any(p.state != "open" for p in coming))
    if base is not None:
        return base
    for person in coming:
        if not person.identity:
            return Action("ensure_person", grant=person.grant)
    if not facts.rights:
        return Action("ensure_rights")
    widened = _set_fences(facts)
    if widened is not None:
        return widened
    for person in coming:
        if person.key("probe") is None:
            return Action("make_key", "probe", person.grant)
        if person.key("person") is None and _person_key_wanted(person):
            return Action("make_key", "person", person.grant)
    chosen = {person.grant for person in coming}
    if any(p.grant in chosen for p in to_verify(facts)):
        return Action("verify_open")
    return None


def _tidy(facts: Facts, coming: Sequence[PersonFacts]) -> Action | None:
    """Persons whose conditions fell away before any key: back to waiting, outside the fences."""
    chosen = {person.grant for person in coming}
    for person in facts.persons:
        if person.right == "open" and person.grant not in chosen and person.state == "opening":
            return Action("wait_again", grant=person.grant)
    return _set_fences(facts)


def _person_key_wanted(person: PersonFacts) -> bool:
    """A key that nobody revealed in time, or that came to its end, is not made again by itself: the
    person asks for it."""
    mine = [key for key in person.keys if key.use == "person"]
    return not mine or mine[-1].reason not in {"unrevealed", "missing", "expired"}


def _base(facts: Facts, *, opening: bool) -> Action | None:
    if not facts.study:
        return Action("ensure_study")
    # One that is gone is asked for when somebody waits for it; whoever was inside keeps the rest.
    kinds = [kind for kind in BUCKETS if opening or kind not in facts.gone]
    for kind in kinds:
        if kind not in facts.buckets:
            return Action("ensure_bucket", kind)
    for kind in kinds:
        if kind not in facts.encrypted:
            return Action("ensure_encryption", kind)
    for kind in kinds:  # before the first object goes in: a bucket without a fence is open
        if not facts.fences.get(kind):
            return Action("put_fence", kind)
    return None if facts.delivered else Action("deliver_extract")
