"""Enrolling, proving and renewing the second factor."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import factor_resets
from portal.accounts import second_factor as factor
from portal.accounts.forms import CodeForm
from portal.accounts.landing import landing
from portal.accounts.links import next_url, posted
from portal.accounts.models import FactorReset
from portal.accounts.otp import (
    FRESH_MINUTES,
    demand,
    has_second_factor,
    mark_verified,
    second_factor_required,
    try_code,
    without_second_factor,
)
from portal.accounts.permissions import needs_second_factor, why_second_factor


_KEY = "second_factor_key"  # the key proposed by the page, until a code proves it


@without_second_factor
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    replacing = has_second_factor(request.user)
    if replacing and (answer := demand(request, fresh_minutes=FRESH_MINUTES)) is not None:
        return answer
    if (start := factor_resets.first_factor_from(request.user)) is not None:
        context = {"start": start, "contact_email": settings.SITE_FACTS["contact_email"]}
        return render(request, "accounts/second_factor_waits.html", context, status=403)
    key = request.session.get(_KEY) or factor.new_key()
    request.session[_KEY] = key
    form = CodeForm(posted(request))
    form.fields["code"].help_text = _("Les six chiffres que montre l’application.")
    if request.method == "POST" and form.is_valid():
        codes = factor.enrol(by=request.user, key=key, code=form.cleaned_data["code"])
        if codes is not None:
            del request.session[_KEY]
            mark_verified(request, factor.state_of(request.user).device)
            return _show_codes(request, codes, installed=True)
        form.add_error(
            "code",
            _("Ce code ne correspond pas. Vérifiez l’heure du téléphone et tapez le code affiché."),
        )
    context = {
        "form": form,
        "replacing": replacing,
        "qr": factor.qr_code(factor.provisioning_url(request.user, key)),
        "key": factor.readable_key(key),
        "next": next_url(request, ""),
        "reasons": why_second_factor(request.user),
        "recent": request.GET.get("recent") == "1",
    }
    return render(request, "accounts/second_factor.html", context)


def _show_codes(request: HttpRequest, codes: list[str], *, installed: bool) -> HttpResponse:
    context = {
        "codes": codes,
        "installed": installed,
        "next": next_url(request, reverse("accounts:account")),
    }
    return render(request, "accounts/recovery_codes.html", context)


@without_second_factor
@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    target = next_url(request, landing(request.user))
    if not has_second_factor(request.user):
        return redirect(f"{reverse('accounts:second_factor')}?{request.GET.urlencode()}")
    form = CodeForm(posted(request))
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            if try_code(request, form.cleaned_data["code"]):
                return redirect(target)
            form.add_error("code", wrong_code())
        except factor.Locked as locked:
            form.add_error("code", locked_text(locked.seconds))
            status = 429
    context = {"form": form, "next": target, "recent": request.GET.get("recent") == "1"}
    return render(request, "accounts/verify.html", context, status=status)


def wrong_code() -> str:
    return _("Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant et tapez-le.")


def locked_text(seconds: int) -> str:
    text = ngettext(
        "Trop de codes faux. Réessayez dans %(n)s seconde.",
        "Trop de codes faux. Réessayez dans %(n)s secondes.",
        seconds,
    )
    return text % {"n": seconds}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@second_factor_required(fresh_minutes=FRESH_MINUTES)
def recovery_codes(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _show_codes(request, factor.renew_codes(by=request.user), installed=False)
    context = {
        "heading": _("Créer de nouveaux codes de secours"),
        "lead": _(
            "Les codes précédents cesseront de fonctionner. Les nouveaux sont montrés une fois."
        ),
        "submit_label": _("Créer les codes"),
        "cancel_url": reverse("accounts:account"),
    }
    return render(request, "layout/confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@second_factor_required(fresh_minutes=FRESH_MINUTES)
def remove(request: HttpRequest) -> HttpResponse:
    if needs_second_factor(request.user):
        raise PermissionDenied
    if request.method == "POST":
        factor.remove(by=request.user)
        messages.success(request, _("Le second facteur est retiré de votre compte."))
        return redirect("accounts:account")
    context = {
        "heading": _("Retirer le second facteur"),
        "lead": _("Sans second facteur, aucune clé d’accès ne peut vous être ouverte ni montrée."),
        "submit_label": _("Retirer le second facteur"),
        "cancel_url": reverse("accounts:account"),
        "danger": True,
    }
    return render(request, "layout/confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@second_factor_required
def refuse_reset(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The person shows the factor that an administrator says they lost."""
    proposal = get_object_or_404(FactorReset.objects.filter(user=request.user), pk=pk)
    if request.method == "POST":
        if factor_resets.cancel(proposal, by=request.user):
            text = _("Votre second facteur reste en place. Les administrateurs sont prévenus.")
            messages.success(request, text)
        else:
            messages.warning(request, _("Il n’y avait plus rien à refuser."))
        return redirect("accounts:account")
    context = {
        "heading": _("Refuser la réinitialisation de votre second facteur"),
        "lead": _("Votre second facteur reste en place et les administrateurs sont prévenus."),
        "submit_label": _("Refuser"),
        "cancel_url": reverse("accounts:account"),
    }
    return render(request, "layout/confirm.html", context)
