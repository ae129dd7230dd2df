"""What a grant on Scaleway must give and refuse, on both object stores of the sandbox.

The same file runs on the embedded store and on a real Ceph gateway, whose server nobody here wrote.
Source: scaleway documentation, "Combining IAM and Object Storage permissions".
"""

import io
import json
import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from scaleway import ScalewayException

from tests.portal.training.sandbox.live import (
    READ,
    LiveSandbox,
    Study,
    outcome,
    refused,
    request,
    wait_until,
)


STORES = ["moto", pytest.param("rgw", marks=pytest.mark.engine("rgw"))]
QUOTAS = dict.fromkeys(
    ("projects", "iam_policies", "iam_groups", "iam_applications", "iam_api_keys",
     "object_storage_buckets"), 1000,
)  # fmt: skip


@pytest.fixture(scope="module", params=STORES)
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSandbox]:
    root = tmp_path_factory.mktemp(request.param) / "root"
    sandbox = LiveSandbox(root, store=request.param).start()
    sandbox.admin("quotas", {"quotas": QUOTAS})
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def study(live: LiveSandbox) -> Study:
    return Study(live)


@pytest.fixture(scope="module")
def other(live: LiveSandbox) -> Study:
    return Study(live)


def test_input_is_read_only(study: Study) -> None:
    s3, bucket = study.s3, study.input
    assert s3.get_object(Bucket=bucket, Key="data/one.csv")["Body"].read() == b"id,v\n1,2\n"
    assert s3.head_object(Bucket=bucket, Key="data/one.csv")["ContentLength"] == 9
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == ["data/one.csv"]
    assert refused(lambda: s3.put_object(Bucket=bucket, Key="new", Body=b"1"))
    assert refused(lambda: s3.delete_object(Bucket=bucket, Key="data/one.csv"))
    assert refused(lambda: s3.create_multipart_upload(Bucket=bucket, Key="new"))
    source = {"Bucket": bucket, "Key": "data/one.csv"}
    assert refused(lambda: s3.copy_object(Bucket=bucket, Key="new", CopySource=source))
    assert multi_delete(s3, bucket, "data/one.csv") == "AccessDenied"
    assert study.owner.head_object(Bucket=bucket, Key="data/one.csv")


def multi_delete(s3: Any, bucket: str, key: str) -> str:
    """The refusal, said for the object or (by some servers) for the whole call."""
    try:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(answer["Errors"][0]["Code"]) if answer.get("Errors") else "ok"


def test_workspace_is_read_write(study: Study) -> None:
    s3, bucket = study.s3, study.workspace
    s3.put_object(Bucket=bucket, Key="r/été + 1.csv", Body=b"hello", Metadata={"step": "1"})
    got = s3.get_object(Bucket=bucket, Key="r/été + 1.csv")
    assert (got["Body"].read(), got["Metadata"]) == (b"hello", {"step": "1"})
    source = {"Bucket": study.input, "Key": "data/one.csv"}
    s3.copy_object(Bucket=bucket, Key="copy.csv", CopySource=source)
    assert s3.get_object(Bucket=bucket, Key="copy.csv")["Body"].read() == b"id,v\n1,2\n"
    ranged = s3.get_object(Bucket=bucket, Key="copy.csv", Range="bytes=0-1")
    assert ranged["Body"].read() == b"id"
    assert study.owner.get_object(Bucket=bucket, Key="r/été + 1.csv")["Body"].read() == b"hello"
    s3.delete_object(Bucket=bucket, Key="r/été + 1.csv")
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy.csv"}]})
    assert [item["Key"] for item in deleted["Deleted"]] == ["copy.csv"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_multipart_upload_gives_the_same_bytes(study: Study) -> None:
    data, size = os.urandom(12 * 2**20), 5 * 2**20
    config = TransferConfig(multipart_threshold=size, multipart_chunksize=size)
    study.s3.upload_fileobj(io.BytesIO(data), study.workspace, "big.bin", Config=config)
    assert study.s3.get_object(Bucket=study.workspace, Key="big.bin")["Body"].read() == data
    study.s3.delete_object(Bucket=study.workspace, Key="big.bin")


def test_part_1001_is_refused(study: Study) -> None:
    upload = study.s3.create_multipart_upload(Bucket=study.workspace, Key="parts")["UploadId"]
    place = {"Bucket": study.workspace, "Key": "parts", "UploadId": upload}
    assert outcome(lambda: study.s3.upload_part(**place, PartNumber=1000, Body=b"x")) == "ok"
    part = outcome(lambda: study.s3.upload_part(**place, PartNumber=1001, Body=b"x"))
    assert part == "400 InvalidArgument"
    study.s3.abort_multipart_upload(**place)


def test_another_study_is_closed(study: Study, other: Study) -> None:
    s3, bucket, ws = study.s3, other.input, other.workspace
    assert refused(lambda: s3.list_objects_v2(Bucket=bucket))
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="data/one.csv"))
    assert refused(lambda: s3.head_bucket(Bucket=bucket))
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="nope"))  # no oracle of names
    assert refused(lambda: s3.put_object(Bucket=ws, Key="n", Body=b"1"))
    source = {"Bucket": bucket, "Key": "data/one.csv"}
    assert refused(lambda: s3.copy_object(Bucket=study.workspace, Key="stolen", CopySource=source))


