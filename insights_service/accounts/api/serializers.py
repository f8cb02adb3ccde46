"""How accounts look on the wire, and the field rules of their bodies (api W6-W10)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from insights_service.accounts.access import effective_level
from insights_service.accounts.models import (
    Level,
    Organization,
    PersonalAPIKey,
    PersonPropertiesMode,
    Project,
    User,
    WeekStart,
)
from insights_service.accounts.scopes import ALL_SCOPES, EVERYTHING
from insights_service.accounts.settings_fields import PathCleaningRule, PropertyFiltersField, TimezoneField
from insights_service.fields import IdField, ListField, ObjectField
from insights_service.persons.models import GroupType

MAX_NAMES = 50


class ProjectBasicSerializer(serializers.ModelSerializer[Project]):
    """A project in lists (api W6)."""

    class Meta:
        model = Project
        fields = [
            "id",
            "uuid",
            "organization",
            "api_token",
            "name",
            "completed_snippet_onboarding",
            "has_completed_onboarding_for",
            "ingested_event",
            "is_demo",
            "timezone",
            "access_control",
        ]
        read_only_fields = fields


class GroupTypeSerializer(serializers.ModelSerializer[GroupType]):
    """A kind of group of the project (api W16)."""

    class Meta:
        model = GroupType
        fields = ["group_type", "group_type_index", "name_singular", "name_plural", "created_at"]
        read_only_fields = fields


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project with its settings (api W7). Expects a project of `access.with_levels`."""

    timezone = TimezoneField(required=False, help_text="IANA name; buckets are cut in this zone.")
    week_start_day = serializers.ChoiceField(
        choices=WeekStart.choices, required=False, allow_null=True, help_text="0 or null: Sunday. 1: Monday."
    )
    test_account_filters = PropertyFiltersField(
        required=False, help_text="Property filters, AND-ed when a query asks for them."
    )
    path_cleaning_filters = ListField(
        child=PathCleaningRule(), max_length=100, required=False, help_text="Applied in list order."
    )
    app_urls = ListField(child=serializers.CharField(max_length=200), max_length=MAX_NAMES, required=False)
    data_attributes = ListField(
        child=serializers.CharField(max_length=200), max_length=MAX_NAMES, required=False
    )
    person_display_name_properties = ListField(
        child=serializers.CharField(max_length=400), max_length=MAX_NAMES, required=False, allow_null=True
    )
    correlation_config = ObjectField(required=False)
    primary_dashboard = IdField(source="primary_dashboard_id", required=False, allow_null=True)
    has_group_types = serializers.SerializerMethodField()
    group_types = GroupTypeSerializer(many=True, read_only=True)
    effective_membership_level = serializers.SerializerMethodField()
    person_on_events_querying_enabled = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = [
            *ProjectBasicSerializer.Meta.fields,
            "created_at",
            "updated_at",
            "app_urls",
            "anonymize_ips",
            "test_account_filters",
            "test_account_filters_default_checked",
            "path_cleaning_filters",
            "data_attributes",
            "person_display_name_properties",
            "correlation_config",
            "week_start_day",
            "primary_dashboard",
            "has_group_types",
            "group_types",
            "effective_membership_level",
            "person_on_events_querying_enabled",
            "human_friendly_comparison_periods",
            "aggregate_users_by_distinct_id",
            "person_properties_mode",
        ]
        read_only_fields = [
            "id",
            "uuid",
            "organization",
            "api_token",
            "completed_snippet_onboarding",
            "has_completed_onboarding_for",
            "ingested_event",
            "is_demo",
            "created_at",
            "updated_at",
        ]

    def get_has_group_types(self, project: Project) -> bool:
        return bool(project.group_types.all())

    @extend_schema_field(serializers.ChoiceField(choices=Level.choices))
    def get_effective_membership_level(self, project: Project) -> int | None:
        return effective_level(project)

    def get_person_on_events_querying_enabled(self, project: Project) -> bool:
        return project.person_properties_mode == PersonPropertiesMode.ON_EVENTS


class OrganizationBasicSerializer(serializers.ModelSerializer[Organization]):
    """An organization inside another answer, with the caller's level (api W9)."""

    membership_level = serializers.IntegerField(read_only=True)

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "membership_level"]
        read_only_fields = fields


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    """An organization with the projects the caller may enter (api W8).

    The context holds `projects`: the caller's visible projects.
    """

    membership_level = serializers.IntegerField(read_only=True)
    projects = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "created_at", "membership_level", "projects"]
        read_only_fields = fields

    @extend_schema_field(ProjectBasicSerializer(many=True))
    def get_projects(self, organization: Organization) -> Any:
        mine = [one for one in self.context["projects"] if one.organization_id == organization.pk]
        return ProjectBasicSerializer(mine, many=True).data


