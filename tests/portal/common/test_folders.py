"""What the portal keeps on a disk is read by its own account alone."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from portal.common.folders import close_to_others
from portal.training.processes import Portal


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """An installation of before: whoever has an account on the machine reads it."""
    root = tmp_path / "var"
    (root / "broker").mkdir(parents=True)
    for path in (root / "guichet.sqlite3", root / "broker" / "message"):
        path.write_text("x")
        path.chmod(0o644)
    for path in (root, root / "broker"):
        path.chmod(0o755)
    return root


def test_an_installation_of_before_is_closed_when_it_starts(open_folder: Path) -> None:
    before = os.umask(0o022)
    try:
        Portal(open_folder)
    finally:
        os.umask(before)
    seen = {path: mode(path) for path in (open_folder, *open_folder.rglob("*"))}
    assert {path: oct(found) for path, found in seen.items() if found & 0o077} == {}


def test_the_folder_alone_keeps_others_out(open_folder: Path) -> None:
    close_to_others(open_folder)
    assert mode(open_folder) == 0o700


def test_a_folder_shared_by_the_machine_and_links_are_left(tmp_path: Path) -> None:
    shared, target = tmp_path / "tmp", tmp_path / "elsewhere"
    for folder in (shared, target):
        folder.mkdir()
    shared.chmod(0o1777)
    target.chmod(0o755)
    (shared / "link").symlink_to(target)
    close_to_others(shared, everything=True)
    close_to_others(tmp_path / "absent")
    assert (mode(shared), mode(target)) == (0o1777, 0o755)


PROCESSES = """
import os, sys
sys.argv = ["manage.py", "version"]
for start in ("import portal.celery", "import portal.wsgi", "import manage; manage.main()"):
    os.umask(0o022)
    exec(start)
    print(oct(os.umask(0o022)))
"""


def test_every_process_writes_for_its_own_account(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "portal.settings.dev", "GUICHET_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert [word for word in done.stdout.split() if word.startswith("0o")] == ["0o77"] * 3
