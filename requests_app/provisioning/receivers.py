"""What makes a workspace look again at once; beat would find it within a minute anyway."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.models import TermsAcceptance, Training, User
from portal.accounts.signals import conditions_changed
from portal.common.signals import clock_moved
from requests_app.models import Grant, Workspace
from requests_app.provisioning.waking import wake


WAITING = ("wanted", "opening", "suspended", "failed")


def wake_waiting_for(user_id: Any) -> None:
    """Workspaces where something of a person's waits for a condition."""
    waiting = Grant.objects.filter(person_id=user_id, state__in=WAITING)
    ids = waiting.order_by("workspace_id").values_list("workspace_id", flat=True)
    for workspace_id in ids.distinct():  # in the order of `locks`: the caller's transaction is one
        wake(workspace_id)


@receiver(conditions_changed, dispatch_uid="provisioning-conditions")
def on_conditions_changed(*, user: User, **_kwargs: Any) -> None:
    wake_waiting_for(user.pk)


@receiver([post_save, post_delete], sender=Training, dispatch_uid="provisioning-training")
@receiver([post_save, post_delete], sender=TermsAcceptance, dispatch_uid="provisioning-terms")
@receiver([post_save, post_delete], sender=TOTPDevice, dispatch_uid="provisioning-totp")
def on_condition_saved(*, instance: Any, raw: bool = False, **_kwargs: Any) -> None:
    if not raw:
        wake_waiting_for(instance.user_id)


@receiver(clock_moved, dispatch_uid="provisioning-clock")
def on_clock_moved(**_kwargs: Any) -> None:
    """Legal time jumped (training): ends planned in real time are wrong."""
    alive = Workspace.objects.filter(grants__state__in=["wanted", "opening", "open", "suspended"])
    for workspace_id in alive.order_by("pk").values_list("pk", flat=True).distinct():
        wake(workspace_id)