class UserSerializer(serializers.ModelSerializer[User]):
    """The caller (api W9). The context holds `team`, `organization` and `organizations`."""

    has_password = serializers.SerializerMethodField()
    team = serializers.SerializerMethodField()
    organization = serializers.SerializerMethodField()
    organizations = serializers.SerializerMethodField()
    hedgehog_config = ObjectField(required=False, allow_null=True)

    class Meta:
        model = User
        fields = [
            "id",
            "uuid",
            "distinct_id",
            "first_name",
            "last_name",
            "email",
            "is_email_verified",
            "date_joined",
            "is_staff",
            "has_password",
            "hedgehog_config",
            "team",
            "organization",
            "organizations",
        ]
        read_only_fields = fields

    def get_has_password(self, user: User) -> bool:
        return user.has_usable_password()

    @extend_schema_field(ProjectBasicSerializer(allow_null=True))
    def get_team(self, user: User) -> Any:
        team = self.context["team"]
        return ProjectBasicSerializer(team).data if team else None

    @extend_schema_field(OrganizationBasicSerializer(allow_null=True))
    def get_organization(self, user: User) -> Any:
        organization = self.context["organization"]
        return OrganizationBasicSerializer(organization).data if organization else None

    @extend_schema_field(OrganizationBasicSerializer(many=True))
    def get_organizations(self, user: User) -> Any:
        return OrganizationBasicSerializer(self.context["organizations"], many=True).data


class UserChangesSerializer(serializers.Serializer[Any]):
    """What the caller may change about himself (api W9)."""

    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    hedgehog_config = ObjectField(required=False, allow_null=True)
    set_current_team = IdField(required=False, help_text="Id of a project to be `@current`.")
    set_current_organization = serializers.UUIDField(required=False)
    password = serializers.CharField(max_length=1000, required=False, trim_whitespace=False, write_only=True)
    current_password = serializers.CharField(
        max_length=1000, required=False, trim_whitespace=False, write_only=True
    )


class PersonalAPIKeySerializer(serializers.ModelSerializer[PersonalAPIKey]):
    """A key (api W10). `value` is filled once, in the answer that made it, from the context."""

    value = serializers.SerializerMethodField("get_new_text")
    user_id = serializers.IntegerField(read_only=True)
    scopes = ListField(
        child=serializers.CharField(max_length=100),
        allow_empty=False,
        max_length=len(ALL_SCOPES),
        help_text="`*`, or words like `insight:read`; write includes read.",
    )
    scoped_teams = ListField(
        child=IdField(),
        required=False,
        max_length=1000,
        help_text="Projects the key is limited to; [] for all.",
    )
    scoped_organizations = ListField(child=serializers.UUIDField(), required=False, max_length=1000)

    class Meta:
        model = PersonalAPIKey
        fields = [
            "id",
            "label",
            "value",
            "mask_value",
            "created_at",
            "last_used_at",
            "user_id",
            "scopes",
            "scoped_teams",
            "scoped_organizations",
        ]
        read_only_fields = ["id", "mask_value", "created_at", "last_used_at"]

    @extend_schema_field(
        serializers.CharField(allow_null=True, help_text="Shown once, when the key is made.")
    )
    def get_new_text(self, key: PersonalAPIKey) -> str | None:
        return self.context.get("value")

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        for scope in scopes:
            if scope not in ALL_SCOPES:
                raise serializers.ValidationError(f"Invalid scope: {scope}")
        return list(dict.fromkeys(scopes))

    def validate_scoped_organizations(self, organizations: list[Any]) -> list[str]:
        return [str(pk) for pk in organizations]

    def to_representation(self, key: PersonalAPIKey) -> dict[str, Any]:
        """Keys without stored limits show what they may do, not null."""
        answer = super().to_representation(key)
        answer["scopes"] = [EVERYTHING] if key.scopes is None else key.scopes
        answer["scoped_teams"] = key.scoped_teams or []
        answer["scoped_organizations"] = key.scoped_organizations or []
        return answer


class LoginSerializer(serializers.Serializer[Any]):
    """Credentials of a person (api M12)."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class SuccessSerializer(serializers.Serializer[Any]):
    """It worked."""

    success = serializers.BooleanField()
