"""Words for what operators see of the provider: resources, their state, verifications."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.models import Probe
from requests_app.provisioning.providers import configured


RESOURCES: dict[str, Promise] = {
    "portal": gettext_lazy("identité du portail"),
    "bucket": gettext_lazy("espace de stockage"),
    "encryption": gettext_lazy("chiffrement"),
    "fence": gettext_lazy("règles d’accès"),
    "members": gettext_lazy("membres de l’étude"),
}
STATUSES: dict[str, Promise] = {
    "intended": gettext_lazy("prévu"),
    "ready": gettext_lazy("en place"),
    "removed": gettext_lazy("supprimé"),
    "vanished": gettext_lazy("disparu chez l’hébergeur"),
}
TRIES: dict[str, Promise] = {
    "in_list": gettext_lazy("liste des données"),
    "in_get": gettext_lazy("lecture des données"),
    "in_put": gettext_lazy("écriture dans les données"),
    "ws_put": gettext_lazy("écriture dans la zone de travail"),
    "ws_get": gettext_lazy("lecture de la zone de travail"),
    "ws_delete": gettext_lazy("suppression dans la zone de travail"),
    "other_list": gettext_lazy("liste d’une autre étude"),
}
EXPECTED: dict[str, Promise] = {
    "allowed": gettext_lazy("admise"),
    "refused": gettext_lazy("refusée"),
}


PLACES: dict[str, Promise] = {"in": gettext_lazy("données"), "ws": gettext_lazy("travail")}


def place(key: str, owners: Mapping[str, str]) -> str:
    """What a resource is for: the data, the work space, or a person (by the access's id)."""
    return owners.get(key) or str(PLACES.get(key, key))


def resource(kind: str) -> str:
    """Of a kind of row; those that only the provider has are in its own words."""
    return str(RESOURCES.get(kind) or configured.shape().words.get(kind, kind))


def status(code: str) -> str:
    return str(STATUSES.get(code, code))


def verification(probe: Probe) -> str:
    """One try in a sentence: what, as expected or not, and the provider's answer."""
    values = {
        "what": TRIES.get(probe.kind, probe.kind),
        "expected": EXPECTED.get(probe.expected, probe.expected),
        "status": probe.status or "–",
    }
    return _("%(what)s : devait être %(expected)s, réponse %(status)s") % values
