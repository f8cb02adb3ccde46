"""What clients measured (api Q22): a log line and a metric, nothing that could fill a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import structlog
from prometheus_client import Histogram

from insights_service.accounts.models import Project, User
from insights_service.errors import InvalidInput
from insights_service.renderers import to_json

log = structlog.get_logger(__name__)
MAX_BYTES = 64 * 1024
NUMBERS = ("time_to_see_data_ms", "insights_fetched", "insights_fetched_cached")
TEXTS = ("query_id", "primary_interaction_id", "type", "context", "min_last_refresh", "max_last_refresh")
MAX_TEXT = 200  # of a text that goes to the log

time_to_see_data = Histogram(
    "insights_time_to_see_data_seconds",
    "How long people waited for what they asked for, as their browsers measured it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def note_timing(project: Project, user: User, timing: Mapping[str, Any]) -> None:
    """Log the known facts and count the waiting time. InvalidInput over 64 KB; unknown keys are no error."""
    if len(to_json(timing)) > MAX_BYTES:
        raise InvalidInput("A timing has at most 64 KB.")
    numbers = {name: timing[name] for name in NUMBERS if _is_number(timing.get(name))}
    texts = {name: timing[name][:MAX_TEXT] for name in TEXTS if isinstance(timing.get(name), str)}
    waited_ms = numbers.get("time_to_see_data_ms")
    if waited_ms is not None and waited_ms >= 0:
        time_to_see_data.observe(waited_ms / 1000)
    log.info("client_timing", project_id=project.pk, user_id=user.pk, **numbers, **texts)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
