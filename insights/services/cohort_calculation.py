"""Who is in a cohort: worked out in the background, kept in the event store under a new version (B25-B33).

A calculation writes its members under a version nobody reads yet and then publishes the version in one
statement, so a query sees the old members or the new ones, never a mixture. Whatever happens, the cohort
stops saying that it is being calculated: the end, an error, or, after a crash, the periodic look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from django.db import connection
from django.db.models import F, Q

from insights.compute import reaching_the_store
from insights.context import all_rows, background_limits, definition_context, project_context
from insights.models import Cohort
from insights_service import clock
from insights_service.persons.event_store import event_store
from insights_service.persons.models import DistinctId, Person
from insights_service.persons.sync import prepare_for_query
from queries.actors.sources import with_actors
from queries.clickhouse.insert import Table, insert_rows
from queries.errors import AtCapacity, InvalidQuery, QueryError, StoreUnavailable
from queries.execute import QueryTag, limit_settings, run
from queries.parse import parse_query
from queries.plan import Plan, Result, statement
from queries.sql.cohort_tree import cohort_members
from queries.sql.cohorts import stored_members
from queries.sql.fragment import Sql, bind, sql
from queries.wrappers import source_of

log = structlog.get_logger(__name__)

# Windows of behaviours move on, so definitions are evaluated again after this time.
RECALCULATED_AFTER = timedelta(hours=1)
# A definition that failed this often is left alone until somebody changes it.
MOST_ERRORS = 20
MEMBERS = Table(
    "cohort_member",
    {"team_id": "UInt32", "cohort_id": "UInt32", "version": "UInt32", "person_no": "UInt32"},
)
_LOCK_NAMESPACE = 0xC0
_AT_ONCE = 10_000
T = TypeVar("T")
_FAILED = "The calculation failed on our side; it will be tried again."


def calculate_cohort(cohort_id: int) -> None:
    """Bring the members up to the definition as it is now; nothing when somebody else is at it.

    Never raises for what the definition or the event store does: that is written into the cohort.
    """
    with _alone(cohort_id) as is_alone:
        while is_alone and (cohort := _waiting(cohort_id)) is not None:
            _end(cohort, *_attempt(cohort))


def due_cohorts() -> list[int]:
    """Cohorts to calculate: those that say they are being calculated, and definitions grown old."""
    old = Q(last_calculation=None) | Q(last_calculation__lt=clock.now() - RECALCULATED_AFTER)
    due = Q(is_calculating=True) | (Q(is_static=False, errors_calculating__lt=MOST_ERRORS) & old)
    return list(Cohort.objects.filter(due, deleted=False).order_by("id").values_list("pk", flat=True))


def mark_due(cohort_id: int) -> None:
    """Say that the cohort is about to be calculated."""
    Cohort.objects.filter(pk=cohort_id, deleted=False).update(is_calculating=True)


# --- one attempt ----------------------------------------------------------------------------------------


def _waiting(cohort_id: int) -> Cohort | None:
    """The cohort if it asks to be calculated; anew after each attempt, as it may have changed meanwhile."""
    return (
        Cohort.objects.select_related("project")
        .filter(pk=cohort_id, deleted=False, is_calculating=True)
        .first()
    )


def _attempt(cohort: Cohort) -> tuple[Mapping[str, Any], str | None]:
    """What to write into the cohort, and what went wrong."""
    try:
        version, count = _calculated(cohort)
    except (StoreUnavailable, AtCapacity) as error:  # not the definition's fault: does not count
        return {}, error.detail
    except QueryError as error:
        return {"errors_calculating": F("errors_calculating") + 1}, error.detail
    except Exception:
        log.exception("cohort_calculation_failed", project=cohort.project_id, cohort=cohort.pk)
        return {"errors_calculating": F("errors_calculating") + 1}, _FAILED
    return {
        "version": version,
        "count": count,
        "last_calculation": clock.now(),
        "errors_calculating": 0,
    }, None


def _end(cohort: Cohort, found: Mapping[str, Any], error: str | None) -> None:
    """Publish; the cohort goes on being calculated only if it was redefined meanwhile."""
    mine = Cohort.objects.filter(pk=cohort.pk)
    mine.update(**found, last_error=error or "")
    mine.filter(revision=cohort.revision).update(is_calculating=False)
    if error is None:
        log.info("cohort", project=cohort.project_id, cohort=cohort.pk, count=found["count"])
        _forget_older(cohort)


def _calculated(cohort: Cohort) -> tuple[int, int]:
    """Write the members under a new version; the version and how many persons they are."""
    with reaching_the_store(definition_context(cohort.project).limits):
        has_overrides = prepare_for_query(cohort.project_id).has_overrides
        version = _next_version(cohort)
    write = _write_static if cohort.is_static else _write_dynamic
    write(cohort, version, has_overrides)
    ctx = replace(definition_context(cohort.project), has_overrides=has_overrides)
    members = stored_members(cohort.pk, version, ctx)
    with reaching_the_store(ctx.limits):
        return version, int(_asked(sql("SELECT uniqExact(person) FROM ({m})", m=members)))


def _next_version(cohort: Cohort) -> int:
    """Higher than any that was ever written, also by a calculation that was cut off."""
    latest = sql(
        "SELECT max(version) FROM cohort_member WHERE team_id = {project} AND cohort_id = {cohort}",
        project=bind(cohort.project_id, "UInt32"),
        cohort=bind(cohort.pk, "UInt32"),
    )
    return max(int(_asked(latest)), cohort.version or 0) + 1


def _asked(fragment: Sql) -> Any:
    rendered = fragment.render()
    return event_store().query(rendered.text, parameters=dict(rendered.params)).result_rows[0][0]


def _write_dynamic(cohort: Cohort, version: int, has_overrides: bool) -> None:
    """The definition, evaluated and written by the event store itself."""
    ctx = replace(definition_context(cohort.project), has_overrides=has_overrides)
    rows = sql(
        "INSERT INTO cohort_member (team_id, cohort_id, version, person_no)"
        " SELECT {project}, {cohort}, {version}, person_no FROM ({members})",
        project=bind(cohort.project_id, "UInt32"),
        cohort=bind(cohort.pk, "UInt32"),
        version=bind(version, "UInt32"),
        members=cohort_members(cohort.filters, ctx),
    ).render()
    with reaching_the_store(ctx.limits):
        event_store().command(
            rows.text, parameters=dict(rows.params), settings=dict(limit_settings(ctx.limits))
        )


def _forget_older(cohort: Cohort) -> None:
    """Drop members that no query reads any more; the version before this one may still be read."""
    with reaching_the_store(definition_context(cohort.project).limits):
        event_store().command(
            "DELETE FROM cohort_member WHERE team_id = {project:UInt32} AND cohort_id = {cohort:UInt32}"
            " AND version < {kept:UInt32}",
            parameters={"project": cohort.project_id, "cohort": cohort.pk, "kept": cohort.version or 0},
        )


# --- static cohorts -------------------------------------------------------------------------------------


def _write_static(cohort: Cohort, version: int, has_overrides: bool) -> None:
    """Those who were listed, and those behind a point of an insight."""
    numbers = set(_listed(cohort))
    if cohort.query:
        numbers.update(_behind(cohort, has_overrides))
    for chunk in _chunks(sorted(numbers)):
        with reaching_the_store(definition_context(cohort.project).limits):
            insert_rows(
                event_store(),
                MEMBERS,
                [(cohort.project_id, cohort.pk, version, person_no) for person_no in chunk],
            )


def _listed(cohort: Cohort) -> Iterator[int]:
    """Numbers of the persons that were listed by distinct id, e-mail or uuid; others are left out."""
    for names in _chunks(cohort.static_source):
        for find in (_by_distinct_id, _by_email, _by_uuid):
            yield from find(cohort.project_id, names)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _by_distinct_id(project_id: int, names: Sequence[str]) -> Iterable[int]:
    found = DistinctId.objects.filter(project_id=project_id, distinct_id__in=names)
    return found.values_list("person_no", flat=True)


def _by_email(project_id: int, names: Sequence[str]) -> Iterable[int]:
    emails = [name for name in names if "@" in name]
    found = Person.objects.filter(project_id=project_id, properties__email__in=emails)
    return found.values_list("person_no", flat=True)


def _by_uuid(project_id: int, names: Sequence[str]) -> Iterable[int]:
    uuids = [name for name in names if len(name) == 36 and name.count("-") == 4]
    with connection.cursor() as cursor:  # as text: what only looks like a uuid is no error
        cursor.execute(
            "SELECT person_no FROM persons_person WHERE project_id = %s AND uuid::text = ANY(%s)",
            [project_id, [uuid.lower() for uuid in uuids]],
        )
        return [row[0] for row in cursor.fetchall()]


def _behind(cohort: Cohort, has_overrides: bool) -> Iterable[int]:
    """The persons behind a point of an insight, as the query saved with the cohort says."""
    node: Any = source_of(parse_query(cohort.query))
    ctx = project_context(cohort.project, [node], limits=all_rows(background_limits(cohort.project)))
    source = getattr(node, "source", None) if node.kind == "ActorsQuery" else node
    if source is None:
        raise InvalidQuery("The query names no persons.", attr="query")
    plan = with_actors(source, replace(ctx, has_overrides=has_overrides), _numbers_of)
    tag = QueryTag(cohort.project_id, "Cohort", f"cohort-{cohort.pk}")
    numbers: Iterable[int] = run(plan, client=event_store(), tag=tag, limits=ctx.limits).result.results
    return numbers


def _numbers_of(actors: Any) -> Plan:
    if actors.kind == "group":
        raise InvalidQuery("A cohort holds persons, not groups.", attr="query")
    rows = sql("SELECT actor FROM ({rows})", rows=actors.rows)
    return Plan((statement(rows),), lambda found: Result([int(row[0]) for row in found[0].rows]))


# --- one at a time --------------------------------------------------------------------------------------


@contextmanager
def _alone(cohort_id: int) -> Iterator[bool]:
    """Whether this thread is the only one calculating the cohort; PostgreSQL frees it if the thread dies."""
    is_alone = bool(_lock("pg_try_advisory_lock", cohort_id))
    try:
        yield is_alone
    finally:
        if is_alone:
            _lock("pg_advisory_unlock", cohort_id)


def _lock(function: str, cohort_id: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_LOCK_NAMESPACE, cohort_id])
        return cursor.fetchone()[0]
