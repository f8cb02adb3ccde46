"""Retention: eleven days, twelve weeks and twelve months; plain tables are answered from rollups."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.case import CHROME, Case

NAMES = "team_id = 1 AND event IN ('$pageview', 'viewed item')"
CHROME_ONLY = "p_browser = 'Chrome'"
LAST_DAY = "2024-02-20"
DAYS = f"{NAMES} AND ts >= '2024-02-10 00:00:00' AND ts < '2024-02-21 00:00:00'"
UP_TO = f"{NAMES} AND ts < '2024-02-21 00:00:00'"
WEEKS = f"{NAMES} AND ts >= '2024-01-07 00:00:00' AND ts < '2024-03-31 00:00:00'"
ALL = f"{NAMES} AND ts < '2024-04-01 00:00:00'"  # twelve months end with March, the data begin in January
COLUMNS = ("ts", "actor_no", "event")
WITH_BROWSER = (*COLUMNS, "p_browser")
FIRST_TIME = {"retentionType": "retention_first_time"}
WEEKLY = {"period": "Week", "totalIntervals": 12, "date_to": "2024-03-30"}
MONTHLY = {"period": "Month", "totalIntervals": 12, "date_to": "2024-03-30"}
DAILY = {"period": "Day", "totalIntervals": 90, "date_to": "2024-03-30"}
BY_COUNTRY = {"breakdownFilter": {"breakdown": "$geoip_country_code"}}
BY_PLAN = {"breakdownFilter": {"breakdown": "plan", "breakdown_type": "person"}}


def retention(
    options: dict[str, Any] | None = None, *, date_to: str = LAST_DAY, **fields: Any
) -> dict[str, Any]:
    filter_: dict[str, Any] = {
        "period": "Day",
        "totalIntervals": 11,
        "targetEntity": {"id": "$pageview", "type": "events"},
        "returningEntity": {"id": "viewed item", "type": "events"},
        **(options or {}),
    }
    end = filter_.pop("date_to", date_to)
    return {"kind": "RetentionQuery", "retentionFilter": filter_, "dateRange": {"date_to": end}, **fields}


def grouped(name: str, node: dict[str, Any], where: str, columns: tuple[str, ...] = COLUMNS) -> Case:
    return Case(f"retention {name}", node, columns, where, True)


def filtered(name: str, options: dict[str, Any], where: str) -> Case:
    node = retention(options, properties=CHROME)
    return grouped(f"{name}, filtered", node, f"{where} AND {CHROME_ONLY}", WITH_BROWSER)


CASES: tuple[Case, ...] = (
    grouped("recurring, 11 days (rollup)", retention(), DAYS),
    grouped("first time, 11 days (rollup)", retention(FIRST_TIME), UP_TO),
    grouped("recurring, 12 weeks (rollup)", retention(WEEKLY), WEEKS),
    grouped("recurring, 12 months (rollup)", retention(MONTHLY), ALL),
    filtered("recurring, 11 days", {}, DAYS),
    filtered("first time, 11 days", FIRST_TIME, UP_TO),
    filtered("recurring, 12 weeks", WEEKLY, WEEKS),
    filtered("first time, 12 weeks", WEEKLY | FIRST_TIME, ALL),
    filtered("recurring, 12 months", MONTHLY, ALL),
    filtered("first time, 12 months", MONTHLY | FIRST_TIME, ALL),
    filtered("recurring, 90 days", DAILY, ALL),
    grouped("11 days by country", retention(**BY_COUNTRY), DAYS, (*COLUMNS, "p_country")),
    grouped(
        "first time, 11 days by country", retention(FIRST_TIME, **BY_COUNTRY), UP_TO, (*COLUMNS, "p_country")
    ),
    grouped("11 days by plan of the person", retention(**BY_PLAN), DAYS),
)
