"""Settings shared by every environment. Configuration is by environment variables only."""

import os
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from portal.common.folders import close_to_others


BASE_DIR = Path(__file__).resolve().parent.parent.parent


class Variables(environ.Env):  # type: ignore[misc]
    """One that is set to nothing is not set: a line of a file of variables left blank."""

    ENVIRON = {name: value for name, value in os.environ.items() if value.strip()}


env = Variables()

VAR_DIR = Path(env.str("GUICHET_VAR", default=str(BASE_DIR / "var")))
close_to_others(VAR_DIR)

SECRET_KEY = env.str("GUICHET_SECRET_KEY", default="")
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("GUICHET_ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("GUICHET_CSRF_TRUSTED_ORIGINS", default=[])
PUBLIC_URL = env.str("GUICHET_PUBLIC_URL", default="http://127.0.0.1:8000")

INSTALLED_APPS = [
    "portal.common",
    "portal.accounts",
    "portal.audit",
    "portal.notifications",
    "catalog",
    "requests_app",
    "portal.training",
    "portal.accounts.admin_config.GuichetAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "portal.common.static_files.PublishedStaticFilesConfig",
    "django.forms",
    "dsfr",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "rest_framework",
    "django_filters",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.common.private_answers.PrivateAnswersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.common.given_back.MethodPageMiddleware",
    "portal.common.given_back.ErrorTitleMiddleware",
    "portal.common.body_limits.BodyLimitMiddleware",  # before the first that reads a body
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "portal.accounts.login_required.GivesBackMiddleware",
    "portal.accounts.otp.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "requests_app.counter.pages.refusals.RefusalMiddleware",
    "portal.common.readonly.ReadOnlyGetMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "portal.common.forms.PortalRenderer"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.common.context.portal",
            ],
        },
    },
]

# SQLite by default (WAL; IMMEDIATE: writers queue instead of failing), PostgreSQL by DATABASE_URL.
DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'guichet.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
            # INSERT OR REPLACE then meets the log's triggers whatever column it collides on.
            "PRAGMA recursive_triggers=ON;"
        ),
    }
else:
    _asked = DATABASES["default"].get("OPTIONS", {})
    # Who sees what is several conditions in one statement: costed high, run in milliseconds, and
    # compiled for longer than that. What DATABASE_URL says comes last, and wins (ADR 0014).
    _said = f"-c jit=off {_asked.get('options', '')}".strip()
    DATABASES["default"]["OPTIONS"] = _asked | {"options": _said}
    if env.bool("GUICHET_DB_POOL", default=False):  # web process only
        DATABASES["default"]["OPTIONS"] |= {"pool": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": env.str("CACHE_URL"),
            # Two portals on one Redis: the counts of one are not the other's.
            "KEY_PREFIX": env.str("GUICHET_CACHE_PREFIX", default="guichet"),
        }
        if env.str("CACHE_URL", default="")
        else {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(VAR_DIR / "cache"),
            # At Django's 300 a flood of names would push the counts of tries out.
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    )
}

AUTHENTICATION_BACKENDS = ["portal.accounts.backends.RoleBackend"]
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "requests_app:my_requests"
LOGOUT_REDIRECT_URL = "home"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
OTP_TOTP_ISSUER = "Guichet"

