"""Tokens of the API."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts import tokens as service
from portal.accounts.forms import TokenForm
from portal.accounts.links import posted
from portal.accounts.models import ApiToken
from portal.accounts.otp import if_installed


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@if_installed
def tokens(request: HttpRequest) -> HttpResponse:
    mine = ApiToken.objects.filter(user=request.user)
    form = TokenForm(posted(request))
    if request.method == "POST" and form.is_valid():
        if mine.usable().count() >= service.MAX_TOKENS:
            text = _("Vous avez déjà %(n)s jetons valables. Retirez-en un d’abord.")
            form.add_error(None, text % {"n": service.MAX_TOKENS})
        else:
            token, text = service.create(by=request.user, **form.cleaned_data)
            context = {"token": token, "text": text}
            return render(request, "accounts/token_created.html", context)
    return render(request, "accounts/tokens.html", {"form": form, "tokens": mine})


@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    if request.method == "POST":
        service.revoke(token, by=request.user)
        messages.success(request, _("Le jeton est retiré : il ne fonctionne plus."))
        return redirect("accounts:tokens")
    context = {
        "heading": _("Retirer le jeton « %(name)s »") % {"name": token.name},
        "lead": _("Les outils qui s’en servent ne pourront plus lire l’interface."),
        "submit_label": _("Retirer le jeton"),
        "cancel_url": reverse("accounts:tokens"),
        "danger": True,
    }
    return render(request, "layout/confirm.html", context)
