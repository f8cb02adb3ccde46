"""Columns of their own for event properties that queries read often.

A column is filled by the store from the map of properties (`props['key']`), so it holds the same comparison
text and a statement may use either; in parts that the filling has not reached yet the store works the text
out of the map. What there is stands in the table itself: each column's comment names the property and says
how far it is. Nothing else has to be kept in step with it.

    filling  added; old parts are being filled
    ready    every part has it: compilers use it
    retired  no longer used; dropped once nobody can still hold a plan that names it
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clickhouse_connect.driver.client import Client

from queries.clickhouse.migrate import Target, render

# Everything that may stand between quotes without any escape.
_PLAIN_KEY = re.compile(r"^[A-Za-z0-9_$][A-Za-z0-9_$ .:/#@+-]{0,99}$")
_PREFIX = "q_"
SAMPLE_ROWS = 100_000
# Beyond so many different texts in a sample a dictionary of them is no gain.
MOST_IN_DICTIONARY = 10_000


class State(StrEnum):
    FILLING = "filling"
    READY = "ready"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Column:
    """`since` is when the column came into its state; aware."""

    property: str
    name: str
    state: State
    since: datetime


def can_be_promoted(key: str) -> bool:
    """Whether the key may stand in the text of a statement. Others stay in the map."""
    return _PLAIN_KEY.match(key) is not None


def columns(client: Client) -> tuple[Column, ...]:
    """The columns that were made from queries, by name."""
    rows = client.query(
        "SELECT name, comment FROM system.columns WHERE database = currentDatabase() AND table = 'events'"
        f" AND startsWith(name, '{_PREFIX}') ORDER BY name"
    ).result_rows
    return tuple(_read(name, json.loads(comment)) for name, comment in rows)


def ready(found: tuple[Column, ...]) -> Mapping[str, str]:
    """Property -> column, for compilers."""
    return {column.property: column.name for column in found if column.state is State.READY}


def add(client: Client, target: Target, key: str, now: datetime) -> Column:
    """A column for the property, not filled yet. ValueError when the key may not have one."""
    if not can_be_promoted(key):
        raise ValueError(f"The property {key!r} cannot have a column: its name has unusual characters.")
    # Every promotion has a name of its own, so that what the store says of its filling is about this one.
    digest = hashlib.sha256(f"{key} {now.isoformat()}".encode()).hexdigest()
    column = Column(key, f"{_PREFIX}{digest[:16]}", State.FILLING, now)
    kind = _kind(client, key)
    _alter(
        client,
        target,
        f"ADD COLUMN IF NOT EXISTS {column.name} {kind} MATERIALIZED props['{key}']"
        f" COMMENT '{_comment(column)}'",
    )
    return column


def fill(client: Client, target: Target, column: Column) -> None:
    """Begin to write the column into the parts that are there; comes back at once."""
    client.command(
        f"ALTER TABLE {_stored(target)} {_on_cluster(target)} MATERIALIZE COLUMN {column.name}",
        settings={"mutations_sync": 0},
    )


def filling(client: Client, target: Target) -> Mapping[str, bool]:
    """Column -> whether its filling is done on every node, for those whose filling was begun."""
    rows = client.query(
        f"SELECT extract(command, 'MATERIALIZE COLUMN `?({_PREFIX}[0-9a-f]+)') AS name, min(is_done)"
        f" FROM {_mutations(target)} WHERE database = currentDatabase() AND table = {{table:String}}"
        " AND name != '' GROUP BY name",
        parameters={"table": _stored(target)},
    ).result_rows
    return {str(name): bool(done) for name, done in rows}


def mark(client: Client, target: Target, column: Column, state: State, now: datetime) -> Column:
    """The column in another state."""
    marked = Column(column.property, column.name, state, now)
    _alter(client, target, f"COMMENT COLUMN {column.name} '{_comment(marked)}'")
    return marked


def drop(client: Client, target: Target, column: Column) -> None:
    """Take the column away. The store refuses that while it is being filled, so that is ended first."""
    client.command(
        f"KILL MUTATION {_on_cluster(target)} WHERE database = currentDatabase()"
        " AND table = {table:String} AND position(command, {column:String}) > 0 SYNC",
        parameters={"table": _stored(target), "column": column.name},
    )
    _alter(client, target, f"DROP COLUMN IF EXISTS {column.name}", reverse=True)


def _kind(client: Client, key: str) -> str:
    """Texts that repeat are kept once a part; filters and groupings then compare their numbers."""
    different = client.query(
        f"SELECT uniq(props[{{key:String}}]) FROM (SELECT props FROM events LIMIT {SAMPLE_ROWS})",
        parameters={"key": key},
    ).result_rows[0][0]
    return "String" if different > MOST_IN_DICTIONARY else "LowCardinality(String)"


def _alter(client: Client, target: Target, change: str, *, reverse: bool = False) -> None:
    """The stored table, and on a cluster the one that spreads queries over it: a column that the second has
    must be in the first."""
    tables = [_stored(target), "events"] if target.cluster else ["events"]
    for table in reversed(tables) if reverse else tables:
        client.command(f"ALTER TABLE {table} {_on_cluster(target)} {change}")


def _stored(target: Target) -> str:
    return render("{table:events}", target)


def _on_cluster(target: Target) -> str:
    return render("{on_cluster}", target)


def _mutations(target: Target) -> str:
    return (
        f"clusterAllReplicas('{target.cluster}', system.mutations)" if target.cluster else "system.mutations"
    )


def _comment(column: Column) -> str:
    """JSON of characters that need no escape between quotes."""
    known = {"property": column.property, "state": str(column.state), "since": column.since.isoformat()}
    return json.dumps(known)


def _read(name: str, comment: Mapping[str, str]) -> Column:
    return Column(
        comment["property"], name, State(comment["state"]), datetime.fromisoformat(comment["since"])
    )
