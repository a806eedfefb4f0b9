"""Django settings. `BENCHMARK_DATABASE` gives the database (a path, or a PostgreSQL URL); with `BENCHMARK_WITHOUT_LOG`
the message log is left out: faster, but then RapidSMS stores no incoming message at all, only what it answers."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

HERE = "benchmarks.references.rapidsms_project"
BACKEND = "africastalking"

SECRET_KEY = "only for a benchmark on this machine"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
USE_TZ = True
ROOT_URLCONF = f"{HERE}.urls"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rapidsms",
    "rapidsms.backends.database",
    "rapidsms.contrib.handlers",
    *([] if os.environ.get("BENCHMARK_WITHOUT_LOG") else ["rapidsms.contrib.messagelog"]),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
INSTALLED_BACKENDS = {BACKEND: {"ENGINE": "rapidsms.backends.database.DatabaseBackend"}}
RAPIDSMS_HANDLERS = [f"{HERE}.handlers.SickChild"]


def _database(where: str) -> dict[str, Any]:
    if not where.startswith("postgresql"):
        wal = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
        options = {"init_command": wal, "transaction_mode": "IMMEDIATE", "timeout": 20}
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": where,
            "CONN_MAX_AGE": None,
            "OPTIONS": options,
        }
    url = urlsplit(where)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.hostname,
        "PORT": url.port,
        "CONN_MAX_AGE": None,
    }


DATABASES = {"default": _database(os.environ["BENCHMARK_DATABASE"])}
