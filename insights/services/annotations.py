"""Making and changing remarks at a date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from insights.models import Annotation, AnnotationScope, Dashboard, Insight
from insights.services.refusals import gone, required, unknown_reference
from insights_service import clock
from insights_service.accounts.models import Project, User

Changes = Mapping[str, Any]
COLUMNS = ("content", "date_marker", "scope", "deleted")
# What a scope is about: the key of the body, and where it points to.
SUBJECTS: Mapping[str, tuple[str, type[Insight] | type[Dashboard]]] = {
    "insight_id": ("dashboard_item", Insight),
    "dashboard_id": ("dashboard_id", Dashboard),
}
NEEDED = {AnnotationScope.INSIGHT: "insight_id", AnnotationScope.DASHBOARD: "dashboard_id"}


@transaction.atomic
def annotation_create(*, project: Project, changes: Changes, actor: User) -> Annotation:
    """A new remark. InvalidInput for an insight or dashboard that is not in the project, or is missing
    where the scope is about one."""
    now = clock.now()
    annotation = Annotation(
        project=project, created_by=actor, created_at=now, updated_at=now, date_marker=now
    )
    _assign(annotation, changes)
    annotation.save(force_insert=True)
    return annotation


@transaction.atomic
def annotation_update(*, annotation: Annotation, changes: Changes) -> Annotation:
    """The given keys changed; NotFound for a deleted remark that is not being restored."""
    locked = Annotation.objects.select_for_update(no_key=True).filter(pk=annotation.pk).first()
    if locked is None or (locked.deleted and changes.get("deleted") is not False):
        raise gone()
    _assign(locked, changes)
    locked.updated_at = clock.now()
    locked.save(update_fields=[*COLUMNS, *SUBJECTS, "updated_at"])
    return locked


def _assign(annotation: Annotation, changes: Changes) -> None:
    for column in COLUMNS:
        if column in changes:
            setattr(annotation, column, changes[column])
    for column, (key, model) in SUBJECTS.items():
        if key in changes:
            _require_known(model, annotation.project_id, changes[key], key)
            setattr(annotation, column, changes[key])
    needed = NEEDED.get(AnnotationScope(annotation.scope))
    if needed and getattr(annotation, needed) is None:
        raise required(SUBJECTS[needed][0])


def _require_known(model: type[Insight] | type[Dashboard], project_id: int, pk: int | None, key: str) -> None:
    if pk is not None and not model.objects.filter(project=project_id, pk=pk, deleted=False).exists():
        raise unknown_reference(pk, key)
