"""The API's rules and quirks, as recorded or reported from live accounts."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.portal.training.sandbox.live import LiveSandbox


IAM = "/iam/v1alpha1"
ACCOUNT = "/account/v3/projects"


def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def make(sandbox: LiveSandbox, kind: str, **more: Any) -> dict[str, Any]:
    status, body, _ = sandbox.api("POST", f"{IAM}/{kind}", {"name": name(), **more})
    assert status == 200, body
    return dict(body)


def key_of(sandbox: LiveSandbox, application: str, **more: Any) -> tuple[int, dict[str, Any]]:
    body = {"application_id": application, "description": "", **more}
    status, answer, _ = sandbox.api("POST", f"{IAM}/api-keys", body)
    return status, answer


def test_without_token_or_with_a_wrong_one(sandbox: LiveSandbox) -> None:
    for token, reason in (("", "invalid_argument"), (str(uuid.uuid4()), "not_found")):
        status, body, _ = sandbox.api("GET", ACCOUNT, token=token)
        assert (status, body["type"], body["reason"]) == (401, "denied_authentication", reason)


def test_caller_needs_the_permission(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    token = key_of(sandbox, application)[1]["secret_key"]
    status, body, _ = sandbox.api("GET", f"{IAM}/applications", token=token)
    assert status == 403
    assert body["details"] == [{"action": "read", "resource": "application"}]
    rule = {
        "permission_set_names": ["IAMReadOnly"],
        "organization_id": sandbox.organization,
    }
    make(sandbox, "policies", application_id=application, rules=[rule])
    assert sandbox.api("GET", f"{IAM}/applications", token=token)[0] == 200
    assert sandbox.api("POST", f"{IAM}/applications", {"name": "x"}, token=token)[0] == 403
    assert sandbox.api("GET", ACCOUNT, token=token)[0] == 403


def test_fresh_policy_counts_no_rule_and_put_gives_new_ids(sandbox: LiveSandbox) -> None:
    rule = {
        "permission_set_names": ["ObjectStorageReadOnly"],
        "project_ids": [sandbox.organization],
        "condition": "",
    }
    policy = make(sandbox, "policies", no_principal=True, rules=[rule])
    assert policy["nb_rules"] == 0
    assert sandbox.api("GET", f"{IAM}/policies/{policy['id']}")[1]["nb_rules"] == 1
    path = f"{IAM}/rules?policy_id={policy['id']}"
    before = sandbox.api("GET", path)[1]["rules"]
    sandbox.api("PUT", f"{IAM}/rules", {"policy_id": policy["id"], "rules": [rule]})
    after = sandbox.api("GET", path)[1]["rules"]
    assert before[0]["id"] != after[0]["id"]
    assert sandbox.api("POST", f"{IAM}/rules", {"policy_id": policy["id"]})[0] == 405


@pytest.mark.parametrize(
    ("rule", "argument"),
    [
        ({"permission_set_names": ["Nonsense"], "organization_id": "ORG"},
         "rules.permission_set_names"),
        ({"permission_set_names": [], "organization_id": "ORG"}, "rules.permission_set_names"),
        ({"permission_set_names": ["IAMManager"], "project_ids": ["ORG"]}, "rules"),
        ({"permission_set_names": ["IAMManager", "ObjectStorageReadOnly"],
          "organization_id": "ORG"}, "rules"),
        ({"permission_set_names": ["ObjectStorageReadOnly"], "project_ids": ["ORG"],
          "organization_id": "ORG"}, "rules"),
        # what the SDK sends for an organization's rule when project_ids=None is forgotten
        ({"permission_set_names": ["IAMManager"], "project_ids": []}, "rules.project_ids"),
        ({"permission_set_names": ["ObjectStorageReadOnly"], "organization_id": "ORG",
          "condition": "request.time <"}, "rules.condition"),
    ],
)  # fmt: skip
def test_rules_that_are_refused(sandbox: LiveSandbox, rule: Any, argument: str) -> None:
    told = {
        k: sandbox.organization if v == "ORG" else [sandbox.organization] if v == ["ORG"] else v
        for k, v in rule.items()
    }
    body = {"name": name(), "no_principal": True, "rules": [told]}
    status, answer, _ = sandbox.api("POST", f"{IAM}/policies", body)
    assert (status, answer["type"]) == (400, "invalid_arguments")
    assert answer["details"][0]["argument_name"] == argument


def test_names_tags_and_bodies_are_checked(sandbox: LiveSandbox) -> None:
    for body in (
        {"name": "x" * 65},
        {"name": " "},
        {"name": "ok", "description": "x" * 201},
        {"name": "ok", "tags": ["with:colon"]},
        {"name": "ok", "tags": [str(n) for n in range(11)]},
        {},
        {"name": 3},
    ):
        status, answer, _ = sandbox.api("POST", f"{IAM}/applications", body)
        assert (status, answer["message"]) == (400, "invalid argument(s)"), body
    other = sandbox.api("POST", f"{IAM}/applications", {
        "name": "ok", "organization_id": str(uuid.uuid4())
    })  # fmt: skip
    assert other[0] == 403


def test_group_settles_before_its_next_edit(sandbox: LiveSandbox) -> None:
    group = make(sandbox, "groups")
    application = make(sandbox, "applications")["id"]
    path = f"{IAM}/groups/{group['id']}"
    body = {"application_id": application}
    assert sandbox.api("POST", f"{path}/add-member", body)[0] == 200
    status, answer, _ = sandbox.api("POST", f"{path}/remove-member", body)
    assert (status, answer["type"], answer["current_state"]) == (
        409, "transient_state", "updating",
    )  # fmt: skip
    time.sleep(0.3)
    assert sandbox.api("POST", f"{path}/remove-member", body)[0] == 200
    status, answer, _ = sandbox.api("POST", f"{path}/remove-member", body)
    assert (status, answer["resource"]) == (404, "")
    status, answer, _ = sandbox.api("POST", f"{IAM}/groups", {"name": group["name"]})
    assert (status, answer["resource_id"]) == (409, group["id"])  # adopt it


def test_deleted_application_detaches_its_policies(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    policy = make(sandbox, "policies", application_id=application)
    access_key = key_of(sandbox, application)[1]["access_key"]
    assert sandbox.api("DELETE", f"{IAM}/applications/{application}")[0] == 204
    assert sandbox.api("GET", f"{IAM}/policies/{policy['id']}")[1]["no_principal"] is True
    assert sandbox.api("GET", f"{IAM}/api-keys/{access_key}")[0] == 404
    assert sandbox.api("DELETE", f"{IAM}/applications/{application}")[0] == 404


def test_api_keys(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    soon = datetime.now(UTC) + timedelta(days=1)
    status, key = key_of(sandbox, application, expires_at=soon.isoformat())
    assert status == 200
    assert len(key["access_key"]) == 20
    assert key["default_project_id"] == sandbox.organization
    path = f"{IAM}/api-keys/{key['access_key']}"
    assert sandbox.api("GET", path)[1]["secret_key"] is None
    later = (soon + timedelta(days=1)).isoformat()
    assert sandbox.api("PATCH", path, {"expires_at": later})[0] == 400  # write-once
    assert sandbox.api("PATCH", path, {"description": "d"})[1]["description"] == "d"
    listed = sandbox.api("GET", f"{IAM}/api-keys?application_id={application}")[1]
    assert (listed["total_count"], listed["api_keys"][0]["secret_key"]) == (1, None)
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert key_of(sandbox, application, expires_at=past)[0] == 400
    assert key_of(sandbox, application, default_project_id=str(uuid.uuid4()))[0] == 404
    assert key_of(sandbox, str(uuid.uuid4()))[0] == 404


def test_organization_bounds_the_life_of_keys(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    path = f"{IAM}/organizations/{sandbox.organization}/security-settings"
    assert sandbox.api("PATCH", path, {})[0] == 403  # not the portal's to change
    manager = make(sandbox, "applications")["id"]
    rule = {"permission_set_names": ["IAMManager"], "organization_id": sandbox.organization}
    make(sandbox, "policies", application_id=manager, rules=[rule])
    token = key_of(sandbox, manager)[1]["secret_key"]

    def bound(duration: str) -> int:
        changed = {"max_api_key_expiration_duration": duration}
        return sandbox.api("PATCH", path, changed, token=token)[0]

    assert bound("soon") == 400
    assert bound("3600s") == 200
    assert sandbox.api("GET", path)[1]["max_api_key_expiration_duration"] == "3600s"
    try:
        assert key_of(sandbox, application)[0] == 400
        far = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        assert key_of(sandbox, application, expires_at=far)[0] == 400
        near = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        assert key_of(sandbox, application, expires_at=near)[0] == 200
    finally:
        bound("0s")


def test_pages_and_orders(sandbox: LiveSandbox) -> None:
    prefix = name()
    for number in range(5):
        sandbox.api("POST", f"{IAM}/applications", {"name": f"{prefix}-{number}"})
    path = f"{IAM}/applications?name={prefix}"
    page = sandbox.api("GET", f"{path}&page_size=2&page=3")[1]
    assert (page["total_count"], [a["name"][-1] for a in page["applications"]]) == (5, ["4"])
    assert sandbox.api("GET", f"{path}&page_size=2&page=4")[1]["applications"] == []
    reverse = sandbox.api("GET", f"{path}&order_by=created_at_desc")[1]["applications"]
    assert [a["name"][-1] for a in reverse] == ["4", "3", "2", "1", "0"]
    for wrong in ("page_size=101", "page_size=0", "page=0", "page=x", "order_by=colour_asc"):
        assert sandbox.api("GET", f"{path}&{wrong}")[0] == 400
    # the SDK pages by itself
    found = sandbox.iam.list_applications_all(name=prefix, page_size=2)
    assert len(found) == 5


def test_project_filters_and_default_project(sandbox: LiveSandbox) -> None:
    title = name()
    status, project, _ = sandbox.api("POST", ACCOUNT, {"name": title, "description": "m=1"})
    assert (status, project["qualification"]) == (200, None)
    listed = sandbox.api("GET", f"{ACCOUNT}?name={title}")[1]
    assert [p["id"] for p in listed["projects"]] == [project["id"]]
    assert sandbox.api("GET", f"{ACCOUNT}?name={title[:-1]}")[1]["total_count"] == 0
    assert sandbox.api("DELETE", f"{ACCOUNT}/{sandbox.organization}")[0] == 403
    status, body, _ = sandbox.api("GET", f"{ACCOUNT}/{uuid.uuid4()}")
    assert (status, body["resource"]) == (404, "project_id")


def test_quotas(sandbox: LiveSandbox) -> None:
    used = sandbox.admin("state", method="GET")["usage"]["projects"]
    sandbox.admin("quotas", {"quotas": {"projects": used}})
    try:
        status, body, _ = sandbox.api("POST", ACCOUNT, {"name": name()})
        assert (status, body["type"]) == (403, "quotas_exceeded")
        assert body["details"] == [{"resource": "projects", "quota": used, "current": used}]
        assert sandbox.api("GET", f"{IAM}/quota/projects")[1]["limit"] == used
        assert sandbox.iam.list_quota(page_size=100).quota
    finally:
        sandbox.admin("quotas", {"quotas": {"projects": 1000}})


def test_changes_are_logged(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    sandbox.api("DELETE", f"{IAM}/applications/{application}")
    path = f"{IAM}/logs?resource_type=application&search={application}&page_size=100"
    logs = sandbox.api("GET", path)[1]["logs"]
    assert [entry["action"] for entry in logs] == ["created", "deleted"]
    assert {entry["bearer_id"] for entry in logs} == {sandbox.portal}


def test_permission_sets_and_policy_filters(sandbox: LiveSandbox) -> None:
    names = {s.name for s in sandbox.iam.list_permission_sets_all(page_size=20)}
    assert {"ObjectStorageObjectsRead", "IAMPolicyManager", "ProjectManager"} <= names
    application = make(sandbox, "applications")["id"]
    policy = make(sandbox, "policies", application_id=application)
    listed = sandbox.api("GET", f"{IAM}/policies?application_ids={application}")[1]
    assert [p["id"] for p in listed["policies"]] == [policy["id"]]
    ignored = sandbox.api("GET", f"{IAM}/policies?application_id={uuid.uuid4()}&page_size=1")[1]
    assert ignored["total_count"] > 0  # a bare application_id is silently ignored
    copy = sandbox.api("POST", f"{IAM}/policies/{policy['id']}/clone", {})[1]
    assert (copy["no_principal"], copy["id"] != policy["id"]) == (True, True)


def test_unknown_paths_and_bodies(sandbox: LiveSandbox) -> None:
    assert sandbox.api("GET", "/instance/v1/zones/fr-par-1/servers")[0] == 404
    assert sandbox.api("DELETE", f"{IAM}/applications")[0] == 405
    assert sandbox.api("POST", f"{IAM}/applications", ["not", "an", "object"])[0] == 400


def test_condition_of_a_rule_limits_the_caller(sandbox: LiveSandbox) -> None:
    application = make(sandbox, "applications")["id"]
    token = key_of(sandbox, application)[1]["secret_key"]

    def rule(condition: str) -> dict[str, Any]:
        return {
            "permission_set_names": ["IAMReadOnly"],
            "organization_id": sandbox.organization,
            "condition": condition,
        }

    policy = make(sandbox, "policies", application_id=application,
                  rules=[rule('inIpRange(request.ip, "10.0.0.0/8")')])  # fmt: skip
    assert sandbox.api("GET", f"{IAM}/applications", token=token)[0] == 403
    rules = [rule('inIpRange(request.ip, "127.0.0.0/8")')]
    sandbox.api("PUT", f"{IAM}/rules", {"policy_id": policy["id"], "rules": rules})
    assert sandbox.api("GET", f"{IAM}/applications", token=token)[0] == 200
