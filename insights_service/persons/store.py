"""Identities in PostgreSQL: read what a batch mentions, write what it changed.

Both take a constant number of statements and run inside a transaction that holds the project's lock
(`locking`). Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from django.db import connection

from insights_service.persons.values import Actor, Changes, GroupKind, GroupProfile, Known, Mentioned, Profile

_MICROSECONDS = "(extract(epoch FROM created_at) * 1000000)::bigint"
_MOMENT = "timestamptz 'epoch' + {} * interval '1 microsecond'"


def read(project_id: int, mentioned: Mentioned) -> Known:
    """What is stored of the things mentioned."""
    actors = read_actors(project_id, mentioned.distinct_ids)
    known = Known(actors, read_profiles(project_id, {actor.person_no for actor in actors}))
    if mentioned.group_types:
        known.group_types = read_group_types(project_id)
    keys = [(known.group_types[kind], key) for kind, key in mentioned.groups if kind in known.group_types]
    known.groups = _read_groups(project_id, keys)
    return known


def read_actors(project_id: int, distinct_ids: Iterable[str]) -> list[Actor]:
    """The distinct ids that are known, in no order."""
    wanted = list(distinct_ids)
    if not wanted:
        return []
    rows = _query(
        "SELECT actor_no, distinct_id, person_no FROM persons_distinctid"
        " WHERE project_id = %s AND distinct_id = ANY(%s::text[])",
        [project_id, wanted],
    )
    return [Actor(*row) for row in rows]


def read_profiles(project_id: int, person_nos: Iterable[int]) -> list[Profile]:
    """The profiles of those persons that have one, in no order."""
    wanted = list(person_nos)
    if not wanted:
        return []
    rows = _query(
        f"SELECT person_no, uuid, {_MICROSECONDS}, properties::text, is_identified FROM persons_person"
        " WHERE project_id = %s AND person_no = ANY(%s::bigint[])",
        [project_id, wanted],
    )
    return [Profile(no, uuid, created, orjson.loads(text), known) for no, uuid, created, text, known in rows]


def read_group_types(project_id: int) -> dict[str, int]:
    """Group type -> index."""
    rows = _query(
        "SELECT group_type, group_type_index FROM persons_grouptype WHERE project_id = %s", [project_id]
    )
    return dict(rows)


def reserve_numbers(count: int) -> list[int]:
    """Fresh numbers for new distinct ids, ascending. Those that stay unused are never given again."""
    if not count:
        return []
    rows = _query(
        "SELECT nextval(pg_get_serial_sequence('persons_distinctid', 'actor_no'))"
        " FROM generate_series(1, %s)",
        [count],
    )
    return [row[0] for row in rows]


def write(project_id: int, changes: Changes) -> int:
    """Write the changes as one new revision and return its number."""
    revision = new_revision()
    moved = _move_persons(project_id, revision, changes.moved)
    _insert_actors(project_id, revision, changes.new_actors)
    _delete_profiles(project_id, changes.removed_profiles)
    _upsert_profiles(project_id, revision, changes.profiles)
    _insert_group_types(project_id, changes.new_group_types)
    groups = _upsert_groups(project_id, revision, changes.groups)
    new = [actor.no for actor in changes.new_actors]
    moved += [actor.no for actor in changes.new_actors if actor.person_no != actor.no]
    persons = [profile.no for profile in changes.profiles] + changes.removed_profiles
    record_revision(
        project_id, revision, actors=list({*new, *moved}), moved=moved, persons=persons, groups=groups
    )
    return revision


def new_revision() -> int:
    """The number of the revision that is about to be written; later ones of the project are higher."""
    return int(_query("SELECT nextval(pg_get_serial_sequence('persons_revision', 'id'))", [])[0][0])


def move_actors(project_id: int, revision: int, persons: dict[int, int]) -> None:
    """Point single distinct ids (by number) to persons."""
    if persons:
        _run(
            "UPDATE persons_distinctid AS d SET person_no = m.person, version = %s"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS m (actor, person)"
            " WHERE d.project_id = %s AND d.actor_no = m.actor",
            [revision, list(persons), list(persons.values()), project_id],
        )


def record_revision(
    project_id: int,
    revision: int,
    *,
    actors: Sequence[int] = (),
    moved: Sequence[int] = (),
    persons: Sequence[int] = (),
    groups: Sequence[int] = (),
) -> None:
    """Note which rows a revision touched, for `sync` to copy; in the same transaction as the rows."""
    _run(
        "INSERT INTO persons_revision (id, project_id, actor_nos, moved_actor_nos, person_nos, group_ids)"
        " VALUES (%s, %s, %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])",
        [revision, project_id, list(actors), list(moved), list(persons), list(groups)],
    )
    _run(
        "INSERT INTO persons_identitystate (project_id, current, moved, loaded, inserter)"
        " VALUES (%(project)s, %(revision)s, %(moved)s, 0, '')"
        " ON CONFLICT (project_id) DO UPDATE SET current = %(revision)s,"
        " moved = greatest(persons_identitystate.moved, %(moved)s)",
        {"project": project_id, "revision": revision, "moved": revision if moved else 0},
    )


def _move_persons(project_id: int, revision: int, moved: dict[int, int]) -> list[int]:
    """Point every distinct id of the old persons to the new ones; returns the numbers of these ids."""
    if not moved:
        return []
    rows = _query(
        "UPDATE persons_distinctid AS d SET person_no = m.new, version = %s"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS m (old, new)"
        " WHERE d.project_id = %s AND d.person_no = m.old RETURNING d.actor_no",
        [revision, list(moved), list(moved.values()), project_id],
    )
    return [row[0] for row in rows]


def _insert_actors(project_id: int, revision: int, actors: Sequence[Actor]) -> None:
    if actors:
        _run(
            "INSERT INTO persons_distinctid (actor_no, project_id, distinct_id, person_no, version)"
            " SELECT a.no, %s, a.distinct_id, a.person_no, %s"
            " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS a (no, distinct_id, person_no)",
            [
                project_id,
                revision,
                [actor.no for actor in actors],
                [actor.distinct_id for actor in actors],
                [actor.person_no for actor in actors],
            ],
        )


def _delete_profiles(project_id: int, person_nos: Sequence[int]) -> None:
    if person_nos:
        _run(
            "DELETE FROM persons_person WHERE project_id = %s AND person_no = ANY(%s::bigint[])",
            [project_id, list(person_nos)],
        )


def _upsert_profiles(project_id: int, revision: int, profiles: Sequence[Profile]) -> None:
    if profiles:
        _run(
            "INSERT INTO persons_person"
            " (person_no, project_id, uuid, created_at, properties, is_identified, version)"
            f" SELECT p.no, %s, p.uuid, {_MOMENT.format('p.created')}, p.properties::jsonb, p.known, %s"
            " FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[], %s::text[], %s::boolean[])"
            " AS p (no, uuid, created, properties, known)"
            " ON CONFLICT (person_no) DO UPDATE SET uuid = excluded.uuid, created_at = excluded.created_at,"
            " properties = excluded.properties, is_identified = excluded.is_identified,"
            " version = excluded.version",
            [
                project_id,
                revision,
                [profile.no for profile in profiles],
                [profile.uuid for profile in profiles],
                [profile.created for profile in profiles],
                [orjson.dumps(profile.properties).decode() for profile in profiles],
                [profile.is_identified for profile in profiles],
            ],
        )


def _insert_group_types(project_id: int, group_types: Sequence[GroupKind]) -> None:
    if group_types:
        _run(
            "INSERT INTO persons_grouptype (project_id, group_type, group_type_index, created_at)"
            f" SELECT %s, t.name, t.index, {_MOMENT.format('t.created')}"
            " FROM unnest(%s::text[], %s::int[], %s::bigint[]) AS t (name, index, created)",
            [
                project_id,
                [kind.name for kind in group_types],
                [kind.index for kind in group_types],
                [kind.created for kind in group_types],
            ],
        )


def _read_groups(project_id: int, keys: Sequence[tuple[int, str]]) -> list[GroupProfile]:
    if not keys:
        return []
    rows = _query(
        f"SELECT g.group_type_index, g.group_key, {_MICROSECONDS}, g.properties::text FROM persons_group AS g"
        " JOIN unnest(%s::int[], %s::text[]) AS k (index, key)"
        " ON g.group_type_index = k.index AND g.group_key = k.key WHERE g.project_id = %s",
        [[index for index, _ in keys], [key for _, key in keys], project_id],
    )
    return [GroupProfile(index, key, created, orjson.loads(text)) for index, key, created, text in rows]


def _upsert_groups(project_id: int, revision: int, groups: Sequence[GroupProfile]) -> list[int]:
    """Write the groups and return their row ids."""
    if not groups:
        return []
    rows = _query(
        "INSERT INTO persons_group"
        " (project_id, group_type_index, group_key, created_at, properties, version)"
        f" SELECT %s, g.index, g.key, {_MOMENT.format('g.created')}, g.properties::jsonb, %s"
        " FROM unnest(%s::int[], %s::text[], %s::bigint[], %s::text[]) AS g (index, key, created, properties)"
        " ON CONFLICT (project_id, group_type_index, group_key) DO UPDATE"
        " SET properties = excluded.properties, version = excluded.version RETURNING id",
        [
            project_id,
            revision,
            [group.type_index for group in groups],
            [group.key for group in groups],
            [group.created for group in groups],
            [orjson.dumps(group.properties).decode() for group in groups],
        ],
    )
    return [row[0] for row in rows]


def last_inserter(project_id: int) -> str:
    """Who wrote this project's events last: the name of a process."""
    rows = _query("SELECT inserter FROM persons_identitystate WHERE project_id = %s", [project_id])
    return rows[0][0] if rows else ""


def set_inserter(project_id: int, name: str) -> None:
    """Note who is about to write this project's events."""
    _run(
        "INSERT INTO persons_identitystate (project_id, current, moved, loaded, inserter)"
        " VALUES (%s, 0, 0, 0, %s) ON CONFLICT (project_id) DO UPDATE SET inserter = excluded.inserter",
        [project_id, name],
    )


def _query(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _run(statement: str, parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
