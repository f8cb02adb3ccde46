"""Rules of project settings that need more than a type: zones, filters, path cleaning (api W7)."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

import re2
from pydantic import ValidationError as Unreadable
from pydantic_core import PydanticCustomError
from rest_framework import serializers

from insights_service.errors import InvalidInput
from insights_service.fields import IdField, ListField, WholeSerializer
from queries.properties import read_properties

# Files of the zone database that are no zones.
NO_ZONES = {"Factory", "localtime", "leapseconds", "tzdata.zi"}
MAX_FILTERS = 100
MAX_CLEANING_RULES = 100
MAX_PATTERN_LENGTH = 1000


@cache
def zones() -> frozenset[str]:
    """The IANA names this machine knows."""
    return frozenset(zoneinfo.available_timezones() - NO_ZONES)


class TimezoneField(serializers.CharField):
    """An IANA zone name (api W7)."""

    default_error_messages = {"invalid_choice": '"{name}" is not a valid choice.'}

    def to_internal_value(self, data: Any) -> str:
        """The name as it is in the zone database."""
        name = super().to_internal_value(data)
        if name not in zones():
            self.fail("invalid_choice", name=name)
        return name


class PropertyFiltersField(ListField):
    """A list of property filters, stored as sent (api T4, semantics C34)."""

    child = serializers.JSONField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MAX_FILTERS, **kwargs})

    def to_internal_value(self, data: Any) -> list[Any]:
        """The list, when the query layer can read it."""
        filters = super().to_internal_value(data)
        for index, leaf in enumerate(filters):
            _check_leaf(leaf, f"{self.field_name}__{index}")
        return filters


class PathCleaningRule(WholeSerializer):
    """`regex` is replaced by `alias`, which may use \\1 (semantics G6)."""

    regex = serializers.CharField(max_length=MAX_PATTERN_LENGTH, trim_whitespace=False)
    alias = serializers.CharField(max_length=400, allow_blank=True, trim_whitespace=False)
    order = IdField(required=False)

    def validate_regex(self, pattern: str) -> str:
        """A pattern in the engine's dialect (RE2)."""
        options = re2.Options()
        options.log_errors = False
        try:
            re2.compile(pattern, options)
        except re2.error as error:
            raise serializers.ValidationError(f"This is no regular expression: {_reason(error)}.") from error
        return pattern


def _reason(error: re2.error) -> str:
    """The engine's own words, which it gives as bytes."""
    reason = error.args[0] if error.args else "unreadable"
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _check_leaf(leaf: Any, attr: str) -> None:
    if not isinstance(leaf, dict):
        raise InvalidInput("A filter is an object with key, value, operator and type.", attr=attr)
    try:
        read_properties([leaf])
    except PydanticCustomError as error:
        context = error.context or {}
        path = context.get("path", ())[1:]  # without the position in the list of one
        raise InvalidInput(
            str(context.get("detail", error)), code=_code(error.type), attr="__".join([attr, *map(str, path)])
        ) from error
    except Unreadable as error:
        first = error.errors(include_url=False)[0]
        raise InvalidInput(f"{first['msg']}.", attr="__".join([attr, *map(str, first["loc"])])) from error


def _code(kind: str) -> str:
    """Unreadable parts of a filter are, in a setting, plain invalid input."""
    return "invalid_input" if kind == "parse_error" else kind
