"""Django's names, filled from `insights_service.config`. Nothing is decided here that an operator can set."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from insights_service.config import LOOPBACK_HOSTS, get_config, version
from insights_service.logging import configure_structlog, logging_settings

_config = get_config()

DEBUG = _config.debug
# Without a secret no session can be made: serving processes refuse that start (Config.require_stores).
SECRET_KEY = _config.secret_key or "no-secret-outside-a-running-stack"
# Probes on the machine itself ask by its loopback address, whatever the public name is.
ALLOWED_HOSTS = [*_config.allowed_hosts, *LOOPBACK_HOSTS]
ROOT_URLCONF = "insights_service.urls"
WSGI_APPLICATION = "insights_service.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "insights_service",
    "insights_service.accounts",
    "insights_service.persons",
    "insights_service.capture",
    "insights",
    "insights.front",
]

MIDDLEWARE = [
    "insights_service.middleware.RequestLog",
    "insights_service.metrics.CountRequests",
    "insights_service.middleware.TestClock",
    "insights_service.spelling.CanonicalPathMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Both spellings of every route answer directly; a redirect would lose POST bodies (api M2).
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024  # api M10
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000


def _database(url: str) -> dict[str, Any]:
    """Django's form of a PostgreSQL URL; without one, a backend that says so when it is used."""
    if not url:
        return {"ENGINE": "django.db.backends.dummy"}
    parts = urlsplit(url)
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,  # a restarted server is noticed at the next request
        "OPTIONS": {"connect_timeout": 5, **{name: unquote(value) for name, value in options.items()}},
    }


DATABASES = {"default": _database(_config.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _config.effective_cache_url,
        "KEY_PREFIX": "insights:cache",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5, "health_check_interval": 15},
    }
    if _config.effective_cache_url
    else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login/"
CSRF_FAILURE_VIEW = "insights.front.door.forged"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"

_https = _config.site_url.startswith("https://")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
CSRF_TRUSTED_ORIGINS = [_config.site_url] if _config.site_url else []
X_FRAME_OPTIONS = "DENY"
if _config.trust_proxy:
    USE_X_FORWARDED_HOST = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # admin and docs work without a collectstatic step

# What every endpoint shares is said by `accounts.permissions.ApiView`; these are the defaults of views
# that are none: closed, JSON only.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["insights_service.accounts.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["insights_service.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "insights_service.errors.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "insights_service.openapi.ApiSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Insights server",
    "DESCRIPTION": "Product analytics over HTTP: trends, funnels, paths, retention and saved insights.",
    "VERSION": version(),
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/(?:projects/\{project_id\}/(?=\w))?",  # operation ids such as insights_list
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_AUTHENTICATION": [],
    # Two words of the contract have the same two numbers.
    "ENUM_NAME_OVERRIDES": {
        "RestrictionLevelEnum": "insights.models.dashboard.Restriction",
        "PrivilegeLevelEnum": "insights.models.dashboard.Privilege",
    },
    "PREPROCESSING_HOOKS": ["insights_service.openapi.only_the_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "insights_service.openapi.describe_errors_and_keys",
    ],
}

configure_structlog()
LOGGING = logging_settings(_config.log_level, _config.log_format)
