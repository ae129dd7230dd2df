"""Settings to paste in boto3, rclone and R, and one line to try them. Pure; never a secret."""

from dataclasses import dataclass
from urllib.parse import urlsplit


PART_MIB = 128  # files up to 125 GiB where an upload has 1000 parts; larger: size / parts


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a study's data are; the secret is read from the environment, never written here."""

    endpoint: str
    region: str
    bucket_in: str
    bucket_ws: str
    access_key: str
    test_object: str
    tool: str  # the provider's name in rclone
    max_parts: int  # of one upload

    @property
    def part_mib(self) -> int:
        return PART_MIB

    @property
    def largest_gib(self) -> int:
        """Largest file that `part_mib` allows, in GiB."""
        return PART_MIB * self.max_parts // 1024

    @property
    def environment(self) -> str:
        """The two variables every tool below reads; the secret is typed by its person."""
        return f"export AWS_ACCESS_KEY_ID={self.access_key}\nexport AWS_SECRET_ACCESS_KEY=…"

    @property
    def boto3(self) -> str:
        return f'''import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

s3 = boto3.client(
    "s3",
    endpoint_url="{self.endpoint}",
    region_name="{self.region}",
    config=Config(s3={{"addressing_style": "path"}}),
)
parts = TransferConfig(multipart_chunksize={PART_MIB} * 1024 * 1024)

s3.download_file("{self.bucket_in}", "{self.test_object}", "{self.test_object}")
s3.upload_file("{self.test_object}", "{self.bucket_ws}", "essai.json", Config=parts)
'''

    @property
    def rclone(self) -> str:
        return f"""[guichet]
type = s3
provider = {self.tool}
env_auth = true
endpoint = {self.endpoint}
region = {self.region}
acl = private
force_path_style = true
no_check_bucket = true
chunk_size = {PART_MIB}M
max_upload_parts = {self.max_parts}
"""

    @property
    def r(self) -> str:
        parts = urlsplit(self.endpoint)
        return f'''library(arrow)

s3 <- S3FileSystem$create(
  access_key = Sys.getenv("AWS_ACCESS_KEY_ID"),
  secret_key = Sys.getenv("AWS_SECRET_ACCESS_KEY"),
  endpoint_override = "{parts.netloc}",
  scheme = "{parts.scheme}",
  region = "{self.region}"
)
s3$ls("{self.bucket_in}", recursive = TRUE)
# donnees <- read_csv_arrow(s3$path("{self.bucket_in}/…"))
'''

    @property
    def test_line(self) -> str:
        """One line that shows the manifest when everything is right."""
        return f"rclone cat guichet:{self.bucket_in}/{self.test_object}"