def test_researcher_manages_nothing(study: Study) -> None:
    s3, bucket = study.s3, study.workspace
    policy = json.dumps({"Version": "2023-04-17", "Statement": []})
    for call in (
        lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy),
        lambda: s3.delete_bucket_policy(Bucket=bucket),
        lambda: s3.get_bucket_policy(Bucket=bucket),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
        lambda: s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
        lambda: s3.delete_bucket(Bucket=bucket),
        lambda: s3.create_bucket(Bucket=f"mine-{uuid.uuid4().hex[:8]}"),
        lambda: s3.list_buckets(),
    ):
        assert refused(call)
    client = study.sandbox.client(study.key.access_key, study.key.secret_key)
    iam = type(study.sandbox.iam)(client)
    with pytest.raises(ScalewayException) as error:
        iam.list_applications()
    assert error.value.status_code == 403


def test_undeclared_address_is_refused(study: Study) -> None:
    url = study.url()
    assert request("GET", url)[0] == 200
    assert request("GET", url, source="127.0.0.2")[0] == 403
    study_two = study.addresses
    study.addresses = ("127.0.0.1/32", "127.0.0.2/32")
    study.fence()
    assert request("GET", url, source="127.0.0.2")[0] == 200
    # a client cannot choose its address
    forged = {"X-Forwarded-For": "127.0.0.1"}
    assert request("GET", url, source="127.0.0.3", headers=forged)[0] == 403
    study.addresses = study_two
    study.fence()


def test_signatures(study: Study) -> None:
    sandbox, bucket = study.sandbox, study.input
    wrong = sandbox.s3(study.key.access_key, str(uuid.uuid4()))
    unknown = sandbox.s3("SCW" + "A" * 17, str(uuid.uuid4()))
    for client in (wrong, unknown):
        answer = outcome(lambda client=client: client.list_objects_v2(Bucket=bucket))
        assert answer == "403 AccessDenied"  # one generic code
    assert request("GET", f"{sandbox.s3_url}/{bucket}/data/one.csv")[0] == 403
    assert request("GET", study.url().replace("one.csv", "two.csv"))[0] == 403
    assert request("PUT", study.url(), body=b"x")[0] == 403
    short = study.url(seconds=1)
    time.sleep(2.1)
    assert request("GET", short)[0] == 403


def test_presigned_put(study: Study) -> None:
    def url(bucket: str) -> str:
        return str(
            study.s3.generate_presigned_url(
                "put_object", Params={"Bucket": bucket, "Key": "p"}, ExpiresIn=60
            )
        )

    assert request("PUT", url(study.workspace), body=b"x")[0] == 200
    assert request("PUT", url(study.input), body=b"x")[0] == 403
    assert study.s3.get_object(Bucket=study.workspace, Key="p")["Body"].read() == b"x"
    study.s3.delete_object(Bucket=study.workspace, Key="p")


