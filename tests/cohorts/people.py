"""Cohorts as a test sees them: make one over HTTP, calculate it, ask who is in."""

from __future__ import annotations

from typing import Any

from insights.models import Cohort
from insights.services.cohort_calculation import calculate_cohort
from insights_service import clock
from tests.api_client import Api


def tree(*values: Any, word: str = "AND") -> dict[str, Any]:
    return {"properties": {"type": word, "values": list(values)}}


def did(event: str = "A", days: int = 7, **more: Any) -> dict[str, Any]:
    """Performed the event within so many days."""
    return {
        "type": "behavioral",
        "key": event,
        "event_type": "events",
        "value": "performed_event",
        "time_value": days,
        "time_interval": "day",
        **more,
    }


def times(event: str, operator: str, count: int, days: int = 7, **more: Any) -> dict[str, Any]:
    return did(event, days, value="performed_event_multiple", operator=operator, operator_value=count, **more)


def person(key: str, value: Any = None, operator: str = "exact", **more: Any) -> dict[str, Any]:
    return {"type": "person", "key": key, "value": value, "operator": operator, **more}


def member_of(cohort_id: int, **more: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": cohort_id, **more}


def make(api: Api, **fields: Any) -> int:
    answer = api.post("cohorts/", fields)
    assert answer.status == 201, answer.body
    return int(answer.body["id"])


def calculate(api: Api, cohort_id: int) -> dict[str, Any]:
    """The cohort as the API shows it after its calculation."""
    Cohort.objects.filter(pk=cohort_id).update(is_calculating=True)
    with clock.frozen(api.now):
        calculate_cohort(cohort_id)
    shown: dict[str, Any] = api.get(f"cohorts/{cohort_id}/").body
    return shown


def counted(api: Api, cohort_id: int) -> list[str]:
    """Distinct ids of those who insights see as members."""
    leaf = {"key": "id", "type": "cohort", "value": cohort_id}
    split = {"breakdown": "distinct_id", "breakdown_type": "hogql"}
    found = api.trend(None, properties=[leaf], date_from="2023-01-01", interval="month", **split)
    return sorted(str(series["breakdown_value"]) for series in found if series["count"])
