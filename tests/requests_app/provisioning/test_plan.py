"""The plan alone, without a database: order, precedence, and that it always comes to rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.common.calendar import PARIS
from requests_app.provisioning.fences import BUCKETS, Admission, Fence
from requests_app.provisioning.grant_states import MACHINE
from requests_app.provisioning.plan import (
    Action,
    Facts,
    KeyFacts,
    PersonFacts,
    closing,
    fence_hash,
    members_hash,
    next_action,
    next_actions,
    to_prove,
    wanted_fence,
    wanted_members,
)


UNTIL = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = {"in": "s-in", "ws": "s-ws"}


def person(name: str = "g1", **more: object) -> PersonFacts:
    base = PersonFacts(grant=name, right="open", state="wanted", ready=True, until=UNTIL)
    return replace(base, **more)  # type: ignore[arg-type]


def play(facts: Facts, *, limit: int = 80) -> tuple[Facts, list[Action]]:
    """Do what the plan says, as a perfect provider would, until nothing is left to do."""
    done: list[Action] = []
    while actions := next_actions(facts):
        for action in actions:
            done.append(action)
            assert len(done) < limit, f"no rest: {done[-6:]}"
            facts = apply(facts, action)
    return facts, done


def apply(facts: Facts, action: Action) -> Facts:
    match action.name:
        case "ensure_study":
            return replace(facts, study=True)
        case "ensure_bucket":
            return replace(facts, buckets=facts.buckets | {action.target})
        case "ensure_encryption":
            return replace(facts, encrypted=facts.encrypted | {action.target})
        case "put_fence":
            wanted = fence_hash(facts, action.target)
            return replace(facts, fences={**facts.fences, action.target: wanted})
        case "deliver_extract":
            return replace(facts, delivered=True)
        case "ensure_rights":
            there = {"rights": True, "rights_left": True, "holds_members": True}
            return replace(facts, members="", **there)
        case "set_members":
            return replace(facts, members=members_hash(facts))
        case "remove_rights":
            return replace(facts, rights=False, rights_left=False, holds_members=False)
        case "verify_open":
            return _each(facts, lambda p: p.right == "open" and p.ready, state="open")
        case "prove_closed":
            proven = to_prove(facts)
            return _each(facts, lambda p: p in proven, proven=True)
    return replace(
        facts,
        persons=tuple(_one(p, action) if p.grant == action.grant else p for p in facts.persons),
    )


def _each(facts: Facts, chosen: object, **changes: object) -> Facts:
    return replace(
        facts,
        persons=tuple(
            replace(p, **changes) if chosen(p) else p  # type: ignore[operator, arg-type]
            for p in facts.persons
        ),
    )


def _one(p: PersonFacts, action: Action) -> PersonFacts:
    if action.name == "ensure_person":
        return replace(p, identity=f"app-{p.grant}", identity_row=True)
    if action.name == "remove_person":
        return replace(p, identity="", identity_row=False)
    if action.name == "make_key":
        made = KeyFacts(f"{p.grant}-{len(p.keys)}", action.target, True, False, False)  # type: ignore[arg-type]
        return replace(p, keys=(*p.keys, made))
    if action.name == "delete_key":
        keys = tuple(
            replace(k, deleted=True, withdrawn=True) if k.id == action.target else k for k in p.keys
        )
        return replace(p, keys=keys)
    proven = False if action.name in {"start_opening", "start_closing"} else p.proven
    return replace(p, state=MACHINE.target(action.name, p.state), proven=proven)


def fresh(*persons: PersonFacts, **more: object) -> Facts:
    return replace(  # type: ignore[arg-type]
        Facts(persons, portal="application_id:portal", names=NAMES), **more
    )


def order(done: list[Action]) -> list[str]:
    return [f"{a.name}:{a.target}" if a.target else a.name for a in done]


def test_up_in_order_keys_last() -> None:
    facts, done = play(fresh(person()))
    assert order(done) == [
        "start_opening",
        "ensure_study",
        "ensure_bucket:in",
        "ensure_bucket:ws",
        "ensure_encryption:in",
        "ensure_encryption:ws",
        "put_fence:in",
        "put_fence:ws",
        "deliver_extract",
        "ensure_person",
        "ensure_rights",
        "put_fence:in",
        "put_fence:ws",
        "set_members",
        "make_key:probe",
        "make_key:person",
        "verify_open",
    ]
    assert facts.persons[0].state == "open"


def test_down_in_order_key_first_probe_last() -> None:
    facts, _ = play(fresh(person()))
    leaving = replace(facts, persons=(replace(facts.persons[0], right="closed"),))
    closed, done = play(leaving)
    assert order(done) == [
        "start_closing",
        "delete_key:g1-1",  # the person's
        "put_fence:in",
        "put_fence:ws",
        "set_members",
        "prove_closed",
        "delete_key:g1-0",  # the probe's, once it has proven
        "remove_person",
        "confirm_closed",
        "remove_rights",
    ]
    assert closed.study  # data are kept
    assert closed.buckets == set(BUCKETS)


def test_a_suspension_cuts_the_fences_and_keeps_the_key() -> None:
    facts, _ = play(fresh(person()))
    cut, done = play(replace(facts, persons=(replace(facts.persons[0], right="suspended"),)))
    assert "delete_key" not in {a.name for a in done}
    assert cut.persons[0].state == "suspended"
    assert wanted_members(cut) == ()
    back, done = play(replace(cut, persons=(replace(cut.persons[0], right="open"),)))
    assert back.persons[0].state == "open"
    assert {a.name for a in done} == {"start_opening", "put_fence", "set_members", "verify_open"}


@pytest.mark.parametrize("right", ["closed", "suspended"])
def test_who_lost_the_identity_is_cut_and_proven_without_a_key(right: str) -> None:
    """Found gone while a probe was to be made: no key is asked for again, fences come first."""
    facts, _ = play(fresh(person()))
    keys = tuple(replace(k, withdrawn=True) for k in facts.persons[0].keys)
    lost = replace(facts.persons[0], right=right, identity="", keys=keys)  # type: ignore[arg-type]
    closed, done = play(replace(facts, persons=(lost,)))
    assert closed.persons[0].state == right
    names = [a.name for a in done]
    assert "make_key" not in names
    assert names.index("put_fence") < names.index("prove_closed")
    assert names.count("delete_key") == 2


def test_nothing_is_made_for_whoever_is_not_ready() -> None:
    assert next_action(fresh(person(ready=False))) is None
    _, done = play(fresh(person(), person("g2", ready=False)))
    assert not [a for a in done if a.grant == "g2"]


def test_revoked_before_anything_is_closed_without_a_call() -> None:
    facts, done = play(fresh(person(right="closed")))
    assert order(done) == ["close_unopened"]
    assert not facts.study


def test_a_hold_stops_what_opens_and_not_what_closes() -> None:
    assert next_action(fresh(person(), held=True)) is None
    facts, _ = play(fresh(person()))
    held = replace(facts, held=True, persons=(replace(facts.persons[0], right="closed"),))
    closed, _ = play(held)
    assert closed.persons[0].state == "closed"


def test_a_failed_person_is_taken_up_last() -> None:
    failed = person("g1", state="failed")
    action = next_action(fresh(failed, person("g2")))
    assert action == Action("start_opening", grant="g2")


def test_an_unrevealed_key_is_not_made_again_by_itself() -> None:
    facts, _ = play(fresh(person()))
    one = facts.persons[0]
    keys = tuple(
        replace(k, withdrawn=True, deleted=True, reason="unrevealed") if k.use == "person" else k
        for k in one.keys
    )
    assert next_action(replace(facts, persons=(replace(one, keys=keys),))) is None
    asked = KeyFacts("new", "person", False, False, False)
    again = next_action(replace(facts, persons=(replace(one, keys=(*keys, asked)),)))
    assert again == Action("make_key", "person", "g1")


rights = st.sampled_from(["open", "suspended", "closed"])


@given(
    st.lists(
        st.tuples(st.integers(0, 2), rights, st.booleans(), st.integers(0, 25)),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_wished_when_it_rests_it_agrees(
    wishes: list[tuple[int, str, bool, int]],
) -> None:
    """Rights and conditions change in the middle of anything; invariants hold at every step."""
    facts = fresh(person("g0"), person("g1"), person("g2"))
    for number, right, ready, steps in [*wishes, (0, "keep", True, 200)]:
        if right != "keep":
            persons = list(facts.persons)
            now = persons[number]
            if now.right != "closed":  # closed is for good
                ready = ready or any(k.use == "person" and k.made for k in now.live)
                persons[number] = replace(now, right=right, ready=ready)  # type: ignore[arg-type]
                facts = replace(facts, persons=tuple(persons))
        for _ in range(steps):
            actions = next_actions(facts)
            if not actions:
                break
            check(facts, actions)
            for action in actions:  # none depends on another: all hold, in any order
                facts = apply(facts, action)
    assert next_actions(facts) == ()
    for p in facts.persons:
        if p.right == "closed":
            assert (p.state, p.live, p.identity) == ("closed", (), "")
        if p.right == "open" and p.ready:
            assert p.state == "open"
        if p.right != "open":
            assert p.identity not in {one.person for one in wanted_members(facts)}


def check(facts: Facts, actions: tuple[Action, ...]) -> None:
    assert len(set(actions)) == len(actions)
    for action in actions:
        check_one(facts, action)
    leaving = [p for p in facts.persons if p.leaving]
    if not leaving:
        return
    assert closing(facts)
    assert not {a.name for a in actions} & OPENS, actions  # down before up
    if any(a.name.startswith(("start_", "close_", "confirm_")) for a in actions):
        return
    offered = set(actions)
    for p in leaving:  # both sides, in the same pass
        for key in p.live:
            if p.right == "closed" and key.use == "person":
                assert Action("delete_key", key.id, p.grant) in offered
    if any(p.identity for p in leaving):
        for kind in facts.buckets:
            if facts.fences.get(kind) != fence_hash(facts, kind):
                assert Action("put_fence", kind) in offered
                assert Action("prove_closed") not in offered


OPENS = {
    "ensure_study", "ensure_bucket", "ensure_encryption", "deliver_extract", "ensure_person",
    "ensure_rights", "verify_open", "confirm_open",
}  # fmt: skip


def check_one(facts: Facts, action: Action) -> None:
    chosen = next((p for p in facts.persons if p.grant == action.grant), None)
    if action.name == "deliver_extract":
        assert facts.encrypted == set(BUCKETS)
        assert set(facts.fences) == set(BUCKETS)
    if action.name == "make_key" and chosen is not None and chosen.right == "open":
        for kind in BUCKETS:
            assert facts.fences[kind] == fence_hash(facts, kind)
    if action.name == "make_key" and action.target == "person":
        assert chosen is not None
        assert chosen.right == "open"
        assert chosen.key("probe") is not None
    if action.name in {"remove_person", "confirm_closed"}:
        assert chosen is not None
        assert not chosen.key("person")
        assert chosen.proven or not chosen.was_keyed


# --- One side of a closing does not answer --------------------------------------------------------

IDENTITIES = {"delete_key", "set_members", "make_key", "remove_person", "remove_rights"}
STORAGE = {"put_fence", "prove_closed"}


def rest_without(facts: Facts, down: set[str], *, passes: int = 12) -> Facts:
    """Passes in which every action of one side fails, and the others are done."""
    for _ in range(passes):
        for action in next_actions(facts):
            if action.name not in down:
                facts = apply(facts, action)
    return facts


leavings = st.lists(st.sampled_from(["open", "closed", "suspended"]), min_size=3, max_size=3)


@given(leavings)
@settings(max_examples=27, deadline=None)
def test_without_identities_the_fences_are_cut_all_the_same(wished: list[str]) -> None:
    opened, _ = play(fresh(person("g0"), person("g1"), person("g2")))
    pairs = zip(opened.persons, wished, strict=True)
    asked = replace(opened, persons=tuple(replace(p, right=r) for p, r in pairs))  # type: ignore[arg-type]
    cut = rest_without(asked, IDENTITIES)
    for kind in BUCKETS:
        assert cut.fences[kind] == fence_hash(cut, kind)
        for p in cut.persons:
            named = {one.person for one in wanted_fence(cut, kind).admissions}
            assert (p.identity in named) == (p.right == "open")
    assert all(p.state != "closed" for p in cut.persons)  # its key is there still
    closed, _ = play(cut)
    assert all(p.state == "closed" for p in closed.persons if p.right == "closed")


@given(leavings)
@settings(max_examples=27, deadline=None)
def test_without_object_storage_the_keys_go_all_the_same(wished: list[str]) -> None:
    opened, _ = play(fresh(person("g0"), person("g1"), person("g2")))
    pairs = zip(opened.persons, wished, strict=True)
    asked = replace(opened, persons=tuple(replace(p, right=r) for p, r in pairs))  # type: ignore[arg-type]
    cut = rest_without(asked, STORAGE)
    for p in cut.persons:
        assert (p.key("person") is None) == (p.right == "closed")
        assert p.state != "closed"  # nothing is proven
    closed, _ = play(cut)
    assert all(p.state == "closed" for p in closed.persons if p.right == "closed")


def test_a_key_refused_for_one_person_keeps_no_other_from_being_closed() -> None:
    opened, _ = play(fresh(person("g0"), person("g1")))
    asked = replace(opened, persons=tuple(replace(p, right="closed") for p in opened.persons))
    stuck = next(k.id for k in asked.persons[0].keys if k.use == "person")
    facts = asked
    for _ in range(12):
        for action in next_actions(facts):
            if action.target != stuck:
                facts = apply(facts, action)
    assert [p.state for p in facts.persons] == ["closing", "closed"]


def test_a_rotated_key_is_a_closing_and_a_spent_probe_is_not() -> None:
    opened, _ = play(fresh(person()))
    assert not closing(opened)
    for use, is_closing in (("person", True), ("probe", False)):
        one = opened.persons[0]
        keys = tuple(replace(k, withdrawn=k.use == use) for k in one.keys)
        assert closing(replace(opened, persons=(replace(one, keys=keys),))) is is_closing


def test_what_an_unknown_create_may_have_left_is_removed_at_the_end() -> None:
    """The worker died before the answer: an intent, and perhaps a part of the rights."""
    facts = fresh(person(state="closed", right="closed"), rights_left=True)
    assert next_action(facts) == Action("remove_rights")
    assert next_action(replace(facts, rights_left=False)) is None


def test_members_are_cut_where_only_what_holds_them_is_there() -> None:
    """The rest of the rights is in doubt: whoever leaves is put out all the same."""
    facts, _ = play(fresh(person()))
    leaving = replace(facts.persons[0], right="closed", state="closing")
    cut = next_actions(replace(facts, rights=False, persons=(leaving,)))
    assert Action("set_members") in cut
    assert Action("set_members") not in next_actions(
        replace(facts, rights=False, holds_members=False, persons=(leaving,))
    )


# --- What is wanted, known by its hash ------------------------------------------------------------


def test_a_fence_of_the_same_people_has_the_same_hash() -> None:
    here = Admission("a-1", UNTIL, ("192.0.2.1/32", "192.0.2.2/32"))
    there = Admission("a-1", UNTIL.astimezone(PARIS), ("192.0.2.2/32", "192.0.2.1/32"))
    other = Admission("a-2", UNTIL)
    fence = Fence("s-in", "in", "portal", (here, other)).fingerprint("1")
    assert Fence("s-in", "in", "portal", (other, there)).fingerprint("1") == fence
    for different in (
        Fence("s-in", "in", "portal", (here,)),
        Fence("s-in", "in", "portal", (here, replace(other, until=UNTIL + timedelta(seconds=1)))),
        Fence("s-in", "in", "portal", (replace(here, addresses=()), other)),
        Fence("s-in", "in", "another", (here, other)),
        Fence("s-in", "in", "portal", (here, other), ("198.51.100.7/32",)),
    ):
        assert different.fingerprint("1") != fence
    assert Fence("s-in", "in", "portal", (here, other)).fingerprint("2") != fence


def test_every_fence_is_written_again_in_a_new_form() -> None:
    facts, _ = play(fresh(person()))
    again = {a.name for a in play(replace(facts, form="another"))[1]}
    assert again == {"put_fence", "set_members"}
