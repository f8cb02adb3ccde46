"""Rows into the event store, column by column, and the look-up that keeps an event from being stored twice.

The writer sends values in the store's own forms (see migrations 0001 and 0002); nothing here knows where
they come from. Instants are integers of microseconds since 1970; uuids are their 128-bit integers, which are
made, compared and hashed far faster than objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client

EMPTY = "\0"  # the stored form of the empty string

# Servers take at most 128 kB in one bound value by default; a UUID takes 39 bytes there.
_UUIDS_PER_VALUE = 3000
_VALUES_PER_LOOKUP = 10
_INSERT_SETTINGS: Mapping[str, Any] = {
    # An answer means that every shard has the rows.
    "distributed_foreground_insert": 1,
    "async_insert": 0,
    # History of many months arrives in one batch.
    "max_partitions_per_insert_block": 0,
    # One that hangs must end before the next one can be sure of what is stored.
    "max_execution_time": 600,
}


@dataclass(frozen=True)
class Table:
    """A table and the columns a writer sends, in order; the database computes the others."""

    name: str
    columns: Mapping[str, str]

    @cached_property
    def types(self) -> list[ClickHouseType]:
        return [get_from_name(text) for text in self.columns.values()]


_TEXTS = "Map(LowCardinality(String), String)"
_INSTANT = "DateTime64(6, 'UTC')"

EVENTS = Table(
    "events",
    {
        "team_id": "UInt32",
        "event": "LowCardinality(String)",
        "ts": _INSTANT,
        "actor_no": "UInt32",
        "uuid": "UUID",
        "distinct_id": "String",
        "properties": "String",
        "props": _TEXTS,
        "person_props": _TEXTS,
        "elements_chain": "String",
        "has_profile": "UInt8",
        "ingested_at": _INSTANT,
    },
)
PERSON = Table(
    "person",
    {
        "team_id": "UInt32",
        "person_no": "UInt32",
        "uuid": "UUID",
        "created_at": _INSTANT,
        "is_deleted": "UInt8",
        "version": "UInt64",
        "properties": "String",
        "props": _TEXTS,
    },
)
ACTOR = Table(
    "actor",
    {
        "team_id": "UInt32",
        "actor_no": "UInt32",
        "distinct_id": "String",
        "person_no": "UInt32",
        "version": "UInt64",
    },
)
ACTOR_OVERRIDE = Table(
    "actor_override",
    {"team_id": "UInt32", "actor_no": "UInt32", "person_no": "UInt32", "version": "UInt64"},
)
GROUPS = Table(
    "groups",
    {
        "team_id": "UInt32",
        "group_type_index": "UInt8",
        "group_key": "String",
        "created_at": _INSTANT,
        "version": "UInt64",
        "properties": "String",
        "props": _TEXTS,
    },
)


def stored_texts(properties: Mapping[str, Any]) -> dict[str, str]:
    """Properties as `props` holds them: each key's comparison text (semantics C3).

    A string as it is, a number or boolean as JSON, a list or object as compact JSON; null is absent and the
    empty string is NUL, so that '' means "not set" to every reader.
    """
    texts = {}
    for key, value in properties.items():
        if type(value) is str:
            texts[key] = value or EMPTY
        elif value is not None:
            texts[key] = orjson.dumps(value).decode()
    return texts


def insert_columns(
    client: Client, table: Table, columns: Sequence[Sequence[Any]], *, comment: str = ""
) -> None:
    """Append rows given as one sequence per column of the table; durable when it returns.

    `comment` marks the statement in the store's list of running ones, see `running_inserts`.
    """
    if not columns or not columns[0]:
        return
    # Rows are never data frames here. Not told so, the client imports pandas wherever that is installed
    # to find out, which costs each process two seconds and 80 MB.
    vars(options).setdefault("pd", None)
    client.insert(
        table.name,
        columns,
        column_names=list(table.columns),
        column_types=table.types,
        column_oriented=True,
        settings={**_INSERT_SETTINGS, **({"log_comment": comment} if comment else {})},
    )


def insert_rows(client: Client, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Append rows given one by one: for the small tables."""
    insert_columns(client, table, list(zip(*rows, strict=True)))


def existing_uuids(client: Client, project_id: int, uuids: Iterable[int]) -> set[int]:
    """Those of `uuids` under which the project has an event already (semantics J5)."""
    found: set[int] = set()
    remaining = iter(uuids)
    while batch := list(islice(remaining, _UUIDS_PER_VALUE * _VALUES_PER_LOOKUP)):
        values = {
            f"uuids{start}": [UUID(int=number) for number in batch[start : start + _UUIDS_PER_VALUE]]
            for start in range(0, len(batch), _UUIDS_PER_VALUE)
        }
        wanted = ", ".join(f"{{{name}:Array(UUID)}}" for name in values)
        answer = client.query(
            f"SELECT uuid FROM events WHERE team_id = {{project:UInt32}} AND uuid IN arrayConcat({wanted})",
            parameters={"project": project_id, **values},
        )
        found.update(row[0].int for row in answer.result_rows)
    return found


def uuids_between(client: Client, project_id: int, first: int, last: int, *, at_most: int) -> set[int] | None:
    """Uuids of the project's events from one instant to another, both included; None if they are too many.

    Where uuids follow from the event's time this is far cheaper than asking for each of them.
    """
    answer = client.query(
        "SELECT uuid FROM events WHERE team_id = {project:UInt32}"
        " AND ts >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')"
        " AND ts <= fromUnixTimestamp64Micro({last:Int64}, 'UTC') LIMIT {limit:UInt32}",
        parameters={"project": project_id, "first": first, "last": last, "limit": at_most + 1},
    )
    return None if answer.row_count > at_most else {row[0].int for row in answer.result_rows}


def running_inserts(client: Client, comment: str) -> int:
    """How many inserts marked with `comment` the store is working on right now."""
    answer = client.query(
        "SELECT count() FROM system.processes WHERE Settings['log_comment'] = {comment:String}"
        " AND query_kind = 'Insert'",
        parameters={"comment": comment},
    )
    return int(answer.result_rows[0][0])
