"""Making and changing event matchers (api W14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from insights.models import Action
from insights.services.activity import record_created, record_updated, snapshot
from insights.services.refusals import gone
from insights_service import clock
from insights_service.accounts.models import Project, User
from insights_service.errors import InvalidInput

Changes = Mapping[str, Any]
COLUMNS = ("name", "description", "tags", "steps", "post_to_slack", "deleted", "pinned_at")


@transaction.atomic
def action_create(*, project: Project, changes: Changes, actor: User) -> Action:
    """A new action. InvalidInput `unique` for a name that another one has."""
    action = Action(project=project, created_by=actor, created_at=clock.now(), updated_at=clock.now())
    _assign(action, changes)
    action.save(force_insert=True)
    record_created(action, actor=actor)
    return action


@transaction.atomic
def action_update(*, action: Action, changes: Changes, actor: User) -> Action:
    """The given keys changed. A change of the steps makes cached answers lapse (api R9)."""
    locked = Action.objects.select_for_update(no_key=True).filter(pk=action.pk).first()
    if locked is None or (locked.deleted and changes.get("deleted") is not False):
        raise gone()
    before = snapshot(locked)
    _assign(locked, changes)
    locked.updated_at = clock.now()
    if (before["steps"], before["deleted"], before["name"]) != (locked.steps, locked.deleted, locked.name):
        locked.version += 1
    locked.save(update_fields=[*COLUMNS, "updated_at", "version"])
    record_updated(locked, actor=actor, before=before, after=snapshot(locked))
    return locked


def _assign(action: Action, changes: Changes) -> None:
    for column in COLUMNS:
        if column in changes:
            setattr(action, column, changes[column])
    if action.name and not action.deleted:
        _require_free(action)


def _require_free(action: Action) -> None:
    others = Action.objects.filter(project=action.project_id, name=action.name, deleted=False)
    if others.exclude(pk=action.pk).exists():
        detail = f'This project already has an action named "{action.name}".'
        raise InvalidInput(detail, code="unique", attr="name")
