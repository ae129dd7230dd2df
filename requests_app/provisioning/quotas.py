"""The provider's limits, read by the provisioning worker, shown by the web with their time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from requests_app.models import CloudResource, ProviderReading
from requests_app.provisioning import labels
from requests_app.provisioning.facts import READY
from requests_app.provisioning.providers.configured import provider
from requests_app.provisioning.providers.errors import ProviderError
from requests_app.provisioning.providers.port import Provider
from requests_app.provisioning.providers.values import Quota


EVERY, AGAIN = timedelta(minutes=10), timedelta(minutes=1)  # again: after a reading that failed


@dataclass(frozen=True, slots=True)
class Reading:
    """The last reading: when, why it failed if it did, and the limits."""

    read_at: datetime
    problem: str
    quotas: list[Quota]

    def lacking(self, *, persons: int) -> list[Quota]:
        """Limits that a new study of this many persons would pass; unknown use counts as room."""
        return [
            quota
            for quota in self.quotas
            if quota.left is not None and quota.left < quota.per_study + persons * quota.per_person
        ]


def is_old() -> bool:
    """Whether it is time to read again."""
    row = ProviderReading.objects.filter(kind="quotas").first()
    if row is None:
        return True
    return timezone.now() - row.read_at > (AGAIN if row.problem else EVERY)


def read(make_backend: Callable[[], Provider] | None = None) -> None:
    """Read and store; a failure keeps the last figures and says why they are old."""
    try:
        found = (make_backend or provider)().quotas()
    except ProviderError as error:
        ProviderReading.objects.update_or_create(
            kind="quotas",
            defaults={
                "problem": labels.failure(error, action="quotas"),
                "read_at": timezone.now(),
            },
        )
        return
    ours = CloudResource.objects.filter(kind="bucket", status=READY).count()
    data = [
        {
            "name": quota.name,
            "limit": quota.limit,
            # Buckets can only be listed project by project: ours are counted instead.
            "used": quota.used if quota.used is not None else ours,
            "per_study": quota.per_study,
            "per_person": quota.per_person,
        }
        for quota in found
    ]
    ProviderReading.objects.update_or_create(
        kind="quotas", defaults={"data": {"quotas": data}, "problem": "", "read_at": timezone.now()}
    )


def last_reading() -> Reading | None:
    """What pages show before a convention is signed; None when nothing was ever read."""
    row = ProviderReading.objects.filter(kind="quotas").first()
    if row is None:
        return None
    found = [Quota(**one) for one in row.data.get("quotas", [])]
    return Reading(row.read_at, row.problem, found)
