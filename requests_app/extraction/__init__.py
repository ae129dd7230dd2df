"""Asking for a study's extract and preparing it in the worker that reads what holders deposit."""

from .ask import AskRefused, ask, prepare


__all__ = ["AskRefused", "ask", "prepare"]
