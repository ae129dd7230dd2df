"""What operators are given agrees with what the portal reads."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings


DEPLOY = Path(settings.BASE_DIR) / "deploy"
SETTINGS = "\n".join(
    path.read_text() for path in (Path(settings.BASE_DIR) / "portal" / "settings").glob("*.py")
)
EXAMPLES = sorted((DEPLOY / "env").glob("*.env.example"))
SECRETS_OF_PROVISIONING = ("SCW_", "AWS_", "GUICHET_PROBE_KEYS", "GUICHET_SCW_")


def names(file: Path) -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]*)=", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_setting_given_as_an_example_is_read(file: Path) -> None:
    unread = {n for n in names(file) if not n.startswith("POSTGRES_") and f'"{n}"' not in SETTINGS}
    assert unread == set()


def test_every_key_and_address_of_a_part_has_an_example() -> None:
    """Tunings may stay out; what the site cannot run for real without may not."""
    given = set().union(*(names(file) for file in EXAMPLES))
    needed = {
        "GUICHET_SECRET_KEY", "GUICHET_CUSTODY_KEYS", "GUICHET_PROBE_KEYS", "DATABASE_URL",
        "CELERY_BROKER_URL", "CACHE_URL", "SEARCH_URL", "EMAIL_URL", "SCW_SECRET_KEY",
        "AWS_ENDPOINT_URL_S3",
    }  # fmt: skip
    assert needed <= given


def test_keys_of_the_cloud_are_in_one_file_only() -> None:
    for file in EXAMPLES:
        secret = {name for name in names(file) if name.startswith(SECRETS_OF_PROVISIONING)}
        assert bool(secret) == (file.name == "provisioning.env.example"), file.name


def test_compose_gives_that_file_to_the_provisioning_worker_alone() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    holders = {
        name
        for name, service in services.items()
        if any("provisioning.env" in file for file in service.get("env_file", []))
    }
    assert holders == {"provisioning"}
    assert "-Q provisioning" in " ".join(services["provisioning"]["command"])
