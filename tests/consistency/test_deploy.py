"""What operators are given agrees with what the portal reads."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
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


def filled(*files: str, folder: Path) -> dict[str, str]:
    """What an operator would have: the examples, with keys of the right kind in their blanks."""
    found: dict[str, str] = {}
    for name in files:
        text = (DEPLOY / f"{name}.example").read_text()
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                found[key] = value.split(" #")[0].strip()
    for key in ("GUICHET_CUSTODY_KEYS", "GUICHET_PROBE_KEYS"):
        if key in found:
            found[key] = Fernet.generate_key().decode()
    found["GUICHET_SECRET_KEY"] = secrets.token_urlsafe(50)
    return found | {
        "PATH": os.environ["PATH"],
        "GUICHET_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    }


def test_the_check_before_all_passes_with_the_examples_filled_in(tmp_path: Path) -> None:
    """Otherwise `docker compose up` would stop at its first service."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["check"]
    done = subprocess.run(
        [sys.executable, *service["command"][1:]],
        cwd=settings.BASE_DIR,
        env=filled(*service["env_file"], folder=tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "guichet.E" not in done.stderr
    assert "legal pages" in done.stderr  # the operator's own facts are asked for


def test_nothing_starts_before_the_check() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert "check" in services["migrate"]["depends_on"]
    for name in ("web", "worker", "provisioning", "beat"):
        waits = services[name]["depends_on"]["migrate"]
        assert waits == {"condition": "service_completed_successfully"}


def test_each_process_of_the_example_starts_with_its_own_settings(tmp_path: Path) -> None:
    """Django loads with what each service is given, and no more; no tool of development with it."""
    tools = {"drf_spectacular", "jsonschema", "rest_framework.test", "django.test", "unittest"}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("web", "worker", "provisioning", "beat"):
        files = services[name]["env_file"]
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, portal.celery, portal.wsgi, portal.urls; print(*sys.modules)",
            ],
            cwd=settings.BASE_DIR,
            env=filled(*files, folder=tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (name, done.stderr)
        assert not tools & set(done.stdout.split()), name
