"""Quotas left at the provider, as the provisioning worker last read them: the web has no key."""

from datetime import datetime

from django.utils.translation import gettext as _

from .models import ProviderReading


# One study takes a project, a policy, a group and two buckets; each person an application and two
# keys (reference: default quotas of an organisation stop at about 25 studies).
LOW = 3
LABELS = {
    "account_projects": _("projets"),
    "iam_applications": _("applications"),
    "iam_policies": _("politiques"),
    "iam_groups": _("groupes"),
    "iam_api_keys": _("clés d’API"),
    "object_buckets": _("espaces de stockage"),
}


def _reading() -> ProviderReading | None:
    return ProviderReading.objects.filter(kind="quotas").first()


def read_at() -> datetime | None:
    """When the worker last read them; None before the first reading."""
    reading = _reading()
    return reading.read_at if reading else None


def lines() -> list[str]:
    """One sentence per quota: what is left, of how much; a last one when the reading failed.

    The worker's reading: `{name: {"limit": int | None, "used": int}}`.
    """
    reading = _reading()
    if reading is None:
        return [_("Les quotas du fournisseur n’ont pas encore été lus.")]
    found = []
    for name, quota in sorted(reading.data.items()):
        if quota.get("limit") is None:
            continue
        left = quota["limit"] - quota["used"]
        sentence = _("%(name)s : %(left)d restants sur %(limit)d") % {
            "name": LABELS.get(name, name),
            "left": left,
            "limit": quota["limit"],
        }
        found.append(sentence + (_(" – demandez une augmentation") if left < LOW else ""))
    if reading.problem:
        found.append(reading.problem)
    return found
