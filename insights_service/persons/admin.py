"""The admin site of persons and names: to look at. Only the declared type of a property can be set here.

Persons are changed by `services` alone, because ClickHouse's copy must follow.
"""

# Django's admin classes are generic in their stubs only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from insights_service.persons.models import (
    EventDefinition,
    Group,
    GroupType,
    IngestionWarning,
    Person,
    PropertyDefinition,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and shows; nothing can be added, changed or deleted."""

    show_full_result_count = False  # counting a large table takes longer than showing a page of it

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(IngestionWarning)
class IngestionWarningAdmin(ReadOnlyAdmin):
    """What went wrong with events that were accepted."""

    list_display = ["last_seen_at", "project", "kind", "subject", "count"]
    list_filter = ["kind", "project"]
    search_fields = ["subject"]
    list_select_related = ["project"]


@admin.register(Person)
class PersonAdmin(ReadOnlyAdmin):
    """Profiles of persons."""

    list_display = ["uuid", "project", "created_at", "is_identified"]
    list_filter = ["project", "is_identified"]
    search_fields = ["=uuid"]
    list_select_related = ["project"]


@admin.register(GroupType)
class GroupTypeAdmin(ReadOnlyAdmin):
    """Kinds of groups and their indexes."""

    list_display = ["group_type", "group_type_index", "project"]
    list_filter = ["project"]
    list_select_related = ["project"]


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """Groups and their properties."""

    list_display = ["group_key", "group_type_index", "project", "created_at"]
    list_filter = ["project", "group_type_index"]
    search_fields = ["=group_key"]
    list_select_related = ["project"]


@admin.register(EventDefinition)
class EventDefinitionAdmin(ReadOnlyAdmin):
    """Event names that were seen."""

    list_display = ["name", "project", "created_at", "last_seen_at"]
    list_filter = ["project"]
    search_fields = ["name"]
    list_select_related = ["project"]


@admin.register(PropertyDefinition)
class PropertyDefinitionAdmin(ReadOnlyAdmin):
    """Properties that were seen; declaring a type changes how filters compare (semantics C4)."""

    list_display = ["name", "type", "declared_type", "inferred_type", "project"]
    list_filter = ["type", "project"]
    search_fields = ["name"]
    list_select_related = ["project"]
    readonly_fields = ["project", "name", "type", "group_type_index", "inferred_type"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_staff
