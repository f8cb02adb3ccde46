"""Creating once although the request comes twice (header `Idempotency-Key`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from insights.models import IdempotentCreation, Insight
from insights_service import clock
from insights_service.accounts.models import Project, User
from insights_service.errors import Conflict

LIFETIME = timedelta(hours=24)
MAX_KEY_LENGTH = 255
SWEEP = 100  # keys forgotten at a time
REUSED = "This Idempotency-Key was used for another request; take a new key for a new insight."


@transaction.atomic
def create_once(
    *, project: Project, user: User, key: str, body: Mapping[str, Any], create: Callable[[], Insight]
) -> tuple[Insight, bool]:
    """The insight of this key, and whether it was there before.

    A repetition while the first request is still writing waits for it, since the row of the key is
    unique. Conflict when the body differs from the first. Keys are forgotten after a day.
    """
    now, body_hash = clock.now(), _hash(body)
    _forget_old(now - LIFETIME)
    rows = IdempotentCreation.objects.filter(project=project, user=user, key=key)
    IdempotentCreation.objects.bulk_create(
        [IdempotentCreation(project=project, user=user, key=key, body_hash=body_hash, created_at=now)],
        ignore_conflicts=True,
    )
    row = rows.select_for_update(of=("self",)).select_related("insight").get()
    if row.body_hash != body_hash:
        raise Conflict(REUSED)
    if row.insight is not None:
        return row.insight, True
    row.insight = create()
    row.save(update_fields=["insight"])
    return row.insight, False


def _hash(body: Mapping[str, Any]) -> str:
    """The same for bodies that differ only in the order of their keys."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def _forget_old(before: datetime) -> None:
    """Remove some keys whose day is over, leaving those that another request holds."""
    old = IdempotentCreation.objects.filter(created_at__lt=before).order_by("created_at")
    pks = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SWEEP])
    IdempotentCreation.objects.filter(pk__in=pks).delete()
