"""Fields of bodies that every app's serializers need, beside the REST framework's own (api M7, P11)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from insights_service.errors import InvalidInput
from insights_service.parsers import structured

MAX_INTEGER = 2**31 - 1


def decoded(data: Any) -> Any:
    """What a form writes as JSON text, as JSON; other text stays text, for the field to complain about."""
    if not isinstance(data, str):
        return data
    try:
        return structured(data, "field") if data.strip() else data
    except InvalidInput:
        return data


class ListField(serializers.ListField):
    """A list, or the JSON text of one (api M7)."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """The list, each entry checked by `child`."""
        return super().to_internal_value(decoded(data))


class ObjectField(serializers.DictField):
    """An object with any content, or the JSON text of one (api M7)."""

    default_error_messages = {"not_a_dict": "Expected an object."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object."""
        return super().to_internal_value(decoded(data))


class IdField(serializers.IntegerField):
    """A whole number that can be a primary key or a setting; larger ones are `max_value`, not an overflow."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 0, "max_value": MAX_INTEGER, **kwargs})


class WholeSerializer(serializers.Serializer[Any]):
    """An object inside a body. It is replaced as a whole, so in a PATCH too all of it must be there.

    The REST framework lets a partial update skip required fields at every depth; here only at the top.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object, each field checked."""
        if isinstance(data, dict):
            for name, field in self.fields.items():
                if field.required and name not in data:
                    raise serializers.ValidationError({name: [_missing(field)]})
        return dict(super().to_internal_value(data))


def _missing(field: serializers.Field[Any, Any, Any, Any]) -> ErrorDetail:
    return ErrorDetail(str(field.error_messages["required"]), code="required")
