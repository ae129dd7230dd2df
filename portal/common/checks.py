"""What must not go live: `manage.py check --deploy`. Messages say which variable to set."""

from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


_MINIMUM_SECRET = 50
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Known words of the repository: a secret that everybody can read is none.
_KNOWN_SECRETS = ("django-insecure", "tests-only", "change-me", "changeme")


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"guichet.E{number:03}")


@register(Tags.security, deploy=True)
def not_a_demo(**_kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.TRAINING:
        text = "Legal time can be moved: due dates and tacit outcomes would mean nothing."
        found.append(_error(1, text, "Unset GUICHET_TRAINING."))
    if settings.DEMO:
        found.append(_error(2, "The demonstration is on.", "Unset GUICHET_DEMO."))
    if settings.DEBUG:
        text = "DEBUG is on: error pages show settings and data."
        found.append(_error(3, text, "Unset GUICHET_DEBUG."))
    return found


@register(Tags.security, deploy=True)
def secrets_are_set(**_kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    secret = settings.SECRET_KEY
    if len(secret) < _MINIMUM_SECRET or secret.startswith(_KNOWN_SECRETS):
        text = f"The secret key is a known one or shorter than {_MINIMUM_SECRET} characters."
        found.append(_error(4, text, "Set GUICHET_SECRET_KEY to a random value."))
    if not settings.CUSTODY_KEYS:
        text = "No custody key: access keys cannot be kept until their owner reveals them."
        hint = "Set GUICHET_CUSTODY_KEYS (Fernet keys, the newest first) for web and provisioning."
        found.append(_error(5, text, hint))
    for name in ("CUSTODY_KEYS", "PROBE_KEYS"):
        found += [
            _error(6, f"Key {n} of GUICHET_{name} is not a Fernet key.", "Make one with Fernet.")
            for n, key in enumerate(getattr(settings, name), 1)
            if not _is_fernet_key(key)
        ]
    if set(settings.CUSTODY_KEYS) & set(settings.PROBE_KEYS):
        text = "A custody key is also a probe key: the web process could read probe secrets."
        found.append(_error(7, text, "Use different keys in GUICHET_PROBE_KEYS."))
    return found


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except (ValueError, TypeError):
        return False
    return True


@register(Tags.security, deploy=True)
def addresses_are_public(**_kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    address = urlsplit(settings.PUBLIC_URL)
    if address.scheme != "https" or address.hostname in _LOOPBACK:
        text = "Links in mails would not work: the public address is not one of https."
        found.append(_error(8, text, "Set GUICHET_PUBLIC_URL to https://…"))
    if "smtp" not in settings.EMAIL_BACKEND:
        text = "Mails are not sent by SMTP."
        found.append(Warning(text, hint="Set EMAIL_URL.", id="guichet.W001"))
    return found


@register(Tags.security, deploy=True)
def legal_pages_are_complete(**_kwargs: object) -> list[CheckMessage]:
    missing = [name for name, value in settings.SITE_FACTS.items() if not value]
    if not missing:
        return []
    text = f"The legal pages have nothing to say about: {', '.join(missing)}."
    hint = "Set GUICHET_PUBLISHER and the variables beside it."
    return [Warning(text, hint=hint, id="guichet.W002")]


@register(Tags.security)
def log_is_kept_a_year(**_kwargs: object) -> list[CheckMessage]:
    """E29: access logs are kept at least a year."""
    days = settings.AUDIT_RETENTION_DAYS
    if days == 0 or days >= 365:
        return []
    text = "The audit log would be kept less than a year."
    return [_error(9, text, "Set GUICHET_AUDIT_RETENTION_DAYS to 0 (keep all) or at least 365.")]
