"""Rows of a page of actors -> actor objects (api W21, V9)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from queries.actors.actor_set import ActorSet
from queries.actors.node import ActorsQuery
from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.plan import Result, Rows
from queries.sql.lookup import PERSONLESS_NAMESPACE

ACTOR_COLUMNS = frozenset({"actor", "person", "group"})
DISPLAY_NAMES = ("email", "name", "username")  # api W21


@dataclass(frozen=True, slots=True)
class Known:
    """Actor -> what the store knows: for persons (uuid, created_at, properties text, distinct ids)."""

    of: Mapping[Any, tuple[str | None, datetime | None, str, tuple[str, ...]]]


def read_known(actors: ActorSet, found: Sequence[Rows]) -> Known:
    if actors.kind == "group":
        return Known({key: (None, created, text, ()) for key, created, text in found[0].rows})
    persons = {no: (str(id_), created, text) for no, id_, created, text in found[0].rows}
    known: dict[Any, tuple[str | None, datetime | None, str, tuple[str, ...]]] = {}
    for owner, ids, person in found[1].rows:
        profile = persons.get(person if actors.kind == "distinct_id" else owner, (None, None, "{}"))
        known[owner] = (*profile, tuple(text for _, text in ids))
    for number, profile in persons.items():
        known.setdefault(number, (*profile, ()))
    return Known(known)


def shape_actors(
    node: ActorsQuery,
    ctx: ProjectContext,
    actors: ActorSet,
    rows: Sequence[tuple[Any, ...]],
    known: Known,
    has_more: bool,
) -> Result:
    """A row per actor with the selected columns, in page order."""
    objects = [_actor(ctx, actors, row[0], known) for row in rows]
    columns = _columns(node, actors)
    results = []
    for row, actor in zip(rows, objects, strict=True):
        beside = dict(zip(actors.extra, row[1:], strict=True))
        results.append([_column(name, actor, beside) for name in columns])
    return Result(
        results=results,
        has_more=has_more,
        columns=columns,
        limit=node.limit,
        offset=node.offset,
        extra={"missing_actors_count": 0},
    )


def _columns(node: ActorsQuery, actors: ActorSet) -> list[str]:
    selected = list(node.select)
    return selected + [name for name in actors.extra if name not in selected]


def _column(name: str, actor: Mapping[str, Any], beside: Mapping[str, Any]) -> Any:
    if name in ACTOR_COLUMNS:
        return actor
    if name in beside:
        value = beside[name]
        return list(value) if isinstance(value, tuple | list) else value
    if name.startswith("properties."):
        return actor["properties"].get(name.removeprefix("properties."))
    if name in actor:
        return actor[name]
    raise InvalidQuery(f'"{name}" is not a column of actors.', attr="select")


def _actor(ctx: ProjectContext, actors: ActorSet, key: Any, known: Known) -> dict[str, Any]:
    if actors.kind == "group":
        return _group(actors, key, known)
    id_, created, text, ids = known.of.get(key, (None, None, "{}", ()))
    properties = json.loads(text or "{}")
    id_ = id_ or personless_uuid(ctx.project_id, ids[0] if ids else "")
    return {
        "type": "person",
        "id": id_,
        "uuid": id_,
        "name": display_name(ctx, properties, ids),
        "distinct_ids": list(ids),
        "created_at": _iso(created),
        "properties": properties,
        "is_identified": None,
        "matched_recordings": [],
    }


def _group(actors: ActorSet, key: Any, known: Known) -> dict[str, Any]:
    _, created, text, _ = known.of.get(key, (None, None, "{}", ()))
    return {
        "type": "group",
        "id": key,
        "group_key": key,
        "group_type_index": actors.group_type_index,
        "created_at": _iso(created),
        "properties": json.loads(text or "{}"),
        "matched_recordings": [],
    }


def display_name(ctx: ProjectContext, properties: Mapping[str, Any], ids: Sequence[str]) -> str:
    """The first set display property, else the first distinct id that looks given, else any (W21)."""
    for name in ctx.display_name_properties or DISPLAY_NAMES:
        if properties.get(name):
            return str(properties[name])
    given = [text for text in ids if not _is_anonymous(text)]
    return (given or list(ids) or [""])[0]


def _is_anonymous(distinct_id: str) -> bool:
    try:
        uuid.UUID(distinct_id)
    except ValueError:
        return False
    return True


def personless_uuid(project_id: int, distinct_id: str) -> str:
    """The id of somebody without a profile (semantics B3)."""
    return str(uuid.uuid5(uuid.UUID(PERSONLESS_NAMESPACE), f"{project_id}:{distinct_id}"))


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.isoformat().replace("+00:00", "Z")
