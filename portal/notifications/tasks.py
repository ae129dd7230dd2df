"""Beat calls this; losing a call loses nothing."""

from celery import shared_task

from . import sending


@shared_task(name="portal.notifications.tasks.send_due")
def send_due() -> None:
    sending.send_due()
