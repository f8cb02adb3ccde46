"""How an answer is written: JSON, or CSV where asked for (api M3, M9, section Y).

`?format=` decides, then a suffix of the path, then the Accept header. Errors are JSON also for who
asked for CSV (api Y9); `permissions.ApiView` sees to that.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from django.http import Http404
from django.utils.http import content_disposition_header
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.encoders import JSONEncoder

JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
FORMULA_START = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table to be written as CSV. `preamble` lines come before the header (api Y2).

    With `filename` the answer is a download; without, it is shown in place.
    """

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    preamble: Sequence[str] = ()
    filename: str | None = None


NO_RESULT = CsvTable(columns=["error"], rows=[["No result to export."]])  # api Y1, Y8


class FormatNegotiation(DefaultContentNegotiation):
    """`?format=` wins over the path's suffix, which wins over the Accept header (api M3)."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """The renderer and its media type. An unknown format is a 404, an unknown media type a 406."""
        wanted = (
            request.query_params.get("format") or getattr(request, "format_suffix", None) or format_suffix
        )
        if wanted:
            renderer = next((one for one in renderers if one.format == wanted), None)
            if renderer is None:
                raise Http404
            return renderer, renderer.media_type
        if not request.headers.get("accept", "").strip():
            return renderers[0], renderers[0].media_type
        try:
            return super().select_renderer(request, renderers, None)
        except NotAcceptable:
            raise NotAcceptable(f"Use {' or '.join(one.media_type for one in renderers)}.") from None


class JSONRenderer(BaseRenderer):
    """JSON, keys in the order given, UTF-8, never NaN (semantics J6)."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """`data` as JSON; None is an empty body."""
        return b"" if data is None else to_json(data)


class WrittenByView(BaseRenderer):
    """Only a name for content negotiation: the view streams this form itself. What it does not stream
    (OPTIONS, an explanation) is JSON."""


class CSVRenderer(BaseRenderer):
    """CSV of the view's own table (`view.csv_table(response)`) if it has one, else of the JSON (api Y1)."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """The table of the answer; None is an empty body."""
        if data is None:
            return b""
        view, response = renderer_context["view"], renderer_context["response"]
        table = view.csv_table(response) if hasattr(view, "csv_table") else None
        table = table or flattened(data)
        if isinstance(data, Mapping) and isinstance(data.get("count"), int) and "results" in data:
            response["X-Total-Count"] = str(data["count"])  # api Y7
        if table.filename:
            response["Content-Disposition"] = content_disposition_header(True, table.filename)
        return write_csv(table)


def to_json(value: Any) -> bytes:
    """JSON bytes of anything a view answers.

    The fast writer refuses numbers beyond 64 bits and halves of surrogate pairs, both of which a stored
    query may hold; the slow one writes them.
    """
    try:
        return orjson.dumps(value, default=_plain, option=JSON_OPTIONS)
    except TypeError:
        return json.dumps(_finite(value), cls=JSONEncoder, separators=(",", ":")).encode()


def flattened(data: Any) -> CsvTable:
    """The rows of any JSON answer: nested objects as `a.b` columns, lists as JSON in a cell (api Y1)."""
    records = [dict(_cells(record)) for record in _records(data)]
    names = dict.fromkeys(name for record in records for name in record)
    # An object that is null in some rows has columns of its parts already.
    columns = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    if not columns:
        return NO_RESULT
    return CsvTable(columns, ([record.get(name) for name in columns] for record in records))


def write_csv(table: CsvTable) -> bytes:
    """RFC 4180 in UTF-8 with CRLF; cells that a spreadsheet would run are quoted with `'` (api Y1)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([line] for line in table.preamble)
    writer.writerow([cell(name) for name in table.columns])
    writer.writerows([cell(value) for value in row] for row in table.rows)
    return text.getvalue().encode("utf-8", "replace")


def cell(value: Any) -> str:
    """One value as the text of a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return _guarded(value)
        case int() | float() | Decimal():
            return str(value) if math.isfinite(value) else ""
        case list() | tuple() | dict():
            return _guarded(to_json(value).decode())
        case _:
            return _guarded(orjson.loads(to_json(value)))


def _guarded(text: str) -> str:
    dangerous = text.startswith(FORMULA_START) and not NUMBER.fullmatch(text)
    return f"'{text}" if dangerous else text


def _records(data: Any) -> list[Any]:
    if isinstance(data, Mapping) and isinstance(data.get("results"), list):
        data = data["results"]
    return list(data) if isinstance(data, list | tuple) else [data]


def _cells(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name or "value", value
        return
    for key, part in value.items():
        yield from _cells(part, f"{name}.{key}" if name else str(key))


def _plain(value: Any) -> Any:
    """What orjson does not know: decimals, lazy translations, sets and the like."""
    return JSONEncoder().default(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, orjson.Fragment):  # a stored result, written as JSON already
        return orjson.loads(orjson.dumps(value))
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
