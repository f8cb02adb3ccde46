"""Files of events -> raw events with their line numbers: NDJSON, CSV, exports of the peer product. Pure.

An export is NDJSON or CSV whose columns hold what an event has elsewhere (`set`, `elements_chain`,
properties as JSON text); `as_event` puts these in their places, whatever the file's syntax.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from insights_service.capture.normalize import MAX_EVENT_BYTES
from insights_service.capture.refusals import Refused, invalid_payload
from insights_service.capture.wire import parse_json

# Columns that belong to an event itself; any other column of a CSV is a property.
_EVENT_KEYS = frozenset({"event", "distinct_id", "timestamp", "uuid", "properties", "offset"})
# Columns of exports that say nothing about the event, or that this server works out by itself.
_IGNORED = frozenset(
    {
        "team_id",
        "project_id",
        "person_id",
        "person_properties",
        "person_mode",
        "person_created_at",
        "created_at",
        "elements",
        "site_url",
        "inserted_at",
        "_inserted_at",
        "bq_ingested_timestamp",
        "historical_migration",
    }
)
# Column of an export -> property of the event.
_AS_PROPERTY = {
    "set": "$set",
    "set_once": "$set_once",
    "$set": "$set",
    "$set_once": "$set_once",
    "ip": "$ip",
    "elements_chain": "$elements_chain",
}
# Columns that no event of the capture endpoints has.
_EXPORT_ONLY = frozenset({"set", "set_once", "ip", "elements_chain"})
_PROPERTY_PREFIX = "properties."


@dataclass(slots=True)
class Row:
    """One row of a file: its (last) line, and the raw event or the reason why it cannot be read."""

    line: int
    source: str | Mapping[str, Any]
    event: dict[str, Any] | None = None
    reason: str = ""


def ndjson_rows(stream: IO[bytes]) -> Iterator[Row]:
    """A JSON object per line; empty lines are skipped."""
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            event = parse_json(line)
            if not isinstance(event, dict):
                raise invalid_payload("A line must hold one JSON object.")
            yield Row(number, "", as_event(event) if _is_export(event) else event)
        except Refused as refusal:
            yield Row(number, line.decode("utf-8", "replace").rstrip("\r\n"), reason=refusal.detail)


def csv_rows(stream: IO[bytes]) -> Iterator[Row]:
    """A header line, then a row per event; cells may span lines. Empty cells are absent."""
    csv.field_size_limit(2 * MAX_EVENT_BYTES)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    reader = csv.DictReader(text, restkey="", restval="")
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield Row(reader.line_num, "", reason=f"The row is no CSV: {exc}.")
            continue
        try:
            yield Row(reader.line_num, cells, _event_of_cells(cells))
        except Refused as refusal:
            yield Row(reader.line_num, cells, reason=refusal.detail)


FORMATS: dict[str, Callable[[IO[bytes]], Iterator[Row]]] = {"ndjson": ndjson_rows, "csv": csv_rows}


def detect(name: str, beginning: bytes) -> str:
    """Format of a file by its name, else by its first byte: a key of FORMATS."""
    bare = name.lower().removesuffix(".gz")
    if bare.endswith(".csv"):
        return "csv"
    if bare.endswith((".ndjson", ".jsonl", ".json")):
        return "ndjson"
    return "ndjson" if beginning.lstrip()[:1] == b"{" else "csv"


def as_event(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The raw event in a row of an export. Raises Refused when a column with JSON cannot be read."""
    event = {key: value for key, value in columns.items() if key in _EVENT_KEYS}
    properties = dict(_json_object("properties", event.pop("properties", None)))
    for column, name in _AS_PROPERTY.items():
        value = columns.get(column)
        if name in ("$set", "$set_once"):
            value = _json_object(column, value)
        if value and name not in properties:
            properties[name] = value
    return {**event, "properties": properties}


def _is_export(event: Mapping[str, Any]) -> bool:
    return type(event.get("properties")) is str or not _EXPORT_ONLY.isdisjoint(event)


def _event_of_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    if "" in cells:
        raise invalid_payload("The row has more cells than the header.")
    filled = {column.strip(): value for column, value in cells.items() if value != ""}
    event = as_event(filled)
    event["timestamp"] = _epoch_or_text(filled.get("timestamp"))
    for column, value in filled.items():
        if column not in _EVENT_KEYS and column not in _IGNORED and column not in _AS_PROPERTY:
            event["properties"].setdefault(column.removeprefix(_PROPERTY_PREFIX), value.replace("\0", ""))
    return event


def _epoch_or_text(timestamp: str | None) -> int | str | None:
    """A cell is always text; one of nothing but the digits of an epoch is meant as a number."""
    if timestamp and timestamp.isascii() and timestamp.isdigit() and len(timestamp) in (10, 13):
        return int(timestamp)
    return timestamp


def _json_object(column: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, str) and value.strip():
        value = parse_json(value.encode())
    if not value:
        return {}
    if not isinstance(value, dict):
        raise invalid_payload(f"`{column}` must be a JSON object.", attr=column)
    return value
