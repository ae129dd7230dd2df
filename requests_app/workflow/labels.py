"""Verbs in words: on buttons, in the log. Each verb says its own."""

from django.utils.functional import Promise

from .catalogue import VERBS


def label_of(name: str) -> str | Promise:
    """The verb as a button says it."""
    return VERBS[name].button


def logged(name: str) -> str | Promise:
    """The act as the log says it; the name of a verb that is gone."""
    return VERBS[name].logged if name in VERBS else name
