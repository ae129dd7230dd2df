"""Housekeeping: truth is in rows and the cache, a task only tidies."""

from celery import shared_task

from . import registration, tokens


@shared_task
def flush_token_use() -> int:
    return tokens.flush_last_use()


@shared_task
def forget_links() -> int:
    return registration.forget_links()
