"""Development and demo: everything embedded, on loopback."""

from .base import *  # noqa: F403
from .base import PROVISIONING, SECRET_KEY, STORAGES, VAR_DIR, env


DEBUG = env.bool("GUICHET_DEBUG", default=False)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
if not SECRET_KEY:
    # A key of this machine's own, made once, so that sessions outlive a restart.
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    _key_file = VAR_DIR / "secret_key"
    if not _key_file.exists():
        from django.core.management.utils import get_random_secret_key

        _key_file.touch(mode=0o600)
        _key_file.write_text(get_random_secret_key())
    SECRET_KEY = _key_file.read_text()

# The sandbox has no propagation unless it is told to: proofs are quick, their number stays.
_FAST = {
    "open_spacing": ("GUICHET_OPEN_SPACING", 0.3),
    "refusal_spacing": ("GUICHET_REFUSAL_SPACING", 0.5),
    "list_lag": ("GUICHET_LIST_LAG_SECONDS", 2.0),
    "propagation": ("GUICHET_PROPAGATION_SECONDS", 60.0),
}
PROVISIONING |= {name: env.float(key, default=value) for name, (key, value) in _FAST.items()}
if not PROVISIONING["worker_addresses"]:
    PROVISIONING["worker_addresses"] = ["127.0.0.1/32"]
# Hashed names as in production, without compression (1 s instead of 10): all is on loopback.
STORAGES |= {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
}
