"""The form of each section of the file."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.common.calendar import legal_today
from portal.common.days import years_from_now
from portal.common.fields import AddressField
from requests_app.procedures.content import (
    DELIVERY_MODES,
    HEALTH_CONDITIONS,
    LEGAL_BASES,
    MATCHING_MODES,
    PARTIES,
    PROHIBITED,
    PURPOSES,
    Label,
    is_available,
)
from requests_app.procedures.content_labels import IDENTIFIERS, PARTY_FIELDS

from .draft import NOT_A_CHOICE, Group, SectionForm, choice, day, line, number, text


OLDEST_DATA = date(1900, 1, 1)  # before any register that a database could hold

PARTY_HELP: dict[str, Label] = {
    "controller": _("L’organisme qui décide de l’étude et de ses moyens."),
    "person_in_charge": _("La personne ou l’organisme qui conduit l’étude et traite les données."),
    "lab": _("À remplir si un laboratoire de recherche ou un bureau d’études traite les données."),
    "sponsor": _("À remplir si quelqu’un commande ou finance l’étude."),
    "requesting_person": _("À remplir si une personne publique est à l’origine de l’étude."),
    "eu_representative": _(
        "À remplir si le responsable de traitement est établi hors de l’Union européenne."
    ),
    "dpo": _("La personne que l’organisme a désignée auprès de la CNIL."),
}


class PartiesForm(SectionForm):
    section = "parties"

    def add_fields(self) -> None:
        for party in PARTIES:
            self.fields |= {f"{party}__{k}": field for k, field in _party_fields(party).items()}

    def groups(self) -> Iterator[Group]:
        for party, label in PARTIES.items():
            mine = [self[name] for name in self.fields if name.startswith(f"{party}__")]
            filled = any(field.value() for field in mine) or any(field.errors for field in mine)
            needed = any(field.field.required for field in mine)
            yield Group(label, mine, PARTY_HELP[party], open=bool(filled or needed), anchor=party)


def _party_fields(party: str) -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {
        "name": line(PARTY_FIELDS["name"]),
        "address": text(PARTY_FIELDS["address"], rows=2, max_length=1000),
        "contact": line(PARTY_FIELDS["contact"]),
        "email": AddressField(
            label=PARTY_FIELDS["email"],
            max_length=300,
            error_messages={
                "invalid": _("Cette adresse est incomplète. Exemple : prenom.nom@organisme.fr.")
            },
        ),
    }
    if party in {"controller", "person_in_charge", "lab"}:
        fields["experience"] = text(PARTY_FIELDS["experience"], rows=3)
    if party == "controller":
        fields["missions"] = text(PARTY_FIELDS["missions"], rows=3)
        fields["outside_eu"] = forms.BooleanField(label=PARTY_FIELDS["outside_eu"])
        fields["health_industry"] = forms.BooleanField(
            label=PARTY_FIELDS["health_industry"],
            help_text=_(
                "Une garantie est alors à joindre aux pièces : un laboratoire ou un bureau d’études"
                " traite les données, ou l’étude ne peut servir aucune finalité interdite."
            ),
        )
    return fields


class PurposeForm(SectionForm):
    section = "purpose"

    purposes = forms.MultipleChoiceField(
        choices=list(PURPOSES.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages=NOT_A_CHOICE,
        help_text=_("Les seules finalités que la loi permet. Cochez au moins celle de l’étude."),
    )
    summary = text(
        rows=6, help=_("Lisible par un public non spécialiste : il sert au répertoire public.")
    )
    objectives = text(rows=5)
    public_interest = text(
        rows=5, help=_("Ce que l’étude apporte à la collectivité, au-delà de votre organisme.")
    )


class ProhibitedForm(SectionForm):
    """A10: nobody has listed these purposes exhaustively, so each asks for its own words."""

    section = "prohibited"

    def add_fields(self) -> None:
        for code in PROHIBITED:
            self.fields[f"{code}__undertaking"] = forms.BooleanField(
                label=_("Je m’engage à ne pas utiliser les données à cette fin")
            )
            self.fields[f"{code}__reason"] = text(
                _("Pourquoi l’étude ne peut pas servir à cette fin"), rows=3
            )

    def groups(self) -> Iterator[Group]:
        for code, label in PROHIBITED.items():
            mine = [self[f"{code}__undertaking"], self[f"{code}__reason"]]
            yield Group(str(label)[:1].upper() + str(label)[1:], mine, anchor=code)


class SpecificationForm(SectionForm):
    """Population and criteria; the chosen rows have their own buttons, in the same page."""

    section = "specification"
    EXTRA_LISTS = 2
    LIST_PARTS = ("nomenclature", "codes", "purpose")

    population = text(rows=4, help=_("Qui l’étude observe, et comment ces personnes sont choisies"))
    criteria = text(rows=4)
    inclusion_from = day(earliest=OLDEST_DATA, latest=years_from_now(20))
    inclusion_until = day(earliest=OLDEST_DATA, latest=years_from_now(20))
    history_years = number(
        low=0,
        high=50,
        help=_("Années demandées avant l’inclusion, pour connaître les antécédents."),
    )
    follow_up_months = number(low=0, high=600)
    geography = line(help=_("France entière, une région, des départements…"))
    expected_number = number(low=0, high=100_000_000)
    matching_mode = choice(MATCHING_MODES)
    own_data = text(
        rows=3,
        help=_("Vos propres données à rapprocher de celles du portail ; sinon, laissez vide."),
    )
    delivery_mode = choice(DELIVERY_MODES)

    def clean_delivery_mode(self) -> str:
        """What cannot be delivered yet is not chosen; a file that holds it keeps it meanwhile."""
        mode: str = self.cleaned_data["delivery_mode"]
        if mode and not is_available(mode) and mode != self.stored.get("delivery_mode"):
            raise ValidationError(
                _("L’espace projet n’est pas encore disponible : choisissez le système fils.")
            )
        return mode

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("inclusion_from"), cleaned.get("inclusion_until")
        if first and last and last < first:
            self.add_error(
                "inclusion_until",
                _("Cette date précède le début de l’inclusion : corrigez l’une des deux."),
            )
        return cleaned

    def add_fields(self) -> None:
        kept = self.stored.get("delivery_mode")
        closed = {mode for mode in DELIVERY_MODES if not is_available(mode) and mode != kept}
        self.fields["delivery_mode"].widget.closed = closed  # type: ignore[attr-defined]
        sent = 0
        while f"code_{sent}_codes" in self.data:
            sent += 1
        self.list_count = max(len(self.stored.get("code_lists", [])) + self.EXTRA_LISTS, sent)
        for index in range(self.list_count):
            self.fields[f"code_{index}_nomenclature"] = line(
                _("Nomenclature"), help=_("CIM-10, CCAM, ATC…")
            )
            self.fields[f"code_{index}_codes"] = text(_("Codes"), rows=2)
            self.fields[f"code_{index}_purpose"] = line(_("À quoi sert cette liste"))

    def initial_of(self, stored: dict[str, Any]) -> dict[str, Any]:
        initial = super().initial_of(stored)
        for index, one in enumerate(stored.get("code_lists", [])):
            initial |= {f"code_{index}_{part}": one[part] for part in self.LIST_PARTS}
        return initial

    def section_data(self, *, only: Collection[str] | None = None) -> dict[str, Any]:
        data = super().section_data(only=only)
        lists = []
        for index in range(self.list_count):
            one = {part: data.pop(f"code_{index}_{part}", None) for part in self.LIST_PARTS}
            known = self.stored.get("code_lists", [])
            before = known[index] if index < len(known) else dict.fromkeys(self.LIST_PARTS, "")
            one = {part: before[part] if value is None else value for part, value in one.items()}
            if any(one.values()):
                lists.append(one)
        return data | {"code_lists": lists}

    def groups(self) -> Iterator[Group]:
        own = [name for name in self.fields if not name.startswith("code_")]
        people = ("population", "criteria")
        yield Group(_("Population"), [self[name] for name in people])
        for index in range(self.list_count):
            mine = [self[f"code_{index}_{part}"] for part in self.LIST_PARTS]
            filled = any(field.value() for field in mine)
            label = _("Liste de codes %(n)s") % {"n": index + 1}
            yield Group(label, mine, open=bool(filled), anchor=f"code-{index}")
        yield Group(_("Période et mise à disposition"), [self[n] for n in own if n not in people])


class IdentifiersForm(SectionForm):
    """A22: one justification per potential identifier among the chosen variables."""

    section = "identifiers"

    def __init__(self, *args: Any, kinds: dict[str, list[str]], **kwargs: Any) -> None:
        self.kinds = kinds
        super().__init__(*args, **kwargs)

    def add_fields(self) -> None:
        for kind, names in self.kinds.items():
            label = str(IDENTIFIERS[kind])
            self.fields[f"{kind}__justification"] = text(
                label[:1].upper() + label[1:],
                rows=4,
                help=_(
                    "Pourquoi cette précision est nécessaire, et pourquoi une donnée moins fine"
                    " ne suffit pas. Variables : %(names)s."
                )
                % {"names": ", ".join(names)},
            )


class LegalForm(SectionForm):
    section = "legal"

    legal_basis = choice(LEGAL_BASES)
    health_condition = choice(HEALTH_CONDITIONS)
    retention_months = number(
        low=1, high=600, help=_("À compter de la mise à disposition des données.")
    )
    rights = text(rows=4, help=_("Comment les personnes sont informées et s’opposent à l’étude."))
    security = text(rows=4, help=_("Qui accède aux données, où, et comment elles sont protégées."))


def _months(most: int) -> Any:
    help = _("Durée pendant laquelle l’équipe accède aux données.")
    return number(low=1, high=most, help=help)


class DurationForm(SectionForm):
    section = "duration"

    months = _months(240)
    wished_start = day(earliest=legal_today, latest=years_from_now(10))

    def __init__(self, *args: Any, most_months: int, **kwargs: Any) -> None:
        self.most_months = most_months
        super().__init__(*args, **kwargs)

    def add_fields(self) -> None:
        self.fields["months"] = _months(self.most_months)
        wished = self.stored.get("wished_start")
        if wished and wished < legal_today().isoformat():
            # Passed since it was typed: the other field is still saved without an error here.
            with suppress(ValueError):
                kept = date.fromisoformat(wished)
                self.fields["wished_start"].set_bounds(kept, years_from_now(10))  # type: ignore[attr-defined]


FORMS: dict[str, type[SectionForm]] = {
    "parties": PartiesForm,
    "purpose": PurposeForm,
    "prohibited": ProhibitedForm,
    "specification": SpecificationForm,
    "identifiers": IdentifiersForm,
    "legal": LegalForm,
    "duration": DurationForm,
}
