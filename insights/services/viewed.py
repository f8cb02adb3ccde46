"""Counting views; nothing else counts as one (api Q18-Q20)."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from insights.models import Insight, InsightViewed
from insights_service import clock
from insights_service.accounts.models import Project, User


@transaction.atomic
def mark_viewed(*, project: Project, insight_ids: Collection[int], user: User) -> None:
    """The user looked at these insights now; foreign and deleted ones are skipped silently (api Q19)."""
    now = clock.now()
    # Locked in one order, so that two bulk requests cannot wait for each other.
    known = Insight.objects.filter(project=project, deleted=False, pk__in=insight_ids).order_by("pk")
    pks = list(known.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    InsightViewed.objects.bulk_create(
        [InsightViewed(project=project, insight_id=pk, user=user, last_viewed_at=now) for pk in pks],
        update_conflicts=True,
        unique_fields=["insight", "user"],
        update_fields=["last_viewed_at"],
    )
    Insight.objects.filter(pk__in=pks).update(last_viewed_at=now)


@transaction.atomic
def mark_viewed_by_guest(insights: Collection[Insight]) -> None:
    """Somebody looked through a public link: it counts for the insights, for no user (api Q8)."""
    rows = Insight.objects.filter(pk__in=[insight.pk for insight in insights]).order_by("pk")
    pks = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
    Insight.objects.filter(pk__in=pks).update(last_viewed_at=clock.now())
