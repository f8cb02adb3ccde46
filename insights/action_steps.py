"""The steps of an action, read from the wire (api W14, semantics B15-B23). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from insights_service.errors import InvalidInput
from queries.errors import QueryError, join_path
from queries.parse import parse_query
from queries.sql.selectors import read_selector

MAX_STEPS = 100
MAX_TEXT = 4000
TEXTS = ("event", "selector", "tag_name", "text", "href", "url")
MATCHINGS = ("text_matching", "href_matching", "url_matching")
MATCHING_WORDS = ("contains", "exact", "regex")  # or null: the default of the condition (B18, B20)
KEYS = (
    "event",
    "properties",
    "selector",
    "tag_name",
    "text",
    "text_matching",
    "href",
    "href_matching",
    "url",
    "url_matching",
)


def read_steps(raw: list[Any], attr: str) -> list[dict[str, Any]]:
    """The steps with exactly the keys of the contract, null where a step says nothing.

    InvalidInput or QueryError at `<attr>__<position>__<key>`. Unknown keys are left out.
    """
    if len(raw) > MAX_STEPS:
        raise InvalidInput(f"An action has at most {MAX_STEPS} steps.", code="max_length", attr=attr)
    return [_read_step(step, f"{attr}__{position}") for position, step in enumerate(raw)]


def _read_step(raw: Any, attr: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise InvalidInput("A step is an object.", attr=attr)
    step = {key: raw.get(key) for key in KEYS}
    for name in TEXTS:
        step[name] = _text(step[name], f"{attr}__{name}")
    for name in MATCHINGS:
        step[name] = _matching(step[name], f"{attr}__{name}")
        _check_pattern(step, name.removesuffix("_matching"), attr)
    step["properties"] = _properties(step["properties"], attr)
    _check_selector(step["selector"], attr)
    return step


def _text(value: Any, attr: str) -> str | None:
    """Text or null; the empty text is no condition (semantics B18)."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput("Not a valid string.", attr=attr)
    text = str(value)
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"Ensure this field has no more than {MAX_TEXT} characters.", code="max_length", attr=attr
        )
    return text


def _matching(value: Any, attr: str) -> str | None:
    if value is None or value == "":
        return None
    if value not in MATCHING_WORDS:
        raise InvalidInput(f'"{value}" is not a valid choice.', code="invalid_choice", attr=attr)
    return str(value)


def _check_pattern(step: Mapping[str, Any], name: str, attr: str) -> None:
    """A pattern must be one that the event store understands."""
    if step[f"{name}_matching"] != "regex" or step[name] is None:
        return
    try:
        re2.compile(step[name])
    except re2.error:
        raise InvalidInput("This is no valid regular expression (RE2).", attr=f"{attr}__{name}") from None


def _check_selector(selector: str | None, attr: str) -> None:
    if selector is None:
        return
    try:
        read_selector(selector)
    except QueryError as error:
        raise error.spelled(lambda path: join_path((attr, *path))) from error


def _properties(value: Any, attr: str) -> list[Any]:
    """Filters as sent, once a question can be asked with them (semantics B23)."""
    if value is None:
        return []
    probe = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode"}], "properties": value}
    try:
        parse_query(probe)
    except QueryError as error:
        raise error.spelled(lambda path: join_path((attr, *path[1:]))) from error
    return value if isinstance(value, list) else [value]
