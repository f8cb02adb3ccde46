"""Making and changing saved sets of persons; who is in one is worked out later (api W15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from insights.cohort_groups import tree_of_groups
from insights.models import Cohort
from insights.services.activity import record_created, record_updated, snapshot
from insights.services.refusals import gone
from insights_service import clock
from insights_service.accounts.models import Project, User
from insights_service.celery import app
from queries.cohort_definition import cohorts_named, validate_cohort
from queries.errors import InvalidQuery, QueryError, join_path

Changes = Mapping[str, Any]
COLUMNS = ("name", "description", "groups", "filters", "query", "static_source", "deleted")
DEFINING = frozenset({"groups", "filters", "query", "static_source"})
# By name: the task stands above this module. It takes the id of the cohort.
CALCULATION = "insights.tasks.calculate_cohort"


@transaction.atomic
def cohort_create(*, project: Project, changes: Changes, actor: User) -> Cohort:
    """A new cohort, with its calculation on the way once the transaction has committed."""
    now = clock.now()
    cohort = Cohort(project=project, created_by=actor, created_at=now, updated_at=now)
    cohort.is_static = bool(changes.get("is_static"))
    _assign(cohort, changes)
    _require_sound(cohort)
    cohort.is_calculating = not cohort.deleted
    cohort.save(force_insert=True)
    record_created(cohort, actor=actor)
    _recalculate(cohort)
    return cohort


@transaction.atomic
def cohort_update(*, cohort: Cohort, changes: Changes, actor: User) -> Cohort:
    """The given keys changed; a changed definition is calculated anew.

    Whether a cohort is a list or a definition is decided when it is made.
    """
    locked = Cohort.objects.select_for_update(no_key=True).filter(pk=cohort.pk).first()
    if locked is None or (locked.deleted and changes.get("deleted") is not False):
        raise gone()
    before = snapshot(locked)
    _assign(locked, changes)
    _require_sound(locked)
    is_redefined = bool(DEFINING & changes.keys()) or (before["deleted"] and not locked.deleted)
    locked.updated_at = clock.now()
    locked.revision += int(is_redefined)
    locked.is_calculating = locked.is_calculating or is_redefined
    locked.save(update_fields=[*COLUMNS, "updated_at", "revision", "is_calculating"])
    record_updated(locked, actor=actor, before=before, after=snapshot(locked))
    if is_redefined:
        _recalculate(locked)
    return locked


def _assign(cohort: Cohort, changes: Changes) -> None:
    for column in COLUMNS:
        if column in changes:
            setattr(cohort, column, changes[column])
    if changes.get("groups") and not changes.get("filters"):
        cohort.filters = tree_of_groups(changes["groups"])


def _require_sound(cohort: Cohort) -> None:
    """QueryError at `filters__...` for a definition that means nothing, names a cohort that does not
    exist, or is built on itself (semantics B26, B27).

    All cohorts of the project are held meanwhile, so that two writers cannot close a circle.
    """
    if cohort.is_static or not cohort.filters:
        return
    others = Cohort.objects.select_for_update(no_key=True).filter(project=cohort.project_id, deleted=False)
    definitions = {each.pk: each.filters or {} for each in others.order_by("pk")}
    try:
        tree = validate_cohort(cohort.filters, cohort.pk, definitions)
        _require_known(set(cohorts_named(tree)) - definitions.keys())
    except QueryError as error:
        raise error.spelled(lambda path: join_path(("filters", *path))) from error


def _require_known(unknown: set[int]) -> None:
    for pk in sorted(unknown):
        detail = f'Invalid pk "{pk}" - object does not exist.'
        raise InvalidQuery(detail, code="does_not_exist", attr="properties")


def _recalculate(cohort: Cohort) -> None:
    """Have the members worked out, once this transaction has committed.

    Robust: the cohort is saved; if the queue is down now, the periodic look finds it.
    """
    if not cohort.deleted:
        transaction.on_commit(lambda: app.send_task(CALCULATION, args=[cohort.pk]), robust=True)