LANGUAGE_CODE = "fr"
# English joins when its catalogue is complete: a page is never half in one language.
LANGUAGES = [("fr", _("français"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = "Europe/Paris"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("GUICHET_STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "portal" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STORAGES_TEST = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
# Besides WhiteNoise's own list: DSFR's thousand icons weigh less than their HTTP headers.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [
    "jpg",
    "jpeg",
    "png",
    "gif",
    "webp",
    "ico",
    "woff",
    "woff2",
    "zip",
    "gz",
    "br",
    "map",
    "svg",
]
# Uploaded pieces are never served by the web server: views stream them after a rights check.
MEDIA_ROOT = VAR_DIR / "files"
FILE_UPLOAD_PERMISSIONS = 0o600
# Whole bodies are bounded in portal.common.body_limits; these are what a form may hold of them.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000  # a form's `MOST_INPUTS`, a test says
DATA_UPLOAD_MAX_NUMBER_FILES = 5
PIECE_MAX_BYTES = 25 * 1024 * 1024

# Proxies in front of the portal whose X-Forwarded-For is believed (throttles by address).
TRUSTED_PROXIES = env.int("GUICHET_TRUSTED_PROXIES", default=0)

DSFR_USE_INTEGRITY_CHECKSUMS = (
    False  # the printed hashes are of the files before hashing (django-dsfr #226)
)
STATE_SITE = env.bool(
    "GUICHET_STATE_SITE", default=False
)  # DSFR keeps the State's marks for State sites
# A folder of a body's own procedures, of the same shape as those shipped; empty: none.
PROCEDURES_FOLDER = env.str("GUICHET_PROCEDURES", default="")
DEMO = env.bool("GUICHET_DEMO", default=False)
TRAINING = env.bool("GUICHET_TRAINING", default=False)
# Nothing opens project spaces yet: off, no file asks for one and no convention gives one.
PROJECT_SPACES = env.bool("GUICHET_PROJECT_SPACES", default=False)
SITE_FACTS = {  # what the legal pages must say; `check --deploy` names those that are missing
    "publisher": env.str("GUICHET_PUBLISHER", default=""),
    "publisher_address": env.str("GUICHET_PUBLISHER_ADDRESS", default=""),
    "publication_director": env.str("GUICHET_PUBLICATION_DIRECTOR", default=""),
    "host": env.str("GUICHET_HOST", default=""),
    "contact_email": env.str("GUICHET_CONTACT_EMAIL", default=""),
    "dpo_email": env.str("GUICHET_DPO_EMAIL", default=""),
}

# Days of the audit log kept; 0 keeps everything, otherwise at least 365 (E29).
AUDIT_RETENTION_DAYS = env.int("GUICHET_AUDIT_RETENTION_DAYS", default=0)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.common.given_back.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: []
    for name in ("camera", "geolocation", "microphone", "payment", "usb", "display-capture")
}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default=f"filemail:///{VAR_DIR / 'mail'}")
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend":
    EMAIL_CONFIG["EMAIL_BACKEND"] = "portal.notifications.backends.EmlBackend"
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 20  # seconds; shorter than the lease on a message
DEFAULT_FROM_EMAIL = env.str(
    "GUICHET_FROM_EMAIL", default="Guichet <ne-pas-repondre@guichet.example>"
)

# --- Celery: a task is only a hint, truth is in rows ---
# A broker that does not answer must not make a person wait: their act is in rows already. kombu
# alone would retry for 6 s, 2 s apart.
REDIS_OPTIONS = {
    "socket_connect_timeout": 2.0,
    "socket_timeout": 30.0,
    "interval_start": 0.1,
    "interval_step": 0.1,
    "connect_retries_timeout": 0.5,
}
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_BROKER_DIR = VAR_DIR / "broker"
if CELERY_BROKER_URL.startswith("filesystem://"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(CELERY_BROKER_DIR / "queue"),
        "data_folder_out": str(CELERY_BROKER_DIR / "queue"),
        "control_folder": str(CELERY_BROKER_DIR / "control"),
    }
elif CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    CELERY_BROKER_TRANSPORT_OPTIONS = REDIS_OPTIONS
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "catalog.search.*": {"queue": "search"},
    "requests_app.provisioning.*": {"queue": "provisioning"},
    "requests_app.extraction.*": {"queue": "provisioning"},  # it reads what holders deposit
}
CELERY_TIMEZONE = "Europe/Paris"

