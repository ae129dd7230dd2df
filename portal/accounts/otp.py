"""The second factor on pages: has this session passed it, how long ago, and asking for it.

A POST that must pass it is not lost: the step-up page carries the fields that were sent and posts
them again, with the code, to the same address.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, overload
from urllib.parse import urlencode, urlsplit

import django_otp
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_otp.models import Device

from . import signals
from .permissions import needs_second_factor, why_second_factor
from .second_factor import Locked, check, has_second_factor


__all__ = [
    "FRESH_MINUTES",
    "SecondFactorMiddleware",
    "demand",
    "demand_if_needed",
    "files_lost",
    "has_second_factor",
    "if_installed",
    "is_fresh",
    "is_verified",
    "mark_verified",
    "second_factor_required",
    "without_second_factor",
]

View = Callable[..., HttpResponseBase]
VERIFIED_AT = "second_factor_at"  # session key: seconds since the epoch, real time
CODE_FIELD = "second_factor_code"
FILES_FIELD = "second_factor_files"  # files were chosen, and could not be carried over
FRESH_MINUTES = 10  # for what engages somebody: signing, deciding, giving or taking a right


def is_verified(request: HttpRequest) -> bool:
    """Whether this session has passed the second factor."""
    user = request.user
    return bool(user.is_authenticated and getattr(user, "otp_device", None) is not None)


def is_fresh(request: HttpRequest, minutes: int) -> bool:
    """Whether it was passed less than `minutes` ago."""
    passed = request.session.get(VERIFIED_AT, 0)
    return is_verified(request) and 0 <= time.time() - passed < minutes * 60


def mark_verified(request: HttpRequest, device: Device) -> None:
    """Remember in the session, under a new key, that the person passed the second factor."""
    request.session.cycle_key()
    django_otp.login(request, device)
    request.session[VERIFIED_AT] = int(time.time())


def try_code(request: HttpRequest, code: str) -> bool:
    """Check a code and mark the session; a wrong one is recorded. Raises Locked."""
    device = check(request.user, code)  # type: ignore[arg-type]
    if device is None:
        signals.refusal("account.second_factor_fail", by=request.user, on=request.user)  # type: ignore[arg-type]
        return False
    mark_verified(request, device)
    signals.event("account.second_factor_pass", by=request.user, on=request.user)  # type: ignore[arg-type]
    return True


def without_second_factor(view: View) -> View:
    """Pages that a person who has yet to pass the second factor may open: account, step-up."""
    view.second_factor_exempt = True  # type: ignore[attr-defined]
    return view


@overload
def second_factor_required(view: View) -> View: ...
@overload
def second_factor_required(*, fresh_minutes: int | None = None) -> Callable[[View], View]: ...
def second_factor_required(
    view: View | None = None, *, fresh_minutes: int | None = None
) -> View | Callable[[View], View]:
    """Open the view only after the second factor, passed less than `fresh_minutes` ago if given.

    A GET goes to the step-up page and comes back. A POST answers 403 with a form that sends the
    same fields again with the code (files have to be chosen again, and the page says so).
    """

    def decorate(func: View) -> View:
        @wraps(func)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            answer = demand(request, fresh_minutes=fresh_minutes)
            return answer if answer is not None else func(request, *args, **kwargs)

        return without_second_factor(wrapper)  # it asks by itself

    return decorate(view) if view is not None else decorate


def if_installed(view: View) -> View:
    """Ask a recent second factor of those who have one: for what could take an account over."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and has_second_factor(request.user):
            answer = demand(request, fresh_minutes=FRESH_MINUTES)
            if answer is not None:
                return answer
        return view(request, *args, **kwargs)

    return wrapper


def demand(request: HttpRequest, *, fresh_minutes: int | None = None) -> HttpResponseBase | None:
    """The answer that asks for the second factor, or None when nothing is to be asked."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if is_verified(request) and (fresh_minutes is None or is_fresh(request, fresh_minutes)):
        _strip_code(request)
        return None
    if request.headers.get("HX-Request"):
        here = request.headers.get("HX-Current-URL", "")
        return HttpResponse(
            status=403,
            headers={"HX-Redirect": _step_up_url(_path_of(here), fresh_minutes=fresh_minutes)},
        )
    if request.method == "POST":
        return _demand_on_post(request, fresh_minutes=fresh_minutes)
    if not has_second_factor(request.user):  # type: ignore[arg-type]
        return redirect(_enrol_url(request.get_full_path(), fresh_minutes=fresh_minutes))
    return redirect(_step_up_url(request.get_full_path(), fresh_minutes=fresh_minutes))


def demand_if_needed(request: HttpRequest) -> HttpResponseBase | None:
    """What `SecondFactorMiddleware` asks, for an act on a public page."""
    return demand(request) if is_verified(request) or needs_second_factor(request.user) else None


def _path_of(url: str) -> str:
    """Path and query of an address: the host never decides where the person goes back to."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"


def _step_up_url(path: str, *, fresh_minutes: int | None) -> str:
    query = {"next": path} | ({"recent": "1"} if fresh_minutes is not None else {})
    return f"{reverse('accounts:verify')}?{urlencode(query)}"


def _enrol_url(path: str, *, fresh_minutes: int | None) -> str:
    query = {"next": path} | ({"recent": "1"} if fresh_minutes is not None else {})
    return f"{reverse('accounts:second_factor')}?{urlencode(query)}"


def files_lost(request: HttpRequest) -> bool:
    """Whether this form came with files before the code was asked, and comes without them now: it
    is shown again, nothing is done. For forms whose files are optional."""
    return bool(getattr(request, "guichet_files_lost", False))


def _strip_code(request: HttpRequest) -> None:
    if request.method == "POST" and {CODE_FIELD, FILES_FIELD} & request.POST.keys():
        data = request.POST.copy()
        data.pop(CODE_FIELD, None)
        lost = data.pop(FILES_FIELD, None) is not None and not request.FILES
        request.guichet_files_lost = lost  # type: ignore[attr-defined]
        data._mutable = False  # noqa: SLF001 - as Django made it
        request.POST = data


def _demand_on_post(request: HttpRequest, *, fresh_minutes: int | None) -> HttpResponse | None:
    code = request.POST.get(CODE_FIELD, "").strip()
    error = ""
    installed = has_second_factor(request.user)  # type: ignore[arg-type]
    if code and installed:
        try:
            if try_code(request, code):
                _strip_code(request)
                return None
            error = "wrong"
        except Locked as locked:
            error = f"locked:{locked.seconds}"
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        # A password is typed again: it is never written into a page.
        if name not in {CODE_FIELD, FILES_FIELD, "csrfmiddlewaretoken"} and "password" not in name
        for value in values
    ]
    context = {
        "action": request.get_full_path(),
        "fields": fields,
        "has_files": bool(request.FILES) or FILES_FIELD in request.POST,
        "installed": installed,
        "reasons": [] if installed else why_second_factor(request.user),
        "code_field": CODE_FIELD,
        "files_field": FILES_FIELD,
        "wrong": error == "wrong",
        "locked_seconds": int(error.partition(":")[2] or 0),
        "recent": fresh_minutes is not None,
    }
    return render(request, "accounts/step_up_post.html", context, status=403)


class SecondFactorMiddleware:
    """Whoever holds a role, signs for an organisation or manages one opens no page that needs a
    login before the second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if not request.user.is_authenticated:
            return None
        if not getattr(view, "login_required", True):
            return None
        if getattr(view, "second_factor_exempt", False) or is_verified(request):
            return None
        return demand(request) if needs_second_factor(request.user) else None
