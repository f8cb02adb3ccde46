"""Registration of the accounts app with Django."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Label `accounts`; primary keys are 32-bit integers, as the contract's ids are."""

    name = "insights_service.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.AutoField"