# --- Search ---------------------------------------------------------------------------------------
SEARCH_URL = env.str("SEARCH_URL", default="")  # empty: embedded; opensearch+http://…
SEARCH_DIR = VAR_DIR / "search"
SEARCH_PREFIX = env.str("GUICHET_SEARCH_PREFIX", default="guichet")

# --- Provisioning: only the provisioning worker has SCW_* ---
CUSTODY_KEYS = env.list(
    "GUICHET_CUSTODY_KEYS", default=[]
)  # Fernet keys shared by web and provisioning
PROBE_KEYS = env.list(
    "GUICHET_PROBE_KEYS", default=[]
)  # Fernet keys of the provisioning worker alone
SCW = {
    "api_url": env.str("SCW_API_URL", default=""),
    "access_key": env.str("SCW_ACCESS_KEY", default=""),
    "secret_key": env.str("SCW_SECRET_KEY", default=""),
    "organization_id": env.str("SCW_DEFAULT_ORGANIZATION_ID", default=""),
    "region": env.str("SCW_DEFAULT_REGION", default="fr-par"),
    "s3_endpoint": env.str("AWS_ENDPOINT_URL_S3", default=""),
    "portal_application_id": env.str("GUICHET_SCW_APPLICATION_ID", default=""),
}
PROVISIONING = {
    # Rights take up to 5 min to reach Object Storage, and answers flap (H2).
    "open_rounds": env.int("GUICHET_OPEN_ROUNDS", default=3),  # successes in a row before "open"
    "open_spacing": env.float("GUICHET_OPEN_SPACING", default=5.0),  # seconds
    "refusal_rounds": env.int(
        "GUICHET_REFUSAL_ROUNDS", default=5
    ),  # refusals in a row before "closed"
    "refusal_spacing": env.float("GUICHET_REFUSAL_SPACING", default=8.0),  # 5 of them: over 30 s
    "propagation": env.float("GUICHET_PROPAGATION_SECONDS", default=300.0),
    "list_lag": env.float(
        "GUICHET_LIST_LAG_SECONDS", default=60.0
    ),  # before a create is done again
    "lease": 60.0,
    "expiry_margin": env.float(
        "GUICHET_EXPIRY_MARGIN_SECONDS", default=900.0
    ),  # closing starts before
    "key_days": env.int("GUICHET_KEY_DAYS", default=365),
    "reveal_hours": 72,
    "check_minutes": env.float(
        "GUICHET_CHECK_MINUTES", default=60.0
    ),  # comparison with the provider
    "worker_addresses": env.list(
        "GUICHET_WORKER_ADDRESSES", default=[]
    ),  # egress of the worker: CIDR
    "staging_dir": env.str("GUICHET_STAGING_DIR", default=str(VAR_DIR / "staging")),
    # One preparation at a time, of the worker's two slots: the other is for whoever revokes.
    "extract_slots": env.int("GUICHET_EXTRACT_SLOTS", default=1),
    "extract_hours": env.float("GUICHET_EXTRACT_HOURS", default=6.0),  # then it is stopped and said
    "extract_source": env.str("GUICHET_EXTRACT_SOURCE", default="synthetic" if DEMO else "deposit"),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.accounts.tokens.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": [],  # nothing is sent to it
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("GUICHET_API_ANON_RATE", default="120/min"),
        "user": env.str("GUICHET_API_USER_RATE", default="600/min"),
    },
    # Otherwise a made-up X-Forwarded-For would give each call a throttle of its own.
    "NUM_PROXIES": TRUSTED_PROXIES,
    "EXCEPTION_HANDLER": "portal.common.problems.problem_details",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"links": {"()": "portal.common.logs.HideLinkTokens"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["links"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("GUICHET_LOG_LEVEL", default="INFO")},
    # The SDK's debug output prints response bodies, secrets included (H8).
    "loggers": {
        # Django's own handlers would write paths unfiltered, and errors to administrators by mail.
        "django": {"handlers": [], "level": "INFO"},
        "scaleway": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
    },
}
