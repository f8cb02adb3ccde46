"""What senders of events should know, kept per project and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from django.db import connection

from insights_service.persons.values import Notice

# Of each project; the oldest make room.
MAX_WARNINGS = 1000
_MAX_TEXT = 400


def record(project_id: int, notices: Sequence[Notice], at: datetime) -> None:
    """Count the notices by kind and subject, remember the details of the newest, drop the oldest rows."""
    counted: dict[tuple[str, str], tuple[int, Notice]] = {}
    for notice in notices:
        key = notice.kind, notice.subject[:_MAX_TEXT]
        counted[key] = counted.get(key, (0, notice))[0] + 1, notice
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO persons_ingestionwarning"
            " (project_id, kind, subject, details, count, first_seen_at, last_seen_at)"
            " SELECT %(project)s, w.kind, w.subject, w.details::jsonb, w.count, %(at)s, %(at)s"
            " FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(details)s::text[], %(counts)s::bigint[])"
            " AS w (kind, subject, details, count)"
            " ON CONFLICT (project_id, kind, subject) DO UPDATE SET details = excluded.details,"
            " count = persons_ingestionwarning.count + excluded.count, last_seen_at = excluded.last_seen_at",
            {
                "project": project_id,
                "at": at,
                "kinds": [kind for kind, _ in counted],
                "subjects": [subject for _, subject in counted],
                "details": [orjson.dumps(notice.details).decode() for _, notice in counted.values()],
                "counts": [count for count, _ in counted.values()],
            },
        )
        cursor.execute(
            "DELETE FROM persons_ingestionwarning WHERE id IN (SELECT id FROM persons_ingestionwarning"
            " WHERE project_id = %s ORDER BY last_seen_at DESC, id DESC OFFSET %s)",
            [project_id, MAX_WARNINGS],
        )
