"""French words for what Scaleway alone has: kinds of rows, limits."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


WORDS: dict[str, Promise] = {
    "project": gettext_lazy("projet"),
    "application": gettext_lazy("identité technique"),
    "group": gettext_lazy("groupe"),
    "policy": gettext_lazy("droits"),
}
# Words in the names of quotas, in the order they are looked for.
LIMITS: tuple[tuple[str, Promise], ...] = (
    ("project", gettext_lazy("projets")),
    ("application", gettext_lazy("applications")),
    ("polic", gettext_lazy("politiques")),
    ("group", gettext_lazy("groupes")),
    ("api_key", gettext_lazy("clés d’API")),
    ("bucket", gettext_lazy("espaces de stockage")),
)
