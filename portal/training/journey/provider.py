"""What the journey asks the provider itself, with the portal's own key, and what it breaks."""

import shutil
from pathlib import Path
from typing import Any

import requests

from portal.training.process_settings import read_env

from .story import Story, expect


TIMEOUT_SECONDS = 30


def ask(story: Story, path: str, **query: str) -> requests.Response:
    """One call of the provider's API."""
    assert story.portal is not None  # noqa: S101 - the step needs the portal
    env = read_env(Path(story.portal.root) / "sandbox" / "env")
    return requests.get(
        env["SCW_API_URL"] + path,
        params={"organization_id": env["SCW_DEFAULT_ORGANIZATION_ID"], "page_size": "100", **query},
        headers={"x-auth-token": env["SCW_SECRET_KEY"]},
        timeout=TIMEOUT_SECONDS,
    )


def listed(story: Story, path: str, **query: str) -> list[dict[str, Any]]:
    """Rows of one list; the field that holds them is the last word of the path."""
    answer = ask(story, path, **query)
    expect(answer.status_code == 200, f"{path} répond {answer.status_code}")
    rows: list[dict[str, Any]] = answer.json()[path.rsplit("/", 1)[-1].replace("-", "_")]
    return rows


def projects(story: Story) -> set[str]:
    return {one["id"] for one in listed(story, "/account/v3/projects")}


def applications(story: Story) -> set[str]:
    return {one["id"] for one in listed(story, "/iam/v1alpha1/applications")}


def forget_messages(story: Story) -> int:
    """Delete what waits in the broker, as a broker that lost its disk would; how many."""
    assert story.portal is not None  # noqa: S101 - the step needs the portal
    url = story.portal.environment("worker").get("CELERY_BROKER_URL", "")
    if url.startswith("redis"):
        import redis  # only where the portal has one

        client = redis.Redis.from_url(url)
        waiting = client.dbsize()
        client.flushdb()
        return int(waiting)
    queue = story.portal.root / "broker" / "queue"
    files = list(queue.glob("*")) if queue.exists() else []
    for file in files:
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)
    return len(files)
