"""Cohorts in the background: after each change of one, and every now and then all that have grown old."""

from __future__ import annotations

from insights.services.cohort_calculation import calculate_cohort, due_cohorts, mark_due
from insights.services.cohorts import CALCULATION
from insights_service.celery import app

LOOK_SECONDS = 60


@app.task(name=CALCULATION)  # type: ignore[untyped-decorator]
def calculate(cohort_id: int) -> None:
    """Calculate one cohort; running it twice, or for a cohort that is done, does nothing."""
    calculate_cohort(cohort_id)


@app.task(name="insights.recalculate_cohorts", ignore_result=True, expires=LOOK_SECONDS)  # type: ignore[untyped-decorator]
def recalculate() -> None:
    """Send every cohort that is due on its way, those of a worker that died among them."""
    for cohort_id in due_cohorts():
        mark_due(cohort_id)
        calculate.delay(cohort_id)


app.conf.beat_schedule["insights.recalculate_cohorts"] = {
    "task": "insights.recalculate_cohorts",
    "schedule": LOOK_SECONDS,
}
