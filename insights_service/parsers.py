"""From the bytes of a request to its fields (api M7-M10).

Lenient where the contract's own commands need it, and strict about what could not be stored or would
exhaust the server: size, depth, NUL characters, text that is no UTF-8. Values stay as they were sent;
only calculation endpoints decode JSON that came as text, with `structured` (api S2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http.multipartparser import MultiPartParserError
from rest_framework import parsers as drf
from rest_framework.exceptions import ParseError

from insights_service.errors import InvalidInput, RequestTooLarge, UnreadableBody

MAX_BODY_BYTES = 20 * 1024 * 1024  # api M10
MAX_DEPTH = 100  # api M10
MAX_FORM_FIELDS = 1000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL = "\x00"

# A body announced as JSON that starts like this is a form: curl's -d beside a JSON header (api M8).
FORM_START = re.compile(rb"\s*[A-Za-z_][A-Za-z0-9_]*(\[\])?=")
TRUE_WORDS = frozenset({"y", "yes", "t", "true", "on", "1"})  # api P6

Fields = dict[str, Any]


def parse_json(raw: bytes) -> Any:
    """Any JSON value. Too deep, not UTF-8 or not JSON: `UnreadableBody`."""
    try:
        value = orjson.loads(raw.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"JSON parse error - {error}") from error
    _check_depth(raw, value)
    # The tree is walked only when the escape occurs at all.
    if rb"\u0000" in raw and contains_nul(_texts(value)):
        raise UnreadableBody("JSON parse error - the NUL character (\\u0000) is not allowed in text")
    return value


def parse_json_body(raw: bytes) -> Fields:
    """The fields of a body announced as JSON; nothing is `{}`, and a form is read as one (api M7, M8)."""
    if not raw.strip():
        return {}
    try:
        value = parse_json(raw)
    except UnreadableBody:
        if not FORM_START.match(raw):
            raise
        return {name: _unquoted(value) for name, value in parse_form(raw).items()}
    if not isinstance(value, dict):
        raise UnreadableBody('JSON parse error - the body must be an object, like {"name": "Signups"}')
    return value


def parse_form(raw: bytes) -> Fields:
    """The fields of a URL-encoded form: text, or a list of texts where a name is repeated.

    curl calls every -d a form, JSON too: an object is read as the object it is.
    """
    if raw.lstrip().startswith(b"{"):
        return parse_json_body(raw)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except UnicodeDecodeError as error:
        raise UnreadableBody("Form parse error - the text is not UTF-8") from error
    except ValueError as error:
        raise UnreadableBody(f"Form parse error - more than {MAX_FORM_FIELDS} fields") from error
    return _collected(pairs)


def structured(value: Any, attr: str) -> list[Any] | dict[str, Any] | None:
    """A list or object that came as such or as JSON text (api S2); absent, null and blank are None."""
    if value is None or isinstance(value, list | dict):
        return value
    if not isinstance(value, str):
        raise InvalidInput(f"{attr} must be a JSON list or object.", attr=attr)
    if not value.strip():
        return None
    try:
        decoded = parse_json(value.encode("utf-8", "surrogatepass"))
    except UnreadableBody as error:
        raise InvalidInput(_how_to_write(attr), attr=attr) from error
    if not isinstance(decoded, list | dict):
        raise InvalidInput(f"{attr} must be a JSON list or object.", attr=attr)
    return decoded


def is_true(value: Any) -> bool:
    """A switch in a query string: the contract's words for yes; everything else is no (api P6)."""
    return value is True or str(value).strip().lower() in TRUE_WORDS


class JSONParser(drf.BaseParser):
    """`application/json`, the default."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Fields:
        """Fields of the body in `stream`."""
        return parse_json_body(stream.read())


class FormParser(drf.BaseParser):
    """`application/x-www-form-urlencoded`."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Fields:
        """Fields of the body in `stream`."""
        return parse_form(stream.read())


class MultiPartParser(drf.MultiPartParser):
    """`multipart/form-data`: fields as in a form, and files."""

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Any = None
    ) -> drf.DataAndFiles[Any, Any]:
        """Fields and files of the body in `stream`."""
        try:
            parts = super().parse(stream, media_type, parser_context)
        except RequestDataTooBig as error:
            raise too_large() from error
        except (MultiPartParserError, SuspiciousOperation, ValueError, ParseError) as error:
            raise UnreadableBody(f"Multipart form parse error - {error}") from error
        pairs = ((name, value) for name, values in parts.data.lists() for value in values)
        return drf.DataAndFiles(_collected(pairs), parts.files)


def too_large() -> RequestTooLarge:
    """The refusal of a body over the limit, with the limit."""
    return RequestTooLarge(f"The request body is larger than {MAX_BODY_BYTES // 1024**2} MB.")


def contains_nul(values: Iterable[str]) -> bool:
    """No text column can hold this character."""
    return any(NUL in value for value in values)


def _collected(pairs: Iterable[tuple[str, str]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        if NUL in name or NUL in value:
            raise UnreadableBody("Form parse error - the NUL character is not allowed in text")
        fields.setdefault(name.removesuffix("[]"), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _unquoted(value: Any) -> Any:
    """`"string"` -> `string`: quotes that the shell did not take away from `name="string"` (api M8)."""
    if not (isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'):
        return value
    try:
        return str(orjson.loads(value))
    except orjson.JSONDecodeError:
        return value


def _check_depth(raw: bytes, value: Any) -> None:
    """Refuse what is nested over MAX_DEPTH levels; counting brackets first spares walking most bodies."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    level, depth = [value], 1
    while level := [child for node in level for child in _children(node)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise UnreadableBody(f"JSON parse error - nested over {MAX_DEPTH} levels deep")


def _children(node: Any) -> Iterable[Any]:
    """The containers directly below a container; what has none adds no level."""
    values: Iterable[Any] = node.values() if isinstance(node, Mapping) else node
    return (value for value in values if isinstance(value, list | dict))


def _texts(value: Any) -> Iterable[str]:
    """Every text of a JSON value, keys included."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            waiting += [*node.keys(), *node.values()]
        elif isinstance(node, list):
            waiting += node


def _how_to_write(attr: str) -> str:
    return (
        f"{attr} is not valid JSON. Write it as a list or an object, and quote it in a shell: "
        f'-d \'{attr}=[{{"id": "$pageview"}}]\''
    )
