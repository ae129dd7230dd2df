"""Preflight of the real object store: it enforces what the sandbox compiles into it.

Not the acceptance (which plays the product's own backend on both stores): only that this server is
one on which that acceptance means something. Answers are judged by status 403, never by code: it
differs between servers and, for a removed key, between two instants.
"""

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


pytestmark = pytest.mark.engine("rgw")
OBJECTS = ["s3:GetObject", "s3:PutObject"]


@dataclass(frozen=True)
class Key:
    access: str
    secret: str


def new_key() -> Key:
    """An access key of Scaleway's form."""
    return Key(f"SCW{uuid.uuid4().hex[:17].upper()}", str(uuid.uuid4()))


def s3(key: Key, address: str = "") -> Any:
    """A client; `address` is what a front would say of its own client in X-Forwarded-For."""
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["TEST_RGW_ENDPOINT"],
        region_name=os.environ["TEST_RGW_REGION"],
        aws_access_key_id=key.access,
        aws_secret_access_key=key.secret,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )
    if address:

        def say(request: Any, **kwargs: Any) -> None:
            request.headers["X-Forwarded-For"] = address

        client.meta.events.register("before-send.s3", say)
    return client


def status(call: Callable[..., Any], **arguments: Any) -> int:
    """HTTP status of a call, success or refusal."""
    try:
        return int(call(**arguments)["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


class Store:
    """The owner's account and the users it makes for applications."""

    def __init__(self) -> None:
        self.owner = Key(os.environ["TEST_RGW_ACCESS_KEY"], os.environ["TEST_RGW_SECRET_KEY"])
        self.tag = uuid.uuid4().hex[:8]

    def admin(self, method: str, path: str, **query: Any) -> None:
        """One call of the Admin Ops API; a None value makes a bare parameter."""
        words = [
            name.replace("_", "-") + ("" if value is None else f"={quote(str(value), safe='')}")
            for name, value in query.items()
        ]
        url = f"{os.environ['TEST_RGW_ENDPOINT']}/admin{path}?{'&'.join(words)}"
        request = AWSRequest(method=method, url=url)
        credentials = Credentials(self.owner.access, self.owner.secret)
        S3SigV4Auth(credentials, "s3", os.environ["TEST_RGW_REGION"]).add_auth(request)
        answer = requests.request(method, url, headers=dict(request.headers), timeout=20)
        assert answer.status_code < 300, (
            f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        )

    def user(self, name: str) -> str:
        uid = f"{name}-{self.tag}"
        self.admin("PUT", "/user", uid=uid, display_name=name, generate_key="false", max_buckets=-1)
        return uid

    def add_key(self, uid: str) -> Key:
        key = new_key()
        words = {"uid": uid, "access_key": key.access, "secret_key": key.secret}
        self.admin("PUT", "/user", key=None, **words, generate_key="false")
        return key

    def remove_key(self, uid: str, key: Key) -> None:
        self.admin("DELETE", "/user", key=None, uid=uid, access_key=key.access)

    def bucket(self, name: str) -> str:
        bucket = f"{name}-{self.tag}"
        s3(self.owner).create_bucket(Bucket=bucket)
        return bucket

    def allow(
        self, bucket: str, uid: str, actions: list[str], condition: dict[str, Any] | None = None
    ) -> None:
        """These actions, for this user, on this bucket and nothing else."""
        on_objects = [a for a in actions if "Object" in a]
        statements = []
        for chosen, resource in (
            (on_objects, f"{bucket}/*"),
            ([a for a in actions if a not in on_objects], bucket),
        ):
            if chosen:
                statement = {
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:aws:iam:::user/{uid}"]},
                    "Action": chosen,
                    "Resource": [f"arn:aws:s3:::{resource}"],
                }
                statements.append(statement | ({"Condition": condition} if condition else {}))
        policy = {"Version": "2012-10-17", "Statement": statements}
        s3(self.owner).put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@dataclass
class Study:
    bucket: str
    uid: str
    key: Key


@pytest.fixture
def study(store: Store) -> Study:
    """A bucket with one object, a person's user with a key, and no right yet."""
    store.tag = uuid.uuid4().hex[:8]
    bucket, uid = store.bucket("etude"), store.user("personne")
    s3(store.owner).put_object(Bucket=bucket, Key="extrait.csv", Body=b"a;b\n1;2\n")
    return Study(bucket, uid, store.add_key(uid))


def test_without_a_policy_another_user_is_refused(study: Study) -> None:
    assert status(s3(study.key).get_object, Bucket=study.bucket, Key="extrait.csv") == 403
    assert status(s3(study.key).list_objects_v2, Bucket=study.bucket) == 403


def test_read_only_is_read_only(store: Store, study: Study) -> None:
    store.allow(study.bucket, study.uid, ["s3:GetObject", "s3:ListBucket"])
    client = s3(study.key)
    assert status(client.get_object, Bucket=study.bucket, Key="extrait.csv") == 200
    assert status(client.list_objects_v2, Bucket=study.bucket) == 200
    assert status(client.put_object, Bucket=study.bucket, Key="x", Body=b"x") == 403
    assert status(client.delete_object, Bucket=study.bucket, Key="extrait.csv") == 403
    assert status(client.get_bucket_policy, Bucket=study.bucket) == 403


def test_a_right_on_one_bucket_gives_none_on_another(store: Store, study: Study) -> None:
    other = store.bucket("autre")
    store.allow(study.bucket, study.uid, OBJECTS)
    assert status(s3(study.key).put_object, Bucket=other, Key="x", Body=b"x") == 403
    assert status(s3(study.key).create_bucket, Bucket=f"mien-{store.tag}") in {400, 403}


def test_the_clients_address_is_judged(store: Store, study: Study) -> None:
    """Behind the sandbox's face the address is what it says in X-Forwarded-For."""
    here = {"IpAddress": {"aws:SourceIp": ["10.1.2.3/32"]}}
    store.allow(study.bucket, study.uid, OBJECTS, here)
    wanted = {"Bucket": study.bucket, "Key": "extrait.csv"}
    assert status(s3(study.key, "10.1.2.3").get_object, **wanted) == 200
    assert status(s3(study.key, "10.1.2.4").get_object, **wanted) == 403
    assert status(s3(study.key).get_object, **wanted) == 403


@pytest.mark.parametrize(("minutes", "expected"), [(5, 200), (-5, 403)])
def test_the_end_date_is_judged(store: Store, study: Study, minutes: int, expected: int) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    store.allow(study.bucket, study.uid, OBJECTS, {"DateLessThan": {"aws:CurrentTime": end}})
    got = status(s3(study.key).get_object, Bucket=study.bucket, Key="extrait.csv")
    assert got == expected


def test_a_removed_key_is_refused_at_once_and_the_other_goes_on(store: Store, study: Study) -> None:
    store.allow(study.bucket, study.uid, OBJECTS)
    probe, wanted = store.add_key(study.uid), {"Bucket": study.bucket, "Key": "extrait.csv"}
    link = s3(study.key).generate_presigned_url("get_object", Params=wanted, ExpiresIn=300)
    assert requests.get(link, timeout=10).status_code == 200
    store.remove_key(study.uid, study.key)
    assert [status(s3(study.key).get_object, **wanted) for _ in range(10)] == [403] * 10
    assert requests.get(link, timeout=10).status_code == 403, "presigned links die with their key"
    assert status(s3(probe).get_object, **wanted) == 200


def test_a_policy_withdrawn_is_a_right_withdrawn(store: Store, study: Study) -> None:
    store.allow(study.bucket, study.uid, OBJECTS)
    s3(store.owner).delete_bucket_policy(Bucket=study.bucket)
    assert status(s3(study.key).get_object, Bucket=study.bucket, Key="extrait.csv") == 403


def test_wrong_signature_and_unknown_key_are_refused(study: Study) -> None:
    wanted = {"Bucket": study.bucket, "Key": "extrait.csv"}
    assert status(s3(Key(study.key.access, "x")).get_object, **wanted) == 403
    assert status(s3(new_key()).get_object, **wanted) == 403


def test_a_tampered_link_is_refused(store: Store, study: Study) -> None:
    store.allow(study.bucket, study.uid, OBJECTS)
    wanted = {"Bucket": study.bucket, "Key": "extrait.csv"}
    link = s3(study.key).generate_presigned_url("get_object", Params=wanted, ExpiresIn=300)
    path = urlsplit(link).path
    assert requests.get(link.replace(path, f"{path}2"), timeout=10).status_code == 403
