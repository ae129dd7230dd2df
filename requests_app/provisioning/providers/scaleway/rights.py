"""A study's rights at Scaleway: one group, one policy for it on the study's project only (saves the
quota of 50), persons as the group's members. Each sub-step has its line in the study's book.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from requests_app.provisioning.fences import Admission
from requests_app.provisioning.providers.adopting import adopt_or_create, known, remove_tagged
from requests_app.provisioning.providers.errors import NotAsWritten, NotFound, RightsGone
from requests_app.provisioning.providers.port import Book
from requests_app.provisioning.providers.scaleway.policies import PERMISSION_SETS
from requests_app.provisioning.providers.scaleway.wire import Rules, Wire
from requests_app.provisioning.providers.values import Finding, Study


EMPTY = "empty"  # beside a policy: its list of rules was last answered empty


def tag_of(study: Study) -> str:
    """Marker of everything made for a study; no colon, which tags refuse."""
    return f"guichet-req={study.id}"


def name_of(study: Study) -> str:
    return f"hds-{study.slug}"[:64]


def ensure(wire: Wire, study: Study, book: Book) -> None:
    """Group first: the policy is the group's."""
    for kind, make in (("group", _ensure_group), ("policy", _ensure_policy)):
        entry = book.entry(kind)
        if entry is None or not entry.ready:
            make(wire, study, book)


def _ensure_group(wire: Wire, study: Study, book: Book) -> None:
    group = adopt_or_create(
        book,
        "group",
        find=lambda: wire.find_groups(tag=tag_of(study)),
        create=lambda: wire.create_group(name=name_of(study), tags=[tag_of(study)]),
        delete=wire.delete_group,
        ask=wire.group_members,
    )
    policy = book.entry("policy")
    with book.together():  # a new group is empty and has no rights, whatever the last one held
        book.unwritten("members")
        if policy is not None and policy.ready:
            book.doubt("policy", lag=False)
        book.settle("group", external_id=group)


def _ensure_policy(wire: Wire, study: Study, book: Book) -> None:
    group = book.id_of("group")
    policy = adopt_or_create(
        book,
        "policy",
        find=lambda: wire.find_policies(tag=tag_of(study)),
        create=lambda: wire.create_policy(
            name=name_of(study),
            tags=[tag_of(study)],
            group=group,
            project=study.ref,
            permission_sets=PERMISSION_SETS,
        ),
        delete=wire.delete_policy,
        ask=wire.policy_principal,
    )
    if wire.policy_principal(policy) != group:  # it may be an earlier group's
        _bind(wire, policy, group)
    if wire.policy_rules(policy) != _wanted(study):  # the create does not say
        wire.set_policy_rules(policy, project=study.ref, permission_sets=PERMISSION_SETS)
    book.settle("policy", external_id=policy)


def _wanted(study: Study) -> Rules:
    return frozenset({(frozenset(PERMISSION_SETS), frozenset({study.ref}))})


def _bind(wire: Wire, policy: str, group: str) -> None:
    """Give the study's rules to its group, and read it back."""
    wire.bind_policy(policy, group=group)
    if wire.policy_principal(policy) != group:
        raise NotAsWritten("rights")


def check(wire: Wire, study: Study, book: Book) -> Iterable[Finding]:
    """The study's rules are what was written, and its group's: mended on the policy itself, whose
    id is known, so that no list is asked whether it exists."""
    entry = book.entry("policy")
    if entry is None or not entry.ready:
        return
    policy, group = entry.id, book.id_of("group")  # no group: a new one takes the policy up
    try:
        principal, rules = wire.policy_principal(policy), wire.policy_rules(policy)
    except NotFound:
        book.doubt("policy")
        yield "rights_changed", False
        return
    if group and principal != group:
        yield "rights_moved", bool(principal)
        _bind(wire, policy, group)
    _believe(book, rules)
    if rules != _wanted(study):
        yield "rights_changed", bool(rules)
        wire.set_policy_rules(policy, project=study.ref, permission_sets=PERMISSION_SETS)


def _believe(book: Book, rules: Collection[object]) -> None:
    """An empty list of rules is believed once it has lasted: lists lag. Waits before."""
    entry = book.entry("policy")
    if entry is not None and bool(rules) == (entry.spec == EMPTY):
        book.mark("policy", spec="" if rules else EMPTY)
    if not rules:
        entry = book.entry("policy")
        book.wait_out_lag(entry.attempted_at if entry is not None else None)


def admit(wire: Wire, study: Study, admissions: Sequence[Admission], book: Book) -> bool:
    """Until when and from where is the fences' affair: a group has members, and that is all."""
    group, wanted = book.id_of("group"), sorted(a.person for a in admissions)
    try:
        wire.set_group_members(group, wanted)
    except NotFound:
        if known(book.entry("group"), wire.group_members):
            raise  # it is an application that is not there
        # Nobody is a member of a group that is gone: no closing waits for it, an opening makes it
        # again.
        with book.together():
            book.doubt("group")
            book.note("group_gone", "", group)
        return False
    if wire.group_members(group) != frozenset(wanted):
        raise NotAsWritten("members")
    return True


def admitted(wire: Wire, book: Book) -> frozenset[str] | None:
    entry = book.entry("group")
    if entry is None or not entry.ready:
        return None
    try:
        return wire.group_members(entry.id)
    except NotFound as error:
        book.doubt("group")
        raise RightsGone from error


def remove(wire: Wire, study: Study, book: Book) -> None:
    """Policies outlive their principal and eat the quota: deleted explicitly, and first."""
    tag = tag_of(study)
    remove_tagged(
        book, "policy", find=partial(wire.find_policies, tag=tag), delete=wire.delete_policy
    )
    remove_tagged(book, "group", find=partial(wire.find_groups, tag=tag), delete=wire.delete_group)
