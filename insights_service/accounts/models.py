"""Organizations, their projects and people, and the keys by which programs ask (api W6-W10).

Rows only: who may do what is decided in `permissions.py`, writes are verbs in `services.py`.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from insights_service import clock
from insights_service.accounts import tokens
from insights_service.budgets import read_budgets


class Level(models.IntegerChoices):
    """What a member may do; a higher level includes the lower ones (api M15)."""

    MEMBER = 1, "member"
    ADMIN = 8, "administrator"
    OWNER = 15, "owner"


class WeekStart(models.IntegerChoices):
    """First day of a bucket of a week (semantics A13); unset means Sunday."""

    SUNDAY = 0, "Sunday"
    MONDAY = 1, "Monday"


class PersonPropertiesMode(models.TextChoices):
    """Which value of a person property an event has: today's, or that of the moment it was sent."""

    CURRENT = "current", "current values of the person"
    ON_EVENTS = "on_events", "values copied to the event when it arrived"


class Organization(models.Model):
    """Owner of projects; people are members of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64)
    slug = models.SlugField(max_length=48, unique=True)
    members = models.ManyToManyField(
        "accounts.User", through="OrganizationMembership", related_name="organizations"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    # The caller's level here, where `access.visible_organizations` has read the row.
    membership_level: int

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates users; the e-mail is the login and is compared without regard to case."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of an e-mail, whatever its case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user; without a password nobody can log in as him, but keys work."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user of the admin site (`manage.py createsuperuser`)."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in, by e-mail."""

    id = models.AutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    distinct_id = models.CharField(max_length=200, unique=True, default=tokens.new_distinct_id)
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_email_verified = models.BooleanField(null=True, blank=True)
    hedgehog_config = models.JSONField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May use the admin site.")
    date_joined = models.DateTimeField(default=clock.now, editable=False)
    # `@current` in a path means these (api M4); they are no permission, only a preference.
    current_project = models.ForeignKey(
        "accounts.Project", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    current_organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """First and last name, or the e-mail of somebody who gave neither."""
        return f"{self.first_name} {self.last_name}".strip() or self.email


class OrganizationMembership(models.Model):
    """One person in one organization, with a level that holds for all its projects."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="organization_memberships")
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.MEMBER)
    joined_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_organization")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"


def default_data_attributes() -> list[str]:
    """Attributes by which autocaptured elements are told apart, until the project says otherwise."""
    return ["data-attr"]


def are_budgets(value: Any) -> None:
    """A validator of `Project.query_budgets`."""
    try:
        read_budgets(value)
    except ValueError as error:
        raise ValidationError(f"It {error}.") from error


class Project(models.Model):
    """The tenant: its events, insights and settings are seen by nobody else. `team` on the wire."""

    id = models.AutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200, default="Default project")
    api_token = models.CharField(max_length=200, unique=True, default=tokens.new_project_token)

    # What the numbers depend on (semantics A1, A13, B4, C34, G6; api R9).
    timezone = models.CharField(max_length=64, default="UTC", help_text="IANA name; buckets are cut in it.")
    week_start_day = models.SmallIntegerField(choices=WeekStart.choices, null=True, blank=True)
    test_account_filters = models.JSONField(default=list, blank=True)
    test_account_filters_default_checked = models.BooleanField(default=False)
    path_cleaning_filters = models.JSONField(default=list, blank=True)
    aggregate_users_by_distinct_id = models.BooleanField(default=False)
    person_properties_mode = models.CharField(
        max_length=16, choices=PersonPropertiesMode.choices, default=PersonPropertiesMode.CURRENT
    )

    # Intake.
    anonymize_ips = models.BooleanField(default=False)
    app_urls = models.JSONField(default=list, blank=True)
    ingested_event = models.BooleanField(default=False, help_text="An event has arrived.")

    # What its queries may use, of what the server allows.
    query_budgets = models.JSONField(
        default=dict,
        blank=True,
        validators=[are_budgets],
        help_text='Narrower than the server: {"all": {"seconds": 30}, "shared": {"rows_to_read": 50000000}}.'
        " Rows: all, key, session, shared, background. Numbers: seconds, memory_bytes, rows_to_read,"
        " result_rows.",
    )

    # Access and presentation.
    access_control = models.BooleanField(
        default=False, help_text="Only administrators and explicit members may see it."
    )
    members = models.ManyToManyField(User, through="ProjectMembership", related_name="+")
    human_friendly_comparison_periods = models.BooleanField(default=False)
    person_display_name_properties = models.JSONField(null=True, blank=True)
    data_attributes = models.JSONField(default=default_data_attributes, blank=True)
    correlation_config = models.JSONField(default=dict, blank=True)
    # An id, not a reference: dashboards belong to an app above this one.
    primary_dashboard_id = models.IntegerField(null=True, blank=True)
    completed_snippet_onboarding = models.BooleanField(default=False)
    has_completed_onboarding_for = models.JSONField(null=True, blank=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    # The caller's levels here, where `access.with_levels` has read the row; None is no membership.
    organization_level: int | None
    explicit_level: int | None

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class ProjectMembership(models.Model):
    """An explicit member of a project with `access_control` (api M15)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="explicit_memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="project_memberships")
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.MEMBER)
    joined_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_project")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


class PersonalAPIKey(models.Model):
    """A key with which a program acts as its user, within `scopes` and the projects named (api M13).

    `value_hash` is the SHA-256 of the key; the key itself is nowhere. `scopes` null means everything
    (imported old keys, api M14); null or empty `scoped_*` means no limit.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="personal_api_keys")
    label = models.CharField(max_length=40)
    value_hash = models.CharField(max_length=64, unique=True, editable=False)
    mask_value = models.CharField(max_length=16, editable=False)
    scopes = models.JSONField(null=True, blank=True)
    scoped_teams = models.JSONField(null=True, blank=True)
    scoped_organizations = models.JSONField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = "personal API key"

    def __str__(self) -> str:
        return f"{self.label} ({self.mask_value})"
