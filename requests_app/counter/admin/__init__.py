"""The Django admin of requests: lists for administrators and auditors, no verb, no content."""

from . import grants, requests


__all__ = ["grants", "requests"]
