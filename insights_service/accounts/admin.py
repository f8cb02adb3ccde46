"""The admin site of accounts: for the operator, who may see everything except secrets."""

# Django's admin classes are generic in their stubs only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest

from insights_service import clock
from insights_service.accounts import services
from insights_service.accounts.models import (
    Organization,
    OrganizationMembership,
    PersonalAPIKey,
    Project,
    ProjectMembership,
    User,
)
from insights_service.accounts.services import KeyReach
from insights_service.errors import DomainError


class OrganizationMembershipInline(admin.TabularInline):
    """Members of an organization."""

    model = OrganizationMembership
    autocomplete_fields = ["user"]
    extra = 0


class ProjectMembershipInline(admin.TabularInline):
    """Explicit members of a project with access control."""

    model = ProjectMembership
    autocomplete_fields = ["user"]
    extra = 0


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    """Organizations with their members."""

    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["id", "created_at", "updated_at"]
    inlines = [OrganizationMembershipInline]


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):
    """Projects with their settings; the capture token is public and may be replaced."""

    list_display = ["id", "name", "organization", "timezone", "ingested_event", "created_at"]
    list_select_related = ["organization"]
    search_fields = ["name", "api_token"]
    autocomplete_fields = ["organization"]
    readonly_fields = ["id", "uuid", "api_token", "ingested_event", "created_at", "updated_at"]
    inlines = [ProjectMembershipInline]
    actions = ["rotate_tokens"]

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        """Note the change."""
        obj.updated_at = clock.now()
        super().save_model(request, obj, form, change)

    @admin.action(description="Replace the capture token; the old one stops working")
    def rotate_tokens(self, request: HttpRequest, queryset: Any) -> None:
        """New tokens for the chosen projects."""
        for project in queryset:
            services.project_token_rotate(project=project)
            self.message_user(request, f"{project}: the token is now {project.api_token}")


class NewUserForm(AdminUserCreationForm):
    """E-mail and password."""

    class Meta:
        model = User
        fields = ["email"]
        field_classes: dict[str, Any] = {}


class UserForm(UserChangeForm):
    """Everything about a user."""

    class Meta:
        model = User
        fields = "__all__"
        field_classes: dict[str, Any] = {}


@admin.register(User)
class AccountUserAdmin(UserAdmin):
    """People; passwords can be set, not read."""

    form = UserForm
    add_form = NewUserForm
    ordering = ["email"]
    list_display = ["email", "first_name", "last_name", "is_active", "is_staff", "date_joined"]
    search_fields = ["email", "first_name", "last_name"]
    readonly_fields = ["uuid", "distinct_id", "date_joined", "last_login"]
    autocomplete_fields = ["current_project", "current_organization"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "is_email_verified", "uuid", "distinct_id"]}),
        ("Place", {"fields": ["current_organization", "current_project"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Times", {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "usable_password", "password1", "password2"]})]


@admin.register(PersonalAPIKey)
class PersonalAPIKeyAdmin(admin.ModelAdmin):
    """Keys by their last four characters. A new one is shown in the message after saving, once."""

    list_display = ["label", "mask_value", "user", "scopes", "expires_at", "last_used_at", "created_at"]
    list_select_related = ["user"]
    search_fields = ["label", "user__email"]
    autocomplete_fields = ["user"]
    readonly_fields = ["mask_value", "last_used_at", "created_at"]
    actions = ["roll"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The three JSON fields need a word each."""
        help_texts = {
            "scopes": 'A list like ["insight:read"]. Empty means everything.',
            "scoped_teams": "A list of project ids. Empty means all.",
            "scoped_organizations": "A list of organization ids. Empty means all.",
        }
        return super().get_form(request, obj, change=change, help_texts=help_texts, **kwargs)

    def save_model(self, request: HttpRequest, obj: PersonalAPIKey, form: Any, change: bool) -> None:
        """A new key gets its text here, since no form may carry one."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, value = services.key_create(
            user=obj.user, label=obj.label, reach=KeyReach.of(obj), expires_at=obj.expires_at
        )
        obj.__dict__.update(key.__dict__)
        self.message_user(request, f"The key is {value} - it is not shown again.", messages.WARNING)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """A broken rule comes back as a message instead of an error page."""
        try:
            return super().add_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            request.method = "GET"
            return super().add_view(request, *args, **kwargs)

    @admin.action(description="Give the key a new text; the old one dies at once")
    def roll(self, request: HttpRequest, queryset: Any) -> None:
        """New texts for the chosen keys."""
        for key in queryset:
            value = services.key_roll(key=key)
            self.message_user(request, f"{key.label}: the key is now {value}", messages.WARNING)
