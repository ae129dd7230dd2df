"""In what order rows are locked, by whoever locks several: two who took them in another order would
wait for each other, and PostgreSQL would end one of them.

1. requests, by key; 2. stages, by key; 3. grants, by study and key; 4. the study's workspace;
5. its extract; 6. what hangs on them: credentials, resources, deposits. A step may be left out,
never gone back to. A query that locks says `of=("self",)`: without it the rows that it joins are
locked too, out of turn.

Extracts of several studies are locked by key (`Preparation.take`), workspaces one in each
transaction (`sweeping.wake_ending`): an UPDATE of many rows locks them in an order that nobody
chose.
"""

from uuid import UUID

from requests_app.models import AccessRequest, Grant, Workspace


def lock_grants(workspace_id: UUID) -> None:
    """1 and 3, inside the caller's transaction: the request of a study, then all its grants."""
    request = AccessRequest.objects.filter(workspace__pk=workspace_id)
    list(request.select_for_update(of=("self",)).values_list("pk", flat=True))
    grants = Grant.objects.filter(workspace_id=workspace_id).order_by("pk")
    list(grants.select_for_update(of=("self",)).values_list("pk", flat=True))


def lock_study(workspace_id: UUID) -> None:
    """The same, then 4: the workspace, before anything that hangs on it is written."""
    lock_grants(workspace_id)
    rows = Workspace.objects.filter(pk=workspace_id).select_for_update(of=("self",))
    list(rows.values_list("pk", flat=True))
