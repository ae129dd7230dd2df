"""Parameters of the results page: French words in the address, checked, odd ones told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.models import Dataset, Variable, VocabularyTerm
from catalog.search.query import FACETS, SearchRequest, parse
from portal.accounts.models import Organisation
from portal.common.digits import whole_number


TABS = {"bases": "dataset", "tables": "table", "variables": "variable"}
SORT_WORDS = {"pertinence": "relevance", "titre": "title", "date": "updated"}
FACET_WORDS = {
    "voie": "route",
    "nature": "nature",
    "responsable": "holder",
    "theme": "theme",
    "categorie": "category",
    "base": "dataset",
    "identifiant": "identifier",
    "type": "type",
}
WORD_OF = {facet: word for word, facet in FACET_WORDS.items()}
PAGE_SIZE = 20
MAX_VALUES = 50  # chosen values of one facet


@dataclass(slots=True)
class Params:
    """A checked request, and what to tell about what was not understood."""

    request: SearchRequest
    tab: str
    sort: str
    notices: list[str] = field(default_factory=list)

    def query(self, **changes: object) -> str:
        """The address of this search with changes; `page` always goes unless given."""
        values: list[tuple[str, str]] = []
        fixed = {"q": self.request.parsed.text, "onglet": self.tab, "tri": self.sort}
        fixed |= {k: str(v) for k, v in changes.items() if k in (*fixed, "page")}
        defaults = {"onglet": "bases", "tri": "pertinence", "page": "1"}
        values += [(k, v) for k, v in fixed.items() if v and v != defaults.get(k)]
        facets = changes.get("facets", self.request.facets)
        if isinstance(facets, Mapping):
            for facet, chosen in facets.items():
                values += [(WORD_OF[facet], value) for value in chosen]
        return f"?{urlencode(values)}" if values else "?"

    @property
    def without_facets(self) -> str:
        return self.query(facets={})

    def toggled(self, facet: str, value: str) -> str:
        """The address with one value of a facet added, or taken away."""
        facets = {name: list(chosen) for name, chosen in self.request.facets.items()}
        chosen = facets.setdefault(facet, [])
        if value in chosen:
            chosen.remove(value)
        else:
            chosen.append(value)
        return self.query(facets={name: chosen for name, chosen in facets.items() if chosen})


def read(query: QueryDict) -> Params:
    """Read the address. What is not understood is left out and said, never an error page."""
    notices: list[str] = []
    tab = query.get("onglet", "bases")
    if tab not in TABS:
        notices.append(_("Cet onglet n’existe pas : les bases sont affichées."))
        tab = "bases"
    sort = query.get("tri", "pertinence")
    if sort not in SORT_WORDS:
        notices.append(_("Ce tri n’existe pas : les résultats sont classés par pertinence."))
        sort = "pertinence"
    page = whole_number(query.get("page", "1")) or 0
    if not 1 <= page <= 10**6:
        notices.append(_("Cette page n’existe pas : la première est affichée."))
        page = 1
    facets = {}
    for word, facet in FACET_WORDS.items():
        values = tuple(dict.fromkeys(v for v in query.getlist(word) if v and "\0" not in v))[
            :MAX_VALUES
        ]
        if values and TABS[tab] in FACETS[facet]:
            facets[facet] = values
    known = labels_of(facets)
    for facet in list(facets):
        kept = tuple(value for value in facets[facet] if value in known[facet])
        if kept != facets[facet]:
            notices.append(_("Un filtre inconnu a été laissé de côté."))
        if kept:
            facets[facet] = kept
        else:
            del facets[facet]
    parsed = parse(query.get("q", ""))
    if parsed.text and parsed.is_empty:
        notices.append(_("Il n’y a pas de mot à chercher dans ce texte : tout est affiché."))
    request = SearchRequest(parsed, TABS[tab], facets, SORT_WORDS[sort], page, PAGE_SIZE)
    return Params(request, tab, sort, list(dict.fromkeys(notices)))


def labels_of(values: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """Labels of the values of each facet; one query at most for each of the three that are rows."""
    labels: dict[str, dict[str, str]] = {
        "route": {str(k): str(v) for k, v in Dataset.AskRoute.choices},
        "nature": {str(k): str(v) for k, v in Dataset.Kind.choices},
        "identifier": {str(k): str(v) for k, v in Variable.Identifier.choices},
        "type": {str(k): str(v) for k, v in Variable.DataType.choices},
        "holder": {},
        "dataset": {},
        "theme": {},
        "category": {},
    }
    if holders := list(values.get("holder", ())):
        found = Organisation.objects.filter(code__in=holders).order_by()
        labels["holder"] = dict(found.values_list("code", "name"))
    if codes := list(values.get("dataset", ())):
        datasets = Dataset.objects.published().filter(code__in=codes).order_by()
        labels["dataset"] = dict(datasets.values_list("code", "title_fr"))
    wanted = {f"health-{name}": list(values.get(name, ())) for name in ("theme", "category")}
    if any(wanted.values()):
        terms = VocabularyTerm.objects.filter(
            scheme__in=wanted, code__in={code for codes in wanted.values() for code in codes}
        ).order_by()
        for scheme, code, label in terms.values_list("scheme", "code", "label_fr"):
            labels[scheme.removeprefix("health-")][code] = label
    return labels
