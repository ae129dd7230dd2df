"""Bucket policies and IAM conditions, without a server; and what they become for Ceph."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.training.sandbox import bucket_policy, conditions
from portal.training.sandbox.bucket_policy import Facts, allows, normalize
from portal.training.sandbox.resources import ApiKey, Application, Bucket, Policy, Project, Rule
from portal.training.sandbox.rgw_compile import application_uid, compile_rights
from portal.training.sandbox.s3_errors import S3Error
from portal.training.sandbox.state import View


NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
APP = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
FACTS = Facts("127.0.0.1", NOW)


def statement(**more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"SCW": f"application_id:{APP}"},
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": ["b", "b/*"],
    } | more


def policy(*statements: dict[str, Any], version: str = "2023-04-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def check(text: str) -> str:
    return normalize(text.encode(), bucket="b", known=lambda p: OTHER not in p)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (policy(statement(Action="s3:HeadObject")), "action"),
        (policy(statement(Action=["s3:DeleteObjects"])), "action"),
        (policy(statement(Action="s3:Get*")), "action"),
        (policy(statement(Action=[])), "action"),
        (policy(statement(Resource="arn:aws:s3:::b/*")), "resource"),
        (policy(statement(Resource="other/*")), "resource"),
        (policy(statement(Resource=["b", "bb/*"])), "resource"),
        (policy(statement(Principal={"AWS": "x"})), "principal"),
        (policy(statement(Principal={"SCW": "nonsense"})), "principal"),
        (policy(statement(Principal={"SCW": f"application_id:{OTHER}"})), "principal"),
        (policy(statement(Principal={"SCW": []})), "principal"),
        (policy(statement(), version="2012-10-17"), "principal"),
        (policy(statement(), version="2020-01-01"), "version"),
        (policy(statement(Effect="Maybe")), "effect"),
        (policy(statement(NotAction="s3:GetObject")), "unknown field"),
        (policy(statement(Condition={"Bool": {"aws:SecureTransport": "true"}})), "condition"),
        (policy(statement(Condition={"IpAddress": {"aws:SourceIp": "300.1.1.1"}})), "condition"),
        (policy(statement(Condition={"DateLessThan": {"aws:CurrentTime": "soon"}})), "condition"),
        (policy(statement(Condition={"StringLike": {"s3:max-keys": "1"}})), "condition"),
        (policy(statement(Condition="no")), "condition"),
        (policy(), "statement"),
        (json.dumps({"Version": "2023-04-17", "Statement": [1]}), "statement"),
        (json.dumps({"Version": "2023-04-17", "Id": "x" * 281, "Statement": [statement()]}), "id"),
        (policy(*[statement(Sid="x" * 200)] * 100), "large"),
        ("{", "JSON"),
        ("[]", "field"),
    ],
)
def test_policies_that_are_refused(wrong: str, message: str) -> None:
    with pytest.raises(S3Error, match="400 MalformedPolicy") as error:
        check(wrong)
    assert message in error.value.message


def test_actions_come_back_sorted() -> None:
    kept = json.loads(check(policy(statement())))
    assert kept["Statement"][0]["Action"] == ["s3:GetObject", "s3:ListBucket"]


def decide(text: str, **more: Any) -> bool:
    asked: dict[str, Any] = {
        "principal": f"application_id:{APP}",
        "action": "s3:GetObject",
        "resource": "b/k",
        "facts": FACTS,
    }
    return allows(check(text), **(asked | more))


def test_what_is_not_allowed_is_refused() -> None:
    text = policy(statement())
    assert decide(text)
    assert not decide(text, action="s3:PutObject")
    assert not decide(text, principal=f"application_id:{OTHER}")
    assert not decide(text, principal=None)
    assert decide(policy(statement(Principal="*")), principal=None)
    assert decide(policy(statement(Action="*")), action="s3:PutObject")
    assert not decide(policy(statement(), statement(Effect="Deny", Resource="b/k")))
    assert decide(policy(statement(Resource="b/dir/*")), resource="b/dir/x/y")
    assert not decide(policy(statement(Resource="b/dir/*")), resource="b/dirx")
    assert not decide(policy(statement(Resource="b/[k]*")), resource="b/k")  # no brackets
    assert decide(policy(statement(Resource="b/[k]*")), resource="b/[k]1")


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.1"]}}, FACTS, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, FACTS, False),
        ({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}, FACTS, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, FACTS, True),
        ({"DateLessThan": {"aws:CurrentTime": "2027-01-10T12:00:01Z"}}, FACTS, True),
        ({"DateLessThan": {"aws:CurrentTime": "2027-01-10T12:00:00Z"}}, FACTS, False),
        ({"DateLessThanEquals": {"aws:CurrentTime": "2027-01-10T12:00:00Z"}}, FACTS, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2027-01-10"}}, FACTS, True),
        ({"DateGreaterThanEquals": {"aws:EpochTime": "1799582400"}}, FACTS, True),
        ({"StringEquals": {"s3:prefix": ["a", "b"]}}, Facts("::1", NOW, prefix="b"), True),
        ({"StringEquals": {"s3:prefix": "a"}}, FACTS, False),  # no prefix at all
        ({"StringNotEquals": {"s3:prefix": "a"}}, FACTS, True),
        ({"StringNotLike": {"s3:prefix": "a*"}}, Facts("::1", NOW, prefix="ab"), False),
        ({"StringLike": {"aws:Referer": "https://x/*"}},
         Facts("::1", NOW, referer="https://x/1"), True),
        ({"StringEqualsIgnoreCase": {"aws:Referer": "X"}}, Facts("::1", NOW, referer="x"), True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"},
          "DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, FACTS, False),
    ],
)  # fmt: skip
def test_conditions(condition: Any, facts: Facts, expected: bool) -> None:
    assert decide(policy(statement(Condition=condition)), facts=facts) is expected


@given(st.text(max_size=40), st.text(max_size=40))
def test_patterns_are_literal_but_for_stars_and_marks(text: str, tail: str) -> None:
    like, _ = bucket_policy.OPERATORS["StringLike"]
    literal = text.replace("*", "").replace("?", "")
    assert like(literal, literal)
    assert like(literal + tail, f"{literal}*")
    assert not like(literal + "x" + tail, literal) or tail + "x" == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ('request.time < timestamp("2027-03-31T00:00:00Z")', True),
        ('request.time < timestamp("2027-01-01T00:00:00Z")', False),
        ('inIpRange(request.ip, "127.0.0.0/8") && !(request.user_agent == "x")', True),
        ('request.ip == "1.1.1.1" || request.user_agent.startsWith("boto")', True),
        ('resource.name.startsWith("hds-")', False),  # unknown here: fails closed
        ('!has(resource.id) || resource.name == "x"', True),
        ("request.ip < 3", None),
        ("request.ip ==", None),
        ("nonsense(1)", None),
        ('"a" "b"', None),
        ("(request.ip", None),
    ],
)
def test_iam_conditions(text: str, expected: bool | None) -> None:
    facts = conditions.Facts("127.0.0.1", NOW, "boto3/1")
    assert conditions.holds(text, facts) is bool(expected)
    if expected is None:
        with pytest.raises(conditions.ConditionSyntaxError):
            conditions.parse(text)


# What a Ceph gateway is told

PROJECT = "33333333-3333-4333-8333-333333333333"
ELSEWHERE = "44444444-4444-4444-8444-444444444444"
DATES: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}


def view(*, sets: tuple[str, ...], expires_at: datetime | None = None) -> View:
    projects = {
        p: Project(id=p, name="p", organization_id="o", description="", **DATES)
        for p in (PROJECT, ELSEWHERE)
    }
    rule = Rule(
        id="r",
        permission_set_names=sets,
        permission_sets_scope_type="projects",
        project_ids=(PROJECT,),
    )
    held = Policy(
        id="p", name="p", description="", organization_id="o", application_id=APP,
        rules=(rule,), **DATES,
    )  # fmt: skip
    key = ApiKey(
        access_key="SCWKEY", secret_key="s", application_id=APP, description="",
        expires_at=expires_at, default_project_id=PROJECT, creation_ip="", **DATES,
    )  # fmt: skip
    application = Application(id=APP, name="a", description="", organization_id="o", **DATES)
    return View(projects, {APP: application}, {}, {"p": held}, {"SCWKEY": key})


def bucket(text: str | None) -> Bucket:
    return Bucket(name="b", project_id=PROJECT, region="fr-par", created_at=NOW, policy=text)


def compiled(text: str | None, **more: Any) -> list[dict[str, Any]]:
    given = view(**({"sets": ("ObjectStorageFullAccess",)} | more))
    desired = compile_rights(given, [bucket(text)], now=NOW, offset=timedelta())
    told = desired.policies["b"]
    return [] if told is None else list(json.loads(told)["Statement"])


def test_application_has_one_ceph_user_per_project() -> None:
    given = view(sets=("ObjectStorageFullAccess",))
    users = compile_rights(given, [], now=NOW, offset=timedelta()).users
    assert users == {
        application_uid(APP, PROJECT): {"SCWKEY": "s", f"SCWKEY@{PROJECT}": "s"},
    }
    expired = view(sets=("ObjectStorageFullAccess",), expires_at=NOW)
    assert compile_rights(expired, [], now=NOW, offset=timedelta()).users == {
        application_uid(APP, PROJECT): {}
    }


def test_compiled_actions_are_those_of_both_iam_and_policy() -> None:
    [allow, *denied] = compiled(policy(statement()), sets=("ObjectStorageObjectsRead",))
    assert allow["Action"] == ["s3:GetObject", "s3:ListBucket"]
    refused = {action for s in denied for action in s["Action"]}
    assert "s3:PutObject" in refused
    assert "s3:GetObject" not in refused
    [only] = compiled(policy(statement()), sets=("ObjectStorageObjectsWrite",))
    assert only["Effect"] == "Deny"
    everything = compiled(None, sets=("ObjectStorageObjectsRead",))[0]
    assert "s3:GetObject" in everything["Action"]
    assert "s3:PutObject" not in everything["Action"]


def test_nearest_end_is_compiled() -> None:
    ends = NOW + timedelta(days=3)
    condition = {"DateLessThan": {"aws:CurrentTime": "2027-01-11T12:00:00Z"}}
    text = policy(statement(Condition=condition))
    allow = compiled(text, expires_at=ends)[0]
    assert allow["Condition"]["DateLessThan"]["aws:CurrentTime"] == ["2027-01-11T12:00:00Z"]
    allow = compiled(policy(statement()), expires_at=ends)[0]
    assert allow["Condition"]["DateLessThan"]["aws:CurrentTime"] == ["2027-01-13T12:00:00Z"]
    given = view(sets=("ObjectStorageFullAccess",))
    ahead = compile_rights(given, [bucket(text)], now=NOW, offset=timedelta(days=1)).policies["b"]
    # the sandbox's day ahead is the gateway's today
    assert '"aws:CurrentTime": ["2027-01-10T12:00:00Z"]' in str(ahead)


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "IpAddress": st.fixed_dictionaries(
            {"aws:SourceIp": st.lists(st.sampled_from(["127.0.0.1", "127.0.0.2"]), min_size=1)}
        ),
        "DateLessThan": st.fixed_dictionaries(
            {"aws:CurrentTime": st.sampled_from(["2027-01-09T00:00:00Z", "2027-01-11T00:00:00Z"])}
        ),
    },
)
STATEMENTS = st.builds(
    lambda condition, actions, resource: statement(
        Condition=condition, Action=sorted(actions), Resource=[resource]
    ),
    CONDITIONS,
    st.sets(st.sampled_from(["s3:GetObject", "s3:PutObject"]), min_size=1),
    st.sampled_from(["b/*", "b/r/*"]),
)


@given(
    st.lists(STATEMENTS, min_size=1, max_size=3),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
    st.sampled_from(["b/k", "b/r/k"]),
    st.sampled_from(["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
)
def test_compiled_policy_decides_alike(
    sources: list[dict[str, Any]], action: str, resource: str, ip: str
) -> None:
    """AWS's reading of the compiled statements is our reading of the source."""
    text = check(policy(*sources))
    facts = Facts(ip, NOW)
    ours = allows(
        text, principal=f"application_id:{APP}", action=action, resource=resource, facts=facts
    )
    effects = {
        s["Effect"]
        for s in compiled(text)
        if action in s["Action"] and _resource(s, resource) and _conditions(s, facts)
    }
    assert (effects == {"Allow"}) is ours
    if not ours and len(sources) == 1:  # an uploader's own rights are fenced too
        assert "Deny" in effects


def _resource(written: dict[str, Any], resource: str) -> bool:
    like, _ = bucket_policy.OPERATORS["StringLike"]
    named = written.get("Resource", written.get("NotResource"))
    found = any(like(resource, name.removeprefix("arn:aws:s3:::")) for name in named)
    return found is ("Resource" in written)


def _conditions(written: dict[str, Any], facts: Facts) -> bool:
    for operator, keys in written.get("Condition", {}).items():
        compare, negated = bucket_policy.OPERATORS[operator]
        for key, values in keys.items():
            actual = facts.value(key) or ""
            if any(compare(actual, value) for value in values) is negated:
                return False
    return True