def test_deleted_key_dies_with_its_presigned_urls(study: Study) -> None:
    key = study.new_key()
    s3 = study.sandbox.s3(key.access_key, key.secret_key)
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": study.input, "Key": "data/one.csv"}, ExpiresIn=3600
    )
    upload = s3.create_multipart_upload(Bucket=study.workspace, Key="inflight")["UploadId"]
    assert request("GET", url)[0] == 200
    study.sandbox.iam.delete_api_key(access_key=key.access_key)
    for _ in range(10):
        assert refused(lambda: s3.get_object(Bucket=study.input, Key="data/one.csv"))
    assert request("GET", url)[0] == 403
    part = {"Bucket": study.workspace, "Key": "inflight", "UploadId": upload, "PartNumber": 1}
    assert refused(lambda: s3.upload_part(**part, Body=b"x"))
    assert study.s3.head_object(Bucket=study.input, Key="data/one.csv")  # the first key lives
    del part["PartNumber"]
    study.owner.abort_multipart_upload(**part)


def test_expired_key(study: Study) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    key = study.new_key(expires_at=soon)
    s3 = study.sandbox.s3(key.access_key, key.secret_key)

    def read() -> Any:
        return s3.get_object(Bucket=study.input, Key="data/one.csv")

    assert outcome(read) == "ok"
    study.sandbox.admin("clock", {"offset": 3700})
    try:
        assert wait_until(lambda: refused(read), seconds=3)
        assert outcome(lambda: study.s3.head_object(Bucket=study.input, Key="data/one.csv")) == "ok"
        token = key.secret_key
        assert study.sandbox.api("GET", "/account/v3/projects", token=token)[0] == 401
    finally:
        study.sandbox.admin("clock", {"offset": 0})
    study.sandbox.iam.delete_api_key(access_key=key.access_key)


def test_end_date_of_a_policy(study: Study) -> None:
    def read() -> Any:
        return study.s3.get_object(Bucket=study.input, Key="data/one.csv")

    def until(moment: datetime) -> dict[str, Any]:
        text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"DateLessThan": {"aws:CurrentTime": text}}

    end = datetime.now(UTC) + timedelta(days=2)
    study.fence(until(end))
    assert outcome(read) == "ok"
    study.sandbox.admin("clock", {"offset": timedelta(days=3).total_seconds()})
    assert refused(read)
    study.sandbox.admin("clock", {"offset": 0})
    assert outcome(read) == "ok"
    study.fence(until(datetime.now(UTC) - timedelta(seconds=2)))
    assert refused(read)
    study.fence()
    assert outcome(read) == "ok"


def test_prefix_conditions(study: Study) -> None:
    bucket = study.input
    study.owner.put_object(Bucket=bucket, Key="secret/k", Body=b"1")
    listing = study.allow(bucket, "s3:ListBucket", {"StringLike": {"s3:prefix": ["data/*"]}})
    reading = study.allow(bucket, "s3:GetObject", {}) | {"Resource": f"{bucket}/data/*"}
    study.put_policy(bucket, [listing, reading])
    assert outcome(lambda: study.s3.get_object(Bucket=bucket, Key="data/one.csv")) == "ok"
    assert refused(lambda: study.s3.get_object(Bucket=bucket, Key="secret/k"))
    assert outcome(lambda: study.s3.list_objects_v2(Bucket=bucket, Prefix="data/")) == "ok"
    assert refused(lambda: study.s3.list_objects_v2(Bucket=bucket))
    study.owner.delete_object(Bucket=bucket, Key="secret/k")
    study.fence()


def test_key_acts_in_one_project(study: Study, other: Study) -> None:
    """The project after "@" must be one the application has rights on."""
    sandbox, key = study.sandbox, study.key
    elsewhere = sandbox.s3(key.access_key, key.secret_key, project=other.project)
    assert refused(lambda: elsewhere.get_object(Bucket=study.input, Key="data/one.csv"))
    assert refused(lambda: elsewhere.get_object(Bucket=other.input, Key="data/one.csv"))
    named = sandbox.s3(key.access_key, key.secret_key, project=study.project)
    assert outcome(lambda: named.get_object(Bucket=study.input, Key="data/one.csv")) == "ok"
    portal = sandbox.s3()  # its own project is the organization's default one
    assert refused(lambda: portal.list_objects_v2(Bucket=study.input))


def test_bucket_without_policy_is_open_to_the_project(study: Study, other: Study) -> None:
    bucket = f"{study.name}-bare"
    study.owner.create_bucket(Bucket=bucket)
    study.owner.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert outcome(lambda: study.s3.get_object(Bucket=bucket, Key="k")) == "ok"
    assert refused(lambda: other.s3.get_object(Bucket=bucket, Key="k"))
    study.put_policy(bucket, [])
    assert refused(lambda: study.s3.get_object(Bucket=bucket, Key="k"))
    study.owner.delete_bucket_policy(Bucket=bucket)
    assert outcome(lambda: study.s3.get_object(Bucket=bucket, Key="k")) == "ok"
    study.owner.delete_object(Bucket=bucket, Key="k")
    study.owner.delete_bucket(Bucket=bucket)


