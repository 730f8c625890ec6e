"""Django's settings for both roles, from the environment only.

Lives here: what the variables of `deploy/environment.py` make of Django, Celery and the apps. A missing
value has a default, a malformed one stops the node with one sentence. Not here: anything a programme may
choose for itself (those are rows), and secrets (made once into `POSTA_DATA/keys`).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from deploy import environment

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

POSTA_ROLE = environment.role(os.environ)
POSTA_DATA = environment.data_dir(os.environ, BASE_DIR)
POSTA_PORT = environment.port(os.environ, POSTA_ROLE)
POSTA_BROKER = environment.broker(os.environ)
POSTA_TABLETS = environment.tablets(os.environ)
POSTA_IDLE_MINUTES = environment.idle_minutes(os.environ)
POSTA_SECOND_FACTOR = environment.second_factor(os.environ)
POSTA_POWER_OFF = environment.power_off(os.environ)
POSTA_BACKUP_TO = environment.backup_to(os.environ)
POSTA_BACKUP_HOURS = environment.backup_hours(os.environ)
POSTA_VERSION = "0.1.0"

SECRET_KEY = environment.secret(POSTA_DATA / "keys", "django-secret")
DEBUG = False
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    "clinic.local",
    socket.gethostname().lower(),
    *environment.hosts(os.environ),
]

INSTALLED_APPS = [
    "deploy",
    "clinic.reports",
    "clinic.live",
    "clinic.board",
    "clinic.pharmacy",
    "clinic.exchange.dhis2",
    "clinic.lab",
    "clinic.referrals",
    "clinic.tablet",
    "clinic.visits",
    "clinic.forms",
    "clinic.programs",
    "registry.access",
    "registry.attachments",
    "registry.people",
    "registry.numbers",
    "registry.staff",
    "registry.tablets",
    "registry.places",
    "sync.review",
    "sync.files",
    "sync.feed",
    "sync.ledger",
    "sync",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # allauth's page of sessions says "3 hours ago" with it
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "deploy.middleware.Compress",
    "django.middleware.security.SecurityMiddleware",
    "deploy.wall.Wall",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "deploy.middleware.NoStore",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "registry.tablets.gate.Gate",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "clinic.live.doorbell.Doorbell",
    "registry.staff.devices.Devices",
    "registry.staff.watch.Watch",
    "deploy.middleware.Problems",
    "registry.access.middleware.OnlyWithARole",
    "registry.access.middleware.AskWhy",
]

ROOT_URLCONF = "deploy.urls"
WSGI_APPLICATION = "deploy.wsgi.application"
ASGI_APPLICATION = "deploy.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "deploy.templating.StraightTemplates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "deploy.context.shell",
            ],
        },
    },
]

# --- database: encrypted and embedded unless an address says otherwise -------------------------------------

EMBEDDED: dict[str, Any] = {
    "ENGINE": "sync.vault.sqlcipher",
    "NAME": str(POSTA_DATA / "posta.db"),
    "CONN_MAX_AGE": None,
    "OPTIONS": {"timeout": 30},
    "TEST": {"NAME": str(POSTA_DATA / "test.db")},
}
DATABASES: dict[str, dict[str, Any]] = {"default": environment.postgres(os.environ) or EMBEDDED}

# --- cache and sessions ------------------------------------------------------------------------------------

# Login limits live in the cache, so a node's processes share it through the broker.
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": POSTA_BROKER,
            "KEY_PREFIX": "posta",
        }
        if POSTA_BROKER
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "posta"}
    )
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
# Cookies know no ports: two nodes on one machine would otherwise log each other's people out. `__Host-`:
# browsers take them from this very host only, over HTTPS, for all of it.
SESSION_COOKIE_NAME = f"__Host-posta_session_{POSTA_PORT}"
CSRF_COOKIE_NAME = f"__Host-posta_csrf_{POSTA_PORT}"

# --- people ------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "staff.Account"
AUTHENTICATION_BACKENDS = [
    "registry.staff.backends.CentralBackend",
    "registry.staff.online.OnlineBackend",
    "registry.staff.backends.CachedBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "registry.staff.adapter.AccountAdapter"
USERSESSIONS_ADAPTER = "registry.staff.adapter.SessionsAdapter"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
# How slow guessing is says registry/staff/limits.py. These only keep a flood away from the hashing; thirty
# people who log in at seven may share an address.
ACCOUNT_RATE_LIMITS = {"login": "90/m/ip", "login_failed": "60/m/ip", "change_password": "30/m/user"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ADAPTER = "registry.staff.second_factor.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "registry.staff.second_factor.CodeForm",
    "reauthenticate": "registry.staff.second_factor.CodeAgainForm",
}
MFA_TOTP_TOLERANCE = 1  # a laptop's clock may be half a minute off
MFA_TOTP_ISSUER = "Posta"

# --- what browsers may do ----------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        # Text becomes HTML or the address of a script in two named places only: static/js/trusted.js, and for
        # the service worker static/tablet/kept.js.
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["default", "posta-worker"],
        # Every browser knows it and sends at once; `report-to` waits a minute, and is silent in doubt.
        "report-uri": "/blocked/report/",
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = None
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "sync.files.receiving.InMemory"
]  # Django's own would write files to the disk in clear
# A promise for every port of a name, which nobody takes back: only where the deployment's own CA is trusted.
SECURE_HSTS_SECONDS = 180 * 24 * 3600 if environment.hsts(os.environ) else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # HSTS is the deployment's choice (POSTA_HSTS)
    "security.W008",  # no redirect: the port speaks HTTPS only
]

# --- the API -----------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "registry.staff.api.BearerAuthentication",
        "registry.staff.api.PageAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["registry.staff.api.HasARole"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "deploy.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "sync.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Posta",
    "VERSION": POSTA_VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,  # what may be said is stricter than what is answered
    "COMPONENT_SPLIT_PATCH": False,  # a change names what it needs itself
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- languages, time, files --------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("hi", _("Hindi")),
    ("ar", _("Arabic")),
]
LOCALE_PATHS = [BASE_DIR / "deploy" / "locale"]
FORMAT_MODULE_PATH = "deploy.formats"
LANGUAGE_COOKIE_SECURE = True
USE_TZ = True
TIME_ZONE = environment.time_zone(os.environ)

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # straight from the packages: an upgrade has no second step to forget
WHITENOISE_MAX_AGE = 300

# --- work in the background --------------------------------------------------------------------------------

CELERY_BROKER_URL = environment.celery_url(POSTA_BROKER) if POSTA_BROKER else "memory://"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A killed worker's task comes back after the time-out, which must be longer than the longest task.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "unacked_restore_interval": 2}
CELERY_BEAT_SCHEDULE_FILENAME = str(POSTA_DATA / "beat-schedule")

# --- logs carry ids, never names, numbers or tokens --------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "deploy.logs.Line", "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},
    },
}
