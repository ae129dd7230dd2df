"""Verbs in words: on buttons, in the log. Each verb says its own."""

from django.utils.functional import Promise, lazy

from requests_app.procedures.law import UNNAMED, Authority

from .catalogue import VERBS


def label_of(name: str, authority: Authority = UNNAMED) -> str:
    """The verb as a button says it."""
    return _naming(VERBS[name].button, authority)


def logged(name: str, authority: Authority = UNNAMED) -> str:
    """The act as the log says it; the name of a verb that is gone."""
    return _naming(VERBS[name].logged, authority) if name in VERBS else name


def _naming(words: str | Promise, authority: Authority) -> str:
    """Words of a verb may name the procedure's authority: `%(of)s`."""
    said = str(words)
    return said % authority.words if "%(" in said else said


logged_lazily = lazy(logged, str)
