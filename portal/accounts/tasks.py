"""Housekeeping: truth is in rows and the cache, a task only tidies."""

from portal.common.background import task

from . import registration, tokens


@task(name="portal.accounts.tasks.flush_token_use")
def flush_token_use() -> int:
    return tokens.flush_last_use()


@task(name="portal.accounts.tasks.forget_links")
def forget_links() -> int:
    return registration.forget_links()
