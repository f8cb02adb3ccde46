"""Fields of the wire: how a value is read from a body, and what type the API description gives it.

A reader stops at the first wrong field, in the order of the contract (api N1), and only keeps what the
body names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.validators import ProhibitNullCharactersValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import SkipField, empty

from insights.legacy_filters import check_filters, tidy_filters
from insights.models.insight import NAME_LENGTH, TAG_LENGTH
from insights.selectors import MAX_ID
from insights.services.refusals import unknown_reference
from insights_service.errors import InvalidInput
from insights_service.fields import decoded
from queries.parse import parse_query
from queries.properties import as_whole

MAX_ITEMS = 1000  # of a list of tags or dashboards
# Keys of a body that say how to answer and are read elsewhere (api R1, R12).
ASKING = frozenset({"refresh", "client_query_id"})
OBJECT = {"type": "object", "additionalProperties": {}}


class Reader(serializers.Serializer[Any]):
    """A body read field by field; `validated_data` has exactly the keys that were sent.

    Unknown and read-only keys are left out (api P21) and listed in `ignored`.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The values by field name. The first wrong field is the error."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("Expected an object.")
        values: dict[str, Any] = {}
        for field in self._writable_fields:
            try:
                values[str(field.field_name)] = _read(field, data)
            except SkipField:
                continue
        return values

    @property
    def ignored(self) -> list[str]:
        """Keys of the body that mean nothing here, in their order."""
        known = {field.field_name for field in self._writable_fields} | ASKING
        return [str(key) for key in self.initial_data if key not in known]


def _read(field: serializers.Field[Any, Any, Any, Any], data: Mapping[str, Any]) -> Any:
    """One value. Domain and query errors pass with their own path; a field's own complaint gets its name."""
    name = str(field.field_name)
    try:
        return field.run_validation(data.get(name, empty))
    except serializers.ValidationError as exc:
        raise under(name, exc) from exc


def under(name: str, exc: serializers.ValidationError) -> serializers.ValidationError:
    """The same complaint, one level down."""
    below: Any = {name: exc.detail}
    return serializers.ValidationError(below)


class Text(serializers.CharField):
    """Text or null; a number is taken as its text (api P11)."""

    def __init__(self, max_length: int | None = NAME_LENGTH, **options: Any) -> None:
        given = {"required": False, "allow_null": True, "allow_blank": True, **options}
        super().__init__(max_length=max_length, **given)
        self.validators.append(ProhibitNullCharactersValidator())


class Switch(serializers.BooleanField):
    """True, false, 1, 0 and their texts; not null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, **options})


@extend_schema_field(OBJECT)
class JsonObject(serializers.Field[Any, Any, Any, Any]):
    """An object, or the JSON text of one."""

    default_error_messages = {"invalid": "Expected a JSON object, or the text of one."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object; anything else is refused under the field's name."""
        value = decoded(data)
        if not isinstance(value, dict):
            self.fail("invalid")
        return value

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


@extend_schema_field({"oneOf": [OBJECT, {"type": "string", "description": "JSON text of a query node"}]})
class QueryNode(JsonObject):
    """A query node, stored as sent once it has been understood (api P25). QueryError says where it fails."""

    default_error_messages = {"invalid": "A query is an object with a kind, or the JSON text of one."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The node as an object, unchanged."""
        value = super().to_internal_value(data)
        parse_query(value, attr=str(self.field_name))
        return value


class LegacyFilters(JsonObject):
    """Old `filters`, checked by converting them; null means none (api P26)."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Null is the absence of filters."""
        return (True, {}) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The filters with tidied custom names, otherwise unchanged."""
        value = decoded(data)
        alone = value[0] if isinstance(value, list) and len(value) == 1 else value
        filters = tidy_filters(super().to_internal_value(alone))
        check_filters(filters, attr=str(self.field_name))
        return filters


@extend_schema_field({"type": "array", "items": {}})
class AnyList(serializers.Field[Any, Any, Any, Any]):
    """A list, or the JSON text of one; subclasses read the items."""

    default_error_messages = {
        "not_a_list": "Expected a list of items.",
        "max_length": "Ensure this list has no more than {most} items.",
    }
    most = MAX_ITEMS

    def to_internal_value(self, data: Any) -> list[Any]:
        """The items as they are."""
        value = decoded(data)
        if not isinstance(value, list):
            self.fail("not_a_list")
        if len(value) > self.most:
            self.fail("max_length", most=self.most)
        return value

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


@extend_schema_field({"type": "array", "items": {"type": "string", "maxLength": TAG_LENGTH}})
class Tags(AnyList):
    """Names of tags: trimmed, in lower case, sorted, each once; null leaves them as they are (api P23)."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Null is as good as absent."""
        if data is None:
            raise SkipField
        return super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> list[str]:
        """The names. InvalidInput at `tags__<position>` for what is no name."""
        items = super().to_internal_value(data)
        names = {_tag(item, f"{self.field_name}__{position}") for position, item in enumerate(items)}
        return sorted(names - {""})


@extend_schema_field({"type": "array", "items": {"type": "integer"}})
class References(AnyList):
    """Ids of things of this project, each once, in their order; services see whether they exist."""

    def to_internal_value(self, data: Any) -> list[int]:
        """The ids. All complaints are about the field as a whole (api P16)."""
        return list(dict.fromkeys(self._id(item) for item in super().to_internal_value(data)))

    def _id(self, item: Any) -> int:
        number = as_whole(item)
        if number is None:
            detail = f"Incorrect type. Expected pk value, received {type(item).__name__}."
            raise InvalidInput(detail, code="incorrect_type", attr=str(self.field_name))
        if not 0 < number <= MAX_ID:
            raise unknown_reference(number, str(self.field_name))
        return number


def _tag(item: Any, attr: str) -> str:
    if not isinstance(item, str) or "\x00" in item:
        raise InvalidInput("Expected a text.", attr=attr)
    name = item.strip().lower()
    if len(name) > TAG_LENGTH:
        raise InvalidInput(f"Ensure a tag has no more than {TAG_LENGTH} characters.", attr=attr)
    return name
