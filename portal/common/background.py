"""Tasks of Celery, typed: its own decorator says nothing of what it makes."""

from collections.abc import Callable
from typing import Any

from celery import shared_task


def task(name: str, **options: Any) -> Callable[[Callable[..., object]], Any]:
    """A task of that name (queues and rows hold it), with Celery's options for one."""

    def make(run: Callable[..., object]) -> Any:
        return shared_task(name=name, **options)(run)

    return make
