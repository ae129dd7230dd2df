"""The period of an access against what was asked and what the procedure allows.

The verb refuses by `faults`; the form and the page beside it say the same days before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.common.calendar import PARIS, legal_today
from portal.common.units import add_period, parse_period
from requests_app.models import AccessRequest, RequestVersion
from requests_app.procedures import forms
from requests_app.procedures.coherence import LONGEST_MONTHS
from requests_app.procedures.schema import Procedure
from requests_app.procedures.words import period_in_words


LATEST_START = "2y"  # after today: a convention signed today for later is recorded nearer to it


@dataclass(frozen=True, slots=True)
class Frame:
    """What a period is judged against: months asked in the version that counts, the procedure's
    maximum, the days between which it may start."""

    months: int | None
    maximum: str
    first_start: date
    last_start: date

    def asked_end(self, starts: date) -> date | None:
        """Last day of the duration asked; None when the file asks for none."""
        return add_period(starts, f"{self.months}m") if self.months else None

    def latest_end(self, starts: date) -> date:
        """Last day that the procedure allows."""
        return add_period(starts, self.maximum)

    @property
    def asked(self) -> str:
        if not self.months:
            return _("aucune durée n’est demandée dans le dossier")
        return ngettext("%(n)s mois demandé", "%(n)s mois demandés", self.months) % {
            "n": self.months
        }

    @property
    def maximum_in_words(self) -> str:
        return period_in_words(self.maximum)

    def goes_beyond(self, starts: date, ends: date) -> bool:
        """Whether a reason is due: after the end asked, or nothing was asked."""
        asked = self.asked_end(starts)
        return asked is None or ends > asked


def most_months(procedure: Procedure) -> int:
    """The longest duration that a file may ask for; of a course that opens no rights, what the form
    holds."""
    if not procedure.opens_rights:
        return LONGEST_MONTHS
    count, unit = parse_period(procedure.terms.max_duration)
    return count * 12 if unit == "y" else count


def frame(request: AccessRequest, procedure: Procedure) -> Frame:
    """Of the last signed version; the working copy only where there is none."""
    version = RequestVersion.objects.filter(request=request).signed().only("content").newest()
    content = version.content if version is not None else request.content
    months = forms.of(procedure).value(content, "access_months")
    today = legal_today()
    deposited = request.submitted_at or request.created_at
    return Frame(
        months=months if isinstance(months, int) and months > 0 else None,
        maximum=procedure.terms.max_duration,
        first_start=min(deposited.astimezone(PARIS).date(), today),
        last_start=add_period(today, LATEST_START),
    )


def faults(
    known: Frame, *, starts: date | None, ends: date | None, reason: str
) -> Iterator[tuple[str, str]]:
    """(field, what to do) of everything wrong in a period."""
    if starts is None or ends is None:
        yield (
            "starts_on" if starts is None else "ends_on",
            _("Indiquez le début et la fin de la période d’accès."),
        )
        return
    if not known.first_start <= starts <= known.last_start:
        yield (
            "starts_on",
            _("L’accès commence entre le %(first)s (dépôt du dossier) et le %(last)s.")
            % {"first": _figures(known.first_start), "last": _figures(known.last_start)},
        )
        return
    if ends <= starts:
        yield "ends_on", _("La fin de la période d’accès précède son début.")
    elif ends < legal_today():
        yield "ends_on", _("La période d’accès est déjà terminée.")
    elif ends > known.latest_end(starts):
        yield (
            "ends_on",
            _("Cette procédure permet au plus %(maximum)s d’accès : jusqu’au %(date)s.")
            % {
                "maximum": known.maximum_in_words,
                "date": _figures(known.latest_end(starts)),
            },
        )
    elif known.goes_beyond(starts, ends) and not reason:
        asked = known.asked_end(starts)
        yield (
            "longer_because",
            _("La durée demandée finit le %(date)s : dites pourquoi l’accès va au-delà.")
            % {"date": _figures(asked)}
            if asked
            else _("Le dossier ne demande aucune durée : dites d’où vient cette fin."),
        )


def lines(known: Frame, starts: date, ends: date | None = None) -> Iterator[str]:
    """The period against the duration asked, in words, for pages."""
    asked = known.asked_end(starts)
    if asked is None:
        yield _("Aucune durée n’est demandée dans le dossier : la fin demande un motif.")
    else:
        yield _("%(asked)s : jusqu’au %(date)s pour un début le %(start)s.") % {
            "asked": known.asked,
            "date": _figures(asked),
            "start": _figures(starts),
        }
    if ends is not None:
        if asked is not None and ends > asked:
            yield _("La fin saisie, le %(date)s, dépasse la demande de %(days)s jours.") % {
                "date": _figures(ends),
                "days": (ends - asked).days,
            }
        elif asked is not None and ends < asked:
            yield _("La fin saisie, le %(date)s, précède la demande de %(days)s jours.") % {
                "date": _figures(ends),
                "days": (asked - ends).days,
            }
    yield _("Au plus %(maximum)s par cette procédure : jusqu’au %(date)s.") % {
        "maximum": known.maximum_in_words,
        "date": _figures(known.latest_end(starts)),
    }


def _figures(day: date) -> str:
    return f"{day:%d/%m/%Y}"