def test_policy_that_forgets_the_portal_can_be_repaired(study: Study) -> None:
    statement = study.allow(study.input, READ, {})
    study.put_policy(study.input, [statement], portal=False)
    assert refused(lambda: study.owner.list_objects_v2(Bucket=study.input))
    assert outcome(lambda: study.s3.list_objects_v2(Bucket=study.input)) == "ok"
    assert json.loads(study.owner.get_bucket_policy(Bucket=study.input)["Policy"])
    study.fence()
    assert outcome(lambda: study.owner.list_objects_v2(Bucket=study.input)) == "ok"


def test_writer_out_of_the_policy_loses_what_it_wrote(study: Study) -> None:
    """What a researcher wrote is the bucket's, not the researcher's."""
    own = {"Bucket": study.workspace, "Key": "own"}
    study.s3.put_object(**own, Body=b"1")
    study.put_policy(study.workspace, [])
    assert refused(lambda: study.s3.get_object(**own))
    assert refused(lambda: study.s3.put_object(**own, Body=b"2"))
    past = datetime.now(UTC) - timedelta(seconds=2)
    study.fence({"DateLessThan": {"aws:CurrentTime": past.strftime("%Y-%m-%dT%H:%M:%SZ")}})
    assert refused(lambda: study.s3.get_object(**own))
    study.addresses, declared = ("127.0.0.9/32",), study.addresses
    study.fence()
    assert refused(lambda: study.s3.get_object(**own))
    study.addresses = declared
    reading = study.allow(study.workspace, READ, {}) | {"Resource": f"{study.workspace}/r/*"}
    study.put_policy(study.workspace, [reading])
    assert refused(lambda: study.s3.get_object(**own))
    study.fence()
    assert outcome(lambda: study.s3.get_object(**own)) == "ok"
    study.s3.delete_object(**own)


def test_iam_and_policy_are_both_needed(live: LiveSandbox) -> None:
    study = Study(live)
    read = {"Bucket": study.input, "Key": "data/one.csv"}
    assert outcome(lambda: study.s3.get_object(**read)) == "ok"
    live.iam.set_rules(policy_id=study.policy, rules=[])
    assert refused(lambda: study.s3.get_object(**read))
    live.api("PUT", "/iam/v1alpha1/rules", {"policy_id": study.policy, "rules": [
        {"permission_set_names": ["ObjectStorageObjectsWrite"], "project_ids": [study.project]}
    ]})  # fmt: skip
    assert refused(lambda: study.s3.get_object(**read))  # the policy allows, IAM does not
    put = {"Bucket": study.workspace, "Key": "w", "Body": b"1"}
    assert outcome(lambda: study.s3.put_object(**put)) == "ok"
    assert wait_until(lambda: _leave(study))
    assert refused(lambda: study.s3.put_object(**put))  # out of the group: no right is left


def _leave(study: Study) -> bool:
    path = f"/iam/v1alpha1/groups/{study.group}/remove-member"
    return study.sandbox.api("POST", path, {"application_id": study.application})[0] == 200


def test_versions_and_teardown(live: LiveSandbox) -> None:
    study = Study(live)
    owner, bucket = study.owner, study.workspace
    owner.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert owner.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    first = study.s3.put_object(Bucket=bucket, Key="v", Body=b"1")["VersionId"]
    study.s3.put_object(Bucket=bucket, Key="v", Body=b"2")
    study.s3.delete_object(Bucket=bucket, Key="v")
    listed = owner.list_object_versions(Bucket=bucket)
    assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (2, 1)
    old = {"Bucket": bucket, "Key": "v", "VersionId": first}
    assert owner.get_object(**old)["Body"].read() == b"1"
    assert refused(lambda: study.s3.get_object(**old))  # no GetObjectVersion in the policy
    assert refused(lambda: study.s3.delete_object(**old))
    assert outcome(lambda: owner.delete_bucket(Bucket=bucket)) == "409 BucketNotEmpty"
    status, body, _ = live.api("DELETE", f"/account/v3/projects/{study.project}")
    assert (status, body["precondition"]) == (412, "resource_still_in_use")
    for item in listed["Versions"] + listed["DeleteMarkers"]:
        owner.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
    owner.delete_object(Bucket=study.input, Key="data/one.csv")
    for name in (study.input, study.workspace):
        owner.delete_bucket(Bucket=name)
        assert outcome(lambda name=name: owner.head_bucket(Bucket=name)).startswith("404")
    live.projects.delete_project(project_id=study.project)
    assert refused(lambda: owner.create_bucket(Bucket=f"{study.name}-late"))


