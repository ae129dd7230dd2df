"""The main path on a live sandbox: opened, used, closed, with what the provider holds compared."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from requests_app.models import Credential, Grant, Workspace
from requests_app.provisioning import reveal

from . import world
from .live import Live


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_study_opens_is_used_and_closes(live: Live, play: Callable[..., Workspace]) -> None:
    workspace = play(world.study())
    grant = workspace.grants.get()
    assert (grant.state, workspace.last_error) == ("open", "")
    key = reveal.reveal(grant, by=grant.person)
    s3 = live.s3(key.access_key, key.secret_key)
    listed = s3.list_objects_v2(Bucket=key.settings.bucket_in)
    assert "manifest.json" in [o["Key"] for o in listed["Contents"]]
    s3.put_object(Bucket=key.settings.bucket_ws, Key="mine.txt", Body=b"x")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=key.settings.bucket_in, Key="mine.txt", Body=b"x")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    world.close(grant)
    play(workspace)
    grant.refresh_from_db()
    assert grant.state == "closed"
    assert grant.revocation_seconds is not None
    with pytest.raises(ClientError):
        s3.list_objects_v2(Bucket=key.settings.bucket_in)
    assert not Credential.objects.filter(grant=grant, deleted_at__isnull=True).exists()
    state = live.state()
    assert [p["name"] for p in state["projects"] if p["name"] != "default"]
    assert len(state["buckets"]) == 2  # data are kept: no retention decision was taken
    assert [a["name"] for a in state["applications"]] == ["guichet-portal"]
    assert len(state["api_keys"]) == 1
    assert (len(state["groups"]), len(state["policies"])) == (0, 1)
    assert Grant.objects.get(pk=grant.pk).probes.filter(expected="refused").exists()
