"""Object storage as the researcher uses it: boto3 with the revealed key, or a bound address."""

from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from requests.adapters import HTTPAdapter

from .story import expect
from .visitor import Page


TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Access:
    """What the portal showed once: the key and where it opens."""

    access_key: str
    secret_key: str
    endpoint: str
    region: str
    input_bucket: str
    work_bucket: str

    def client(self) -> Any:
        """boto3 as in the settings shown beside the key."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "max_attempts": 1},
                connect_timeout=TIMEOUT_SECONDS,
                read_timeout=TIMEOUT_SECONDS,
            ),
        )

    def status_from(self, address: str, bucket: str) -> int:
        """HTTP status of a listing sent from a given local address."""
        url = f"{self.endpoint}/{bucket}?list-type=2"
        signed = AWSRequest(method="GET", url=url)
        credentials = Credentials(self.access_key, self.secret_key)
        signed.headers["x-amz-content-sha256"] = (
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of no body
        )
        SigV4Auth(credentials, "s3", self.region).add_auth(signed)
        session = requests.Session()
        session.mount("http://", _BoundAdapter(address))
        answer = session.get(url, headers=dict(signed.headers), timeout=TIMEOUT_SECONDS)
        return answer.status_code


class _BoundAdapter(HTTPAdapter):
    """Connections that leave from one local address."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)


def read_access(page: Page) -> Access:
    """The key and its settings as the page shows them, once."""

    def shown(name: str) -> str:
        tag = page.soup.find(id=name)
        expect(tag is not None, f"la page de la clé ne montre pas « {name} »", page)
        return tag.get_text().strip()  # type: ignore[union-attr]

    return Access(
        access_key=shown("access-key"),
        secret_key=shown("secret-key"),
        endpoint=shown("endpoint"),
        region="fr-par",
        input_bucket=shown("bucket-input"),
        work_bucket=shown("bucket-work"),
    )


def status_of(call: Any, **arguments: Any) -> int:
    """HTTP status of a boto3 call: 200 when it succeeds, the refusal's otherwise."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])
