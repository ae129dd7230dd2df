"""Steps on who may enter a study: identities, the study's rights, its members. Each can be done
again."""

from requests_app.provisioning import plan
from requests_app.provisioning.plan import Action
from requests_app.provisioning.worker.passes import Pass, intend, settle


def ensure_person(work: Pass, action: Action) -> None:
    """One identity per person; its name is an opaque id, never a name or an e-mail."""
    person = work.backend.ensure_person(work.study, action.grant, work.book)
    settle(work, intend(work, work.snap.rows.person, action.grant), external_id=person)


def remove_person(work: Pass, action: Action) -> None:
    work.backend.remove_person(work.study, action.grant, work.book)


def ensure_rights(work: Pass, action: Action) -> None:
    work.backend.ensure_rights(work.study, work.book)


def remove_rights(work: Pass, action: Action) -> None:
    work.backend.remove_rights(work.study, work.book)


def set_members(work: Pass, action: Action) -> None:
    row = intend(work, "members")
    if work.backend.admit(work.study, plan.wanted_members(work.snap.facts), work.book):
        settle(work, row, spec_hash=plan.members_hash(work.snap.facts))