def test_encryption_and_owner_of_a_bucket(study: Study) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    place = {"Bucket": study.input}
    study.owner.put_bucket_encryption(**place, ServerSideEncryptionConfiguration={"Rules": [rule]})
    answer = study.owner.get_bucket_encryption(**place)["ServerSideEncryptionConfiguration"]
    assert answer["Rules"] == [rule | {"BucketKeyEnabled": False}]
    owner = study.owner.get_bucket_acl(**place)["Owner"]["ID"]
    assert owner == f"{study.project}:{study.project}"
    assert study.owner.get_bucket_location(**place)["LocationConstraint"] == "fr-par"
    names = {b["Name"] for b in study.owner.list_buckets()["Buckets"]}
    assert {study.input, study.workspace} <= names
    assert all(name.startswith(study.name) for name in names)  # of this project only
    taken = outcome(lambda: study.owner.create_bucket(Bucket=study.input))
    assert taken == "409 BucketAlreadyOwnedByYou"


def test_many_readers_and_writers(study: Study) -> None:
    def work(number: int) -> bytes:
        key, body = f"many/{number}", os.urandom(2000)
        client = study.sandbox.s3(study.key.access_key, study.key.secret_key)
        client.put_object(Bucket=study.workspace, Key=key, Body=body)
        read: bytes = client.get_object(Bucket=study.workspace, Key=key)["Body"].read()
        assert read == body
        return body

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(24)))) == 24
    listed = study.s3.list_objects_v2(Bucket=study.workspace, Prefix="many/", MaxKeys=10)
    assert (listed["KeyCount"], listed["IsTruncated"]) == (10, True)
    more = study.s3.get_paginator("list_objects_v2").paginate(
        Bucket=study.workspace, Prefix="many/", PaginationConfig={"PageSize": 10}
    )
    keys = [item["Key"] for page in more for item in page["Contents"]]
    assert len(keys) == 24
    study.s3.delete_objects(
        Bucket=study.workspace, Delete={"Objects": [{"Key": k} for k in keys], "Quiet": True}
    )


@pytest.mark.parametrize("store", STORES)
def test_killed_and_started_again(store: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An open grant still reads its extract; its key, its policy and its fences are the same."""
    sandbox = LiveSandbox(tmp_path_factory.mktemp("killed") / "root", store=store).start()
    try:
        study = Study(sandbox)
        study.owner.put_object_tagging(
            Bucket=study.input, Key="data/one.csv",
            Tagging={"TagSet": [{"Key": "k", "Value": "v"}]},
        )  # fmt: skip
        before = dict(sandbox.env)
        time.sleep(2)  # a change is on disk at most two seconds later
        sandbox.kill()
        sandbox.start()
        assert sandbox.env == before
        got = study.s3.get_object(Bucket=study.input, Key="data/one.csv")
        assert got["Body"].read() == b"id,v\n1,2\n"
        tags = study.owner.get_object_tagging(Bucket=study.input, Key="data/one.csv")
        assert tags["TagSet"] == [{"Key": "k", "Value": "v"}]
        assert refused(lambda: study.s3.put_object(Bucket=study.input, Key="n", Body=b"1"))
        study.s3.put_object(Bucket=study.workspace, Key="after", Body=b"1")
        sandbox.iam.delete_api_key(access_key=study.key.access_key)
        sandbox.stop()  # a clean stop loses nothing, however late the change
        sandbox.start()
        assert refused(lambda: study.s3.get_object(Bucket=study.input, Key="data/one.csv"))
        assert study.owner.head_object(Bucket=study.workspace, Key="after")
    except ClientError as error:  # show what was refused
        pytest.fail(str(error.response))
    finally:
        sandbox.stop()
