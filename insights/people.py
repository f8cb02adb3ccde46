"""Reading persons: pages of a list that is searched or filtered, and the values their properties have.

PostgreSQL holds the persons, and gives the plain list; what has to look into properties is asked of the
event store's copy, which scans a column of them in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from insights.compute import reaching_the_store
from insights.context import definition_context, limits_of
from insights_service import clock, throttling
from insights_service.accounts.models import Project
from insights_service.persons.event_store import event_store
from insights_service.persons.models import DistinctId, Person
from insights_service.persons.sync import prepare_for_query
from queries.actors.shape import display_name
from queries.context import ProjectContext
from queries.execute import QueryTag, execute
from queries.plan import statement
from queries.properties import PropertyGroup
from queries.sql.actors import person_number
from queries.sql.events import Span, event_names, project_condition, scan
from queries.sql.filters import person_members
from queries.sql.fragment import Sql, all_of, any_of, bind, number, sql
from queries.sql.operators import text_of
from queries.sql.stored import stored_event_property, stored_property

VALUES_LOOKED_BACK = timedelta(days=30)
MOST_VALUES = 100
SEARCHED_PROPERTIES = ("email", "name")


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """What a list of persons is narrowed by; all of it has to hold."""

    search: str | None = None
    email: str | None = None
    distinct_id: str | None = None
    properties: PropertyGroup | None = None
    members_of: Sql | None = None  # SELECT of person numbers

    @property
    def is_plain(self) -> bool:
        return not (self.search or self.email or self.properties or self.members_of)


def persons_found(project: Project, wanted: PersonFilter, *, first: int, count: int) -> list[Person]:
    """At most `count` persons from position `first` on: the newest first, then by number."""
    if wanted.is_plain:
        persons = Person.objects.filter(project=project).order_by("-created_at", "person_no")
        if wanted.distinct_id is not None:
            owners = DistinctId.objects.filter(project=project, distinct_id=wanted.distinct_id)
            persons = persons.filter(person_no__in=owners.values("person_no"))
        return list(persons[first : first + count])
    rows = _asked(project, _matching(project, wanted, first, count), "Persons")
    places = {row[0]: place for place, row in enumerate(rows)}
    found = Person.objects.filter(project=project, person_no__in=places)
    return sorted(found, key=lambda person: places[person.person_no])


def person_json(project: Project, persons: Sequence[Person]) -> list[dict[str, Any]]:
    """Persons as the API shows them (api W17); one statement for all their distinct ids."""
    ids: dict[int, list[str]] = {person.person_no: [] for person in persons}
    rows = DistinctId.objects.filter(project=project, person_no__in=ids).order_by("actor_no")
    for person_no, distinct_id in rows.values_list("person_no", "distinct_id"):
        ids[person_no].append(distinct_id)
    names = _context(project)
    return [
        {
            "id": person.person_no,
            "name": display_name(names, person.properties, ids[person.person_no]),
            "distinct_ids": ids[person.person_no],
            "properties": person.properties,
            "created_at": person.created_at,
            "uuid": str(person.uuid),
        }
        for person in persons
    ]


def _context(project: Project) -> ProjectContext:
    """What can be said of a project without asking the database anything."""
    return ProjectContext(
        project_id=project.pk,
        now=clock.now(),
        timezone=project.timezone,
        display_name_properties=tuple(project.person_display_name_properties or ()),
        limits=limits_of(project, throttling.credential()),
    )


def _matching(project: Project, wanted: PersonFilter, first: int, count: int) -> Sql:
    # Only property filters need to know more than whose persons they are.
    ctx = _context(project)
    if wanted.properties:
        ctx = replace(definition_context(project), limits=ctx.limits)
    conditions = [project_condition(ctx), sql("is_deleted = 0")]
    if wanted.properties is not None:
        conditions.append(person_members(wanted.properties, ctx))
    if wanted.email:
        conditions.append(sql("props['email'] = {email}", email=bind(wanted.email)))
    if wanted.search:
        conditions.append(_searched(wanted.search, ctx))
    if wanted.distinct_id is not None:
        same = sql("distinct_id = {id}", id=bind(wanted.distinct_id))
        conditions.append(sql("person_no IN ({owners})", owners=_owners(same, ctx)))
    if wanted.members_of is not None:
        conditions.append(sql("person_no IN ({members})", members=wanted.members_of))
    return sql(
        "SELECT person_no FROM person FINAL WHERE {conditions} ORDER BY created_at DESC, person_no"
        " LIMIT {count} OFFSET {first}",
        conditions=all_of(conditions),
        count=number(count),
        first=number(first),
    )


def _searched(text: str, ctx: ProjectContext) -> Sql:
    """E-mail, name, id or any distinct id contains the text, in either case."""
    part = bind(text)
    own = [
        sql("positionCaseInsensitiveUTF8(props[{key}], {part}) > 0", key=bind(key), part=part)
        for key in SEARCHED_PROPERTIES
    ]
    contained = sql("positionCaseInsensitiveUTF8(distinct_id, {part}) > 0", part=part)
    is_id = sql("toString(uuid) = lower({part})", part=part)
    owners = sql("person_no IN ({owners})", owners=_owners(contained, ctx))
    return any_of([*own, is_id, owners])


def _owners(condition: Sql, ctx: ProjectContext) -> Sql:
    return sql(
        "SELECT {person} FROM actor FINAL WHERE {project} AND {condition}",
        person=person_number(ctx),
        project=project_condition(ctx),
        condition=condition,
    )


# --- values of properties -------------------------------------------------------------------------------


def event_values(project: Project, key: str, *, part: str = "", events: Sequence[str] = ()) -> list[str]:
    """The commonest values of an event property in the last days, those that contain `part`."""
    ctx = _context(project)
    stored = stored_event_property(key, ctx)
    rows = scan(
        ctx,
        [sql("{value} AS value", value=text_of(stored)), sql("count() AS times")],
        span=Span(clock.now() - VALUES_LOOKED_BACK),
        where=all_of([event_names(list(events) or None), _containing(stored, part)]),
        tail=_most_common(),
    )
    return [row[0] for row in _asked(project, rows, "EventValues")]


def person_values(project: Project, key: str, *, part: str = "") -> list[str]:
    """The commonest current values of a property of persons, those that contain `part`."""
    ctx = _context(project)
    stored = stored_property(key)
    rows = sql(
        "SELECT {value} AS value, count() AS times FROM person FINAL WHERE {conditions} {tail}",
        value=text_of(stored),
        conditions=all_of([project_condition(ctx), sql("is_deleted = 0"), _containing(stored, part)]),
        tail=_most_common(),
    )
    return [row[0] for row in _asked(project, rows, "PersonValues")]


def _containing(stored: Sql, part: str) -> Sql:
    is_set = sql("{stored} != ''", stored=stored)
    if not part:
        return is_set
    return all_of(
        [is_set, sql("positionCaseInsensitiveUTF8({stored}, {part}) > 0", stored=stored, part=bind(part))]
    )


def _most_common() -> Sql:
    return sql("GROUP BY value ORDER BY times DESC, value LIMIT {most}", most=number(MOST_VALUES))


def _asked(project: Project, rows: Sql, kind: str) -> Sequence[tuple[Any, ...]]:
    """Rows of the event store's copy, which is first brought up to date."""
    ctx = _context(project)
    with reaching_the_store(ctx.limits):
        prepare_for_query(project.pk)
        client = event_store()
    tag = QueryTag(project.pk, kind, kind.lower())
    return execute(statement(rows), client=client, tag=tag, limits=ctx.limits).rows
