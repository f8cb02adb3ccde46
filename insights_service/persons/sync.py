"""The copy of identities in ClickHouse: written at once, and made good before a query if it was not.

A change commits in PostgreSQL together with a `Revision` that names the rows it touched. Whoever made the
change then copies them and deletes the revision; should he die in between, the next query does it. Rows
carry the revision as their version and the newest version wins, so copying twice, or two processes
copying at once, is harmless.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from django.db import connection

from insights_service.config import get_config
from insights_service.persons.event_store import event_store
from insights_service.persons.models import Revision
from queries.clickhouse.insert import ACTOR, ACTOR_OVERRIDE, GROUPS, PERSON, Table, insert_rows, stored_texts
from queries.context import Identities

_REVISIONS_AT_ONCE = 200
_ROWS_AT_ONCE = 20_000
_MICROSECONDS = "(extract(epoch FROM created_at) * 1000000)::bigint"
_NOBODY = uuid.UUID(int=0)
_reloading = threading.Lock()


def prepare_for_query(project_id: int) -> Identities:
    """Bring ClickHouse's copy up to what is committed now; one cheap statement when it is already.

    Call it before compiling each query of the project. Raises clickhouse_connect's errors when the copy
    cannot be written: a query must then not be answered from the old one.
    """
    current, moved, loaded, pending = _state(project_id)
    if pending:
        push(project_id)
    if loaded < moved:
        _reload_if_stale(project_id)
    return Identities(current, moved)


def push(project_id: int) -> None:
    """Copy everything that pending revisions of the project name, and forget them."""
    while revisions := list(
        Revision.objects.filter(project_id=project_id).order_by("id")[:_REVISIONS_AT_ONCE]
    ):
        _copy_persons(project_id, {no: revision.id for revision in revisions for no in revision.person_nos})
        _copy_groups(project_id, {row for revision in revisions for row in revision.group_ids})
        actors = {no for revision in revisions for no in revision.actor_nos}
        _copy_actors(project_id, actors, {no for revision in revisions for no in revision.moved_actor_nos})
        Revision.objects.filter(id__in=[revision.id for revision in revisions]).delete()


def push_everything(project_id: int) -> int:
    """Copy all identities of a project again and return how many rows that were: after ClickHouse lost them.

    Rows that ClickHouse has and PostgreSQL has not are marked as deleted.
    """
    current, last_moved, *_ = _state(project_id)
    actors = _column("SELECT actor_no FROM persons_distinctid WHERE project_id = %s", project_id)
    moved = set(
        _column(
            "SELECT actor_no FROM persons_distinctid WHERE project_id = %s AND person_no <> actor_no",
            project_id,
        )
    )
    moved.update(_stored("SELECT actor_no FROM actor_override WHERE team_id = {project:UInt32}", project_id))
    persons = set(_column("SELECT person_no FROM persons_person WHERE project_id = %s", project_id))
    persons.update(_stored("SELECT person_no FROM person WHERE team_id = {project:UInt32}", project_id))
    groups = _column("SELECT id FROM persons_group WHERE project_id = %s", project_id)
    _copy_persons(project_id, dict.fromkeys(persons, current))
    _copy_groups(project_id, groups)
    _copy_actors(project_id, actors, moved)
    _reload(project_id, last_moved)
    return len(actors) + len(persons) + len(groups)


def _state(project_id: int) -> tuple[int, int, int, bool]:
    """Last revision, last that moved an actor, last that the dictionary has; whether any is pending."""
    rows = _rows(
        "SELECT current, moved, loaded, EXISTS (SELECT 1 FROM persons_revision WHERE project_id = %s)"
        " FROM persons_identitystate WHERE project_id = %s",
        [project_id, project_id],
    )
    return rows[0] if rows else (0, 0, 0, False)


def _reload_if_stale(project_id: int) -> None:
    """Of several queries at once in a process, one reloads and the others wait for it."""
    with _reloading:
        _, moved, loaded, _ = _state(project_id)
        if loaded < moved:
            _reload(project_id, moved)


def _reload(project_id: int, moved: int) -> None:
    """Make the dictionary of moved actors fresh, which it then is up to revision `moved` at least."""
    cluster = get_config().clickhouse_cluster
    on_cluster = f" ON CLUSTER '{cluster}'" if cluster else ""
    event_store().command(f"SYSTEM RELOAD DICTIONARY{on_cluster} actor_override_dict")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE persons_identitystate SET loaded = greatest(loaded, %s) WHERE project_id = %s",
            [moved, project_id],
        )


def _copy_actors(project_id: int, actor_nos: Iterable[int], moved: set[int]) -> None:
    for chunk in _chunks({*actor_nos, *moved}):
        rows = _rows(
            "SELECT actor_no, distinct_id, person_no, version FROM persons_distinctid"
            " WHERE project_id = %s AND actor_no = ANY(%s::bigint[])",
            [project_id, chunk],
        )
        _insert(ACTOR, [(project_id, *row) for row in rows])
        overrides = [(project_id, no, person, version) for no, _, person, version in rows if no in moved]
        _insert(ACTOR_OVERRIDE, overrides)


def _copy_persons(project_id: int, revisions: dict[int, int]) -> None:
    """Copy persons by number; one without a row is marked as deleted as of the revision given for it."""
    for chunk in _chunks(revisions):
        rows = _rows(
            f"SELECT person_no, uuid, {_MICROSECONDS}, version, properties::text FROM persons_person"
            " WHERE project_id = %s AND person_no = ANY(%s::bigint[])",
            [project_id, chunk],
        )
        gone = set(chunk) - {row[0] for row in rows}
        _insert(
            PERSON,
            [
                *(
                    (project_id, no, uid, made, 0, version, *_both(text))
                    for no, uid, made, version, text in rows
                ),
                *((project_id, no, _NOBODY, 0, 1, revisions[no], "{}", {}) for no in gone),
            ],
        )


def _copy_groups(project_id: int, ids: Iterable[int]) -> None:
    for chunk in _chunks(ids):
        rows = _rows(
            f"SELECT group_type_index, group_key, {_MICROSECONDS}, version, properties::text"
            " FROM persons_group WHERE project_id = %s AND id = ANY(%s::bigint[])",
            [project_id, chunk],
        )
        _insert(GROUPS, [(project_id, *row, *_both(text)) for *row, text in rows])


def _both(text: str) -> tuple[str, dict[str, str]]:
    """Properties as exact text and in the form filters read."""
    properties = orjson.loads(text)
    return orjson.dumps(properties).decode(), stored_texts(properties)


def _insert(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        insert_rows(event_store(), table, rows)


def _chunks(numbers: Iterable[int]) -> Iterable[list[int]]:
    ordered = sorted(numbers)
    return (ordered[start : start + _ROWS_AT_ONCE] for start in range(0, len(ordered), _ROWS_AT_ONCE))


def _column(statement: str, project_id: int) -> list[int]:
    return [row[0] for row in _rows(statement, [project_id])]


def _stored(statement: str, project_id: int) -> list[int]:
    return [row[0] for row in event_store().query(statement, parameters={"project": project_id}).result_rows]


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
