"""Steps on who may enter a study: applications, group, policy. Each can be done again."""

from collections.abc import Collection

from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.models import CloudResource
from requests_app.provisioning import plan
from requests_app.provisioning.facts import READY
from requests_app.provisioning.fences import PERMISSION_SETS, fingerprint
from requests_app.provisioning.plan import Action
from requests_app.provisioning.providers.port import NotFound, Transient
from requests_app.provisioning.worker.passes import (
    INTENDED,
    Pass,
    _known,
    adopt_or_create,
    intend,
    note,
    settle,
    wait_out_lag,
)


EMPTY = "empty"  # in place of a policy's hash: its list of rules was last answered empty


def ensure_application(work: Pass, action: Action) -> None:
    """One application per person; its name and tags are opaque ids, never a name or an e-mail."""
    grant = work.grant(action)
    row = intend(work, "application", action.grant)
    tag = f"guichet-grant={grant.pk}"
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_applications(tag=tag),
        create=lambda: work.backend.create_application(
            name=f"hds-{str(grant.pk)[:8]}-{work.workspace.slug}"[:64], tags=[work.tag, tag]
        ),
        delete=work.backend.delete_application,
    )
    settle(work, row, external_id=external_id)


def ensure_group(work: Pass, action: Action) -> None:
    row = intend(work, "group")
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_groups(tag=work.tag),
        create=lambda: work.backend.create_group(
            name=f"hds-{work.workspace.slug}"[:64], tags=[work.tag]
        ),
        delete=work.backend.delete_group,
        ask=work.backend.group_members,
    )
    members, policy = intend(work, "members"), work.snap.resource("policy")
    with work.lease.write():  # a new group is empty and has no rights, whatever the last one held
        members.spec_hash = ""
        members.save(update_fields=["spec_hash", "updated_at"])
        if policy is not None and policy.status == READY:
            policy.status = INTENDED
            policy.save(update_fields=["status", "updated_at"])
        settle(work, row, external_id=external_id)


def ensure_iam_policy(work: Pass, action: Action) -> None:
    """One policy for the study's group, on the study's project only (saves the quota of 50)."""
    row = intend(work, "policy")
    group = work.snap.external_id("group")
    external_id = adopt_or_create(
        work,
        row,
        find=lambda: work.backend.find_policies(tag=work.tag),
        create=lambda: work.backend.create_policy(
            name=f"hds-{work.workspace.slug}"[:64],
            tags=[work.tag],
            group=group,
            project=work.project,
            permission_sets=PERMISSION_SETS,
        ),
        delete=work.backend.delete_policy,
        ask=work.backend.policy_principal,
    )
    if work.backend.policy_principal(external_id) != group:  # it may be an earlier group's
        bind_policy(work, external_id, group)
    if work.backend.policy_rules(external_id) != wanted_rules(work):  # the create does not say
        work.backend.set_policy_rules(
            external_id, project=work.project, permission_sets=PERMISSION_SETS
        )
    settle(work, row, external_id=external_id)


def wanted_rules(work: Pass) -> frozenset[tuple[frozenset[str], frozenset[str]]]:
    return frozenset({(frozenset(PERMISSION_SETS), frozenset({work.project}))})


def bind_policy(work: Pass, policy: str, group: str) -> None:
    """Give the study's rules to its group, and read it back."""
    work.backend.bind_policy(policy, group=group)
    if work.backend.policy_principal(policy) != group:
        raise Transient(_("les droits relus ne sont pas ceux du groupe de l’étude"))


def believe_rules(work: Pass, row: CloudResource, rules: Collection[object]) -> None:
    """An empty list of rules is believed once it has lasted: lists lag. Raises Wait before."""
    seen_empty = row.spec_hash == EMPTY
    if bool(rules) == seen_empty:
        with work.lease.write():
            row.spec_hash, row.attempted_at = ("", None) if rules else (EMPTY, timezone.now())
            row.save(update_fields=["spec_hash", "attempted_at", "updated_at"])
    if not rules:
        wait_out_lag(row.attempted_at)


def set_members(work: Pass, action: Action) -> None:
    wanted = plan.wanted_members(work.snap.facts)
    group = work.snap.external_id("group")
    row = intend(work, "members")
    try:
        work.backend.set_group_members(group, wanted)
    except NotFound:
        if _known(work.snap.resources["group", ""], work.backend.group_members):
            raise  # it is an application that is not there
        _group_is_gone(work)
        return
    if work.backend.group_members(group) != frozenset(wanted):
        raise Transient(_("le groupe relu n’est pas celui qui est écrit"))
    settle(work, row, spec_hash=fingerprint(wanted))


def _group_is_gone(work: Pass) -> None:
    """Nobody is a member of a group that is gone: no closing waits for it, an opening makes it
    again."""
    row = work.snap.resources["group", ""]
    with work.lease.write():
        row.status, row.attempted_at = INTENDED, timezone.now()
        row.save(update_fields=["status", "attempted_at", "updated_at"])
        note(work, "group_gone", "", row.external_id)
