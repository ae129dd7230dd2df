"""Asking for a study's extract and preparing it in the worker that reads what holders deposit."""

from .ask import AskRefused, ask, is_askable, prepare, state
from .review import review


__all__ = ["AskRefused", "ask", "is_askable", "prepare", "review", "state"]
