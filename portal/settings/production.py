"""Production: nothing has a default that is only good for a demo."""

from .base import *  # noqa: F403
from .base import env


SECRET_KEY = env.str("GUICHET_SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("GUICHET_SECRET_KEY_FALLBACKS", default=[])
SECURE_SSL_REDIRECT = env.bool("GUICHET_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_AGE = 12 * 3600
