"""Beat calls this; losing a call loses nothing."""

from portal.common.background import task

from . import sending


@task(name="portal.notifications.tasks.send_due")
def send_due() -> None:
    sending.send_due()
