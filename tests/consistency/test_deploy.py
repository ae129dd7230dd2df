"""What operators are given agrees with what the portal reads."""

import os
import re
import runpy
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from django.conf import settings
from django.urls import get_resolver, resolve

from portal.common.body_limits import MIB, SIGNED_IN_BYTES
from tests.consistency.test_urls import addresses
from tests.portal.common.test_logs import PATHS, TOKEN


DEPLOY = Path(settings.BASE_DIR) / "deploy"
SETTINGS = "\n".join(
    path.read_text() for path in (Path(settings.BASE_DIR) / "portal" / "settings").glob("*.py")
)
# What deploy/ itself reads of its environment counts too.
SETTINGS += (DEPLOY / "gunicorn.conf.py").read_text()
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


# --- How the web is served ---

NGINX = (DEPLOY / "nginx.conf").read_text()


def directive(name: str, text: str = NGINX) -> list[str]:
    return re.findall(rf"^\s*{name} (.+?);", text, re.MULTILINE)


def test_the_proxy_reads_what_the_portal_accepts_and_no_more() -> None:
    """Where a file is taken it lets a file through; elsewhere what a form may weigh."""
    [(path, size)] = re.findall(r'location ~ "(\S+)" \{\s*client_max_body_size (\d+m);', NGINX)
    sizes = {int(n.removesuffix("m")) * MIB for n in directive("client_max_body_size")}
    assert sizes == {SIGNED_IN_BYTES, SIGNED_IN_BYTES + settings.PIECE_MAX_BYTES}
    assert int(size.removesuffix("m")) * MIB == max(sizes)
    takes = [
        address
        for _name, address in addresses(get_resolver().url_patterns)
        if hasattr(resolve(address).func, "max_file_bytes")
    ]
    assert len(takes) >= 5
    assert [address for address in takes if not re.match(path, address)] == []
    # What is larger is the portal's to refuse, in its own words, from its head alone.
    too_large = re.search(r"location @too_large \{(.*?)\n    \}", NGINX, re.DOTALL)
    assert directive("error_page") == ["413 @too_large"]
    assert too_large is not None
    assert directive("proxy_pass_request_body", too_large[1]) == ["off"]


@pytest.mark.parametrize("path", PATHS)
def test_the_log_of_the_proxy_holds_no_token_of_a_link(path: str) -> None:
    pattern = re.search(r'^\s*"~(\^.+)" "\$cut\.\.\.";', NGINX, re.MULTILINE)
    assert pattern is not None
    found = re.match(pattern[1], path)
    assert found is not None
    assert TOKEN not in found["cut"]
    logged = re.search(r"log_format short '(.*)';", NGINX)
    assert logged is not None
    assert {"$request", "$request_uri", "$uri", "$args", "$http_referer"}.isdisjoint(
        re.findall(r"\$\w+", logged[1])
    )
    assert directive("access_log") == ["/dev/stdout short if=$unserved"]
    assert directive("error_log") == ["stderr alert"]  # below, its lines hold the request


def test_the_proxy_passes_on_what_the_one_with_tls_says() -> None:
    """It adds no address of its own: GUICHET_TRUSTED_PROXIES counts the proxies before it."""
    passed = [tuple(one.split()) for one in directive("proxy_set_header")]
    said = {
        ("Host", "$http_host"),
        ("X-Forwarded-For", "$http_x_forwarded_for"),
        ("X-Forwarded-Proto", "$http_x_forwarded_proto"),
    }
    assert set(passed) == said | {("Content-Length", "$http_content_length")}
    assert len(passed) == 2 * len(said) + 1  # a location with one of its own inherits none


def test_only_the_proxy_is_reached_from_outside_and_it_waits_for_the_web() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    open_ = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(open_) == ["proxy"]
    [port] = open_["proxy"]
    assert port.startswith("127.0.0.1:")
    assert directive("listen") == [port.rpartition(":")[2]]
    assert services["proxy"]["depends_on"]["web"]["condition"] == "service_healthy"
    assert "env_file" not in services["proxy"]  # it holds no secret
    assert "./nginx.conf:/etc/nginx/nginx.conf:ro" in services["proxy"]["volumes"]


def test_the_image_serves_by_that_configuration() -> None:
    served = runpy.run_path(str(DEPLOY / "gunicorn.conf.py"))
    assert served["logger_class"] == "portal.common.access_log.AccessLog"
    assert '"-c", "deploy/gunicorn.conf.py"' in (DEPLOY / "Dockerfile").read_text()


def test_the_image_holds_the_portal_compiled() -> None:
    """Its processes write no bytecode: each would compile every module anew at its start."""
    text = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)
    ours = [name for name in copied if (Path(settings.BASE_DIR) / name / "__init__.py").exists()]
    assert len(ours) == 3
    [compiled] = re.findall(r"^RUN python -m compileall -q ([\w ]+?) &&", text, re.MULTILINE)
    assert compiled.split() == ours
    assert text.index("compileall") > text.index(f"COPY {ours[-1]}")
    assert text.index("compileall") < text.index("USER guichet")


def test_the_image_is_given_what_it_copies() -> None:
    """`.dockerignore` lets in what it names, nothing else."""
    root = Path(settings.BASE_DIR)
    let_in = {line[1:] for line in (root / ".dockerignore").read_text().split() if line[0] == "!"}
    lines = re.findall(r"^COPY (?!--)(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert "deploy/gunicorn.conf.py" in lines
    assert set(lines) == let_in
