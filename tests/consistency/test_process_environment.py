"""Each process holds only the settings it may have (design: Processes)."""

from pathlib import Path

import pytest

from portal.training.process_settings import NAMES, PortalError, born, port_is_free
from portal.training.processes import Portal


WHO_MAY_HOLD = {
    "GUICHET_CUSTODY_KEYS": {"web", "provisioning"},
    "GUICHET_PROBE_KEYS": {"provisioning"},
    "SCW_SECRET_KEY": {"provisioning"},
    "SCW_API_URL": {"provisioning"},
    "AWS_ENDPOINT_URL_S3": {"provisioning"},
    "GUICHET_SCW_APPLICATION_ID": {"provisioning"},
    "GUICHET_SANDBOX_ADMIN": {"sandbox"},
    "GUICHET_SECRET_KEY": {"web", "worker", "provisioning", "beat"},
    "DATABASE_URL": {"web", "worker", "provisioning", "beat"},
    "CELERY_BROKER_URL": {"web", "worker", "provisioning", "beat"},
}


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "env").write_text(
        "SCW_API_URL=http://127.0.0.1:1\nexport SCW_SECRET_KEY='x'\n# comment\n"
        "AWS_ENDPOINT_URL_S3=http://127.0.0.1:2\nGUICHET_SCW_APPLICATION_ID=y\n"
    )
    settings = {
        "DATABASE_URL": "postgresql://u:p@127.0.0.1/x",
        "CELERY_BROKER_URL": "redis://127.0.0.1/0",
        "GUICHET_SANDBOX_ADMIN": "1",
    }
    return Portal(tmp_path, settings)


@pytest.mark.parametrize("variable", WHO_MAY_HOLD)
def test_only_these_processes_hold(portal: Portal, variable: str) -> None:
    holders = {name for name in NAMES if variable in portal.environment(name)}
    assert holders == WHO_MAY_HOLD[variable]


def test_cloud_settings_given_by_hand_reach_provisioning_alone(tmp_path: Path) -> None:
    portal = Portal(tmp_path, {"SCW_SECRET_KEY": "by hand"})
    holders = {name for name in NAMES if "SCW_SECRET_KEY" in portal.environment(name)}
    assert holders == {"provisioning"}


def test_nothing_of_the_shell_leaks(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", "the person's own key")
    monkeypatch.setenv("GUICHET_PROBE_KEYS", "of another portal")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the person's own key")
    for name in NAMES:
        assert "the person's own key" not in portal.environment(name).values()
        assert "of another portal" not in portal.environment(name).values()


def test_secrets_and_ports_outlive_a_restart(tmp_path: Path) -> None:
    first, second = Portal(tmp_path), Portal(tmp_path)
    assert second.environment("provisioning") == first.environment("provisioning")
    assert (second.url, second.s3_url) == (first.url, first.s3_url)
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(PortalError, match="est déjà pris"):
            Portal(tmp_path, port=port)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PortalError, match="pas accessible en écriture"):
        Portal(tmp_path / "file" / "below")


def test_a_pid_is_known_by_its_start_time() -> None:
    import os

    assert born(os.getpid()) == born(os.getpid()) is not None
    assert born(2**22 + 1) is None
