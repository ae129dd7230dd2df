"""What each process of a portal may know: ports, secrets and the environment by process.

SCW_*, AWS_* and probe keys go to the provisioning worker alone, custody keys to it and to the web
process, `GUICHET_SANDBOX_*` to the sandbox, which knows neither the database nor any key of ours.
"""

import base64
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path


NAMES = ("sandbox", "web", "worker", "provisioning", "beat")

# What a process takes from the person's shell: no key, no token, no address of another portal.
_FROM_SHELL = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "NO_COLOR")
# Only their processes receive them; all other settings are shared by web, workers and beat.
_CUSTODY = "GUICHET_CUSTODY_KEYS"  # to reveal a key (web) and to deposit it (provisioning)
_PROBES = "GUICHET_PROBE_KEYS"
_CLOUD = ("SCW_", "AWS_", "GUICHET_SCW_")
_SANDBOX = "GUICHET_SANDBOX_"


class PortalError(RuntimeError):
    """Something a person must settle; the message is one sentence in French."""


def free_port() -> int:
    """A loopback port that was free an instant ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def born(pid: int) -> str | None:
    """The kernel's start time of a process, None when it is gone: a pid alone may be another's."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def group_lives(group: int) -> bool:
    """Does a process of this group still run? Those that ended and wait to be read do not count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, of_group = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (OSError, IndexError, ValueError):
            continue  # it ended while we looked
        if int(of_group) == group and state != "Z":
            return True
    return False


def read_env(file: Path) -> dict[str, str]:
    """`NAME=value` lines, `#` comments and quotes as a shell would write them."""
    pairs: dict[str, str] = {}
    for line in file.read_text().splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            pairs[name] = value.strip("'\"")
    return pairs


def own_secrets(file: Path) -> dict[str, str]:
    """Secrets of this portal, made at the first call and kept in `file` (mode 600)."""
    if not file.exists():
        fernet = [base64.urlsafe_b64encode(os.urandom(32)).decode() for _ in range(2)]
        file.touch(mode=0o600)
        file.write_text(
            f"GUICHET_SECRET_KEY={secrets.token_urlsafe(50)}\n"
            f"{_CUSTODY}={fernet[0]}\n{_PROBES}={fernet[1]}\n"
        )
    return read_env(file)


def environment_of(
    name: str, settings: Mapping[str, str], *, root: Path, url: str
) -> dict[str, str]:
    """The whole environment of process `name`, and nothing it may not have.

    `settings`: everything configured, by environment name. Raises KeyError for an unknown process.
    """
    if name not in NAMES:
        raise KeyError(name)
    env = {key: os.environ[key] for key in _FROM_SHELL if key in os.environ}
    env |= {
        "DJANGO_SETTINGS_MODULE": settings.get("DJANGO_SETTINGS_MODULE", "portal.settings.dev"),
        "PYTHONUNBUFFERED": "1",
        "GUICHET_VAR": str(root),
    }
    if name == "sandbox":
        return env | {k: v for k, v in settings.items() if k.startswith(_SANDBOX)}
    env |= {
        "GUICHET_PUBLIC_URL": url,
        "GUICHET_STATIC_ROOT": str(root / "static"),
        "GUICHET_TRAINING": "1",
    }
    env |= {
        key: value
        for key, value in settings.items()
        if key not in (_CUSTODY, _PROBES) and not key.startswith((*_CLOUD, _SANDBOX))
    }
    if name in {"web", "provisioning"} and _CUSTODY in settings:
        env[_CUSTODY] = settings[_CUSTODY]
    if name == "web" and settings.get("DATABASE_URL", "").startswith("postgres"):
        env.setdefault("GUICHET_DB_POOL", "1")  # psycopg's pool in the web process only
    if name == "provisioning":
        env |= {k: v for k, v in settings.items() if k == _PROBES or k.startswith(_CLOUD)}
        written = root / "sandbox" / "env"
        if written.exists():
            env |= read_env(written)
    return env
