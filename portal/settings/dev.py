"""Development and demo: everything embedded, on loopback."""

from .base import *  # noqa: F403
from .base import SECRET_KEY, VAR_DIR, env


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
