"""The suite: SQLite in a file per worker, or PostgreSQL by DATABASE_URL; never in memory."""

import os
import tempfile
from pathlib import Path


_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
_run = os.environ.setdefault("GUICHET_TEST_RUN", tempfile.mkdtemp(prefix="guichet-tests-"))
os.environ["GUICHET_VAR"] = str(Path(_run) / _worker)
Path(os.environ["GUICHET_VAR"]).mkdir(parents=True, exist_ok=True)

from .base import *  # noqa: E402, F403
from .base import DATABASES, STORAGES_TEST, VAR_DIR  # noqa: E402


SECRET_KEY = "tests-only-not-a-secret"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # fast; argon2 has its own test
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = STORAGES_TEST
CELERY_TASK_ALWAYS_EAGER = False
TRAINING = True  # legal time can be moved in tests
# Found when asked for, never scanned: each test client makes the middleware anew.
STATIC_ROOT = VAR_DIR / "static"  # never what an earlier collectstatic left
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
