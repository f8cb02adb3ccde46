"""Retention by the numbered rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

# u1 on days 0, 1, 3; u2 on days 1, 2 (semantics H9); day 0 is 2024-01-10, the last of four is the 13th
PEOPLE = ("u1: A@2024-01-10 A@2024-01-11 A@2024-01-13", "u2: A@2024-01-11 A@2024-01-12")


def retention(api: Api, **options: Any) -> list[dict[str, Any]]:
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    entity = {"id": "A", "type": "events"}
    node = {
        "kind": "RetentionQuery",
        "retentionFilter": {
            "period": "Day",
            "totalIntervals": 4,
            "targetEntity": entity,
            "returningEntity": entity,
            **options,
        },
    }
    return api.query(node).result


def counts(rows: list[dict[str, Any]]) -> list[list[int]]:
    return [[value["count"] for value in row["values"]] for row in rows]


TABLES = [
    pytest.param({}, [[1, 1, 0, 1], [2, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="recurring"),  # H4, H9
    pytest.param(
        {"retentionType": "retention_first_time"},
        [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        id="first time",
    ),  # H5
    pytest.param(
        {"cumulative": True}, [[1, 1, 1, 1], [2, 2, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="on or after"
    ),  # H16
    pytest.param(
        {"minimumOccurrences": 2}, [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="twice"
    ),
    pytest.param(
        {"retentionCustomBrackets": [1, 2]}, [[1, 1, 1], [2, 1, 1], [1, 0, 0], [1, 0, 0]], id="brackets"
    ),  # H18
]


@pytest.mark.parametrize(("options", "expected"), TABLES)
def test_table(api: Api, options: dict[str, Any], expected: list[list[int]]) -> None:
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    rows = retention(api, **options)
    assert counts(rows) == expected
    assert [row["date"][:10] for row in rows] == ["2024-01-10", "2024-01-11", "2024-01-12", "2024-01-13"]


def test_the_older_endpoint_is_triangular(api: Api) -> None:  # semantics H10
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    entity = {"id": "A", "type": "events"}
    rows = api.calculate(
        "retention", period="Day", total_intervals=4, target_entity=entity, returning_entity=entity
    ).result
    assert counts(rows) == [[1, 1, 0, 1], [2, 1, 1], [1, 0], [1]]
    assert [row["label"] for row in rows] == ["Day 0", "Day 1", "Day 2", "Day 3"]


def test_who_never_did_the_target_makes_no_cohort(api: Api) -> None:  # semantics H12
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys("u1: A@2024-01-10 B@2024-01-11", "u2: B@2024-01-10")
    rows = retention(api, returningEntity={"id": "B", "type": "events"})
    assert counts(rows)[0] == [1, 1, 0, 0]


def test_first_time_looks_before_the_table(api: Api) -> None:  # semantics H5
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys("u1: A@2023-12-01 A@2024-01-10")
    assert counts(retention(api, retentionType="retention_first_time"))[0] == [0, 0, 0, 0]


WEEKS = [
    pytest.param(0, ["2024-04-28", "2024-05-05", "2024-05-12"], [0, 1, 0], id="weeks start on Sunday"),  # H23
    pytest.param(1, ["2024-04-29", "2024-05-06", "2024-05-13"], [0, 1, 0], id="or on Monday"),
]


@pytest.mark.parametrize(("week_start", "dates", "sizes"), WEEKS)
def test_weeks(api: Api, week_start: int, dates: list[str], sizes: list[int]) -> None:
    api.settings(week_start_day=week_start)
    api.now = datetime(2024, 5, 15, 12, tzinfo=UTC)
    api.journeys("u1: A@2024-05-11T23:59")
    entity = {"id": "A", "type": "events"}
    options = {"period": "Week", "totalIntervals": 3, "targetEntity": entity, "returningEntity": entity}
    rows = api.query({"kind": "RetentionQuery", "retentionFilter": options}).result
    assert [row["date"][:10] for row in rows] == dates
    assert [row["values"][0]["count"] for row in rows] == sizes


def test_people_of_a_row_are_as_many_as_it_says(api: Api) -> None:  # semantics H22
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    entity = {"id": "A", "type": "events"}
    source = {
        "kind": "RetentionQuery",
        "retentionFilter": {"totalIntervals": 4, "targetEntity": entity, "returningEntity": entity},
    }
    node = {
        "kind": "ActorsQuery",
        "select": ["actor", "appearances"],
        "source": {"kind": "InsightActorsQuery", "source": source, "interval": 1},
    }
    rows = api.query(node).result
    # as many appearances each, so the later actor comes first
    assert [(row[0]["distinct_ids"], row[1]) for row in rows] == [(["u2"], [1, 1, 0]), (["u1"], [1, 0, 1])]


# --- cohorts, breakdowns -----------------------------------------------------------------------------

JANUARY_13 = datetime(2024, 1, 13, 18, tzinfo=UTC)
TEAMS = (
    'u1: A@2024-01-10{p:"x"} A@2024-01-11{p:"y"}',
    'u2: A@2024-01-11{p:"y"} A@2024-01-12',
    "u3: A@2024-01-11",
)


def split(api: Api, breakdown: dict[str, Any], **options: Any) -> list[tuple[Any, list[list[int]]]]:
    """(value, its table) in the order of the answer, four days."""
    api.now = JANUARY_13
    entity = {"id": "A", "type": "events"}
    options = {"totalIntervals": 4, "targetEntity": entity, "returningEntity": entity, **options}
    rows = api.query(
        {"kind": "RetentionQuery", "retentionFilter": options, "breakdownFilter": breakdown}
    ).result
    return [
        (rows[start]["breakdown_value"], counts(rows[start : start + 4])) for start in range(0, len(rows), 4)
    ]


def test_the_first_ever_event_decides(api: Api) -> None:  # semantics H6
    api.now = JANUARY_13
    api.journeys('u1: A@2024-01-10{p:"x"} A@2024-01-11{p:"y"}', 'u2: A@2024-01-10{p:"y"} A@2024-01-11{p:"x"}')
    target = {"id": "A", "type": "events", "properties": [{"key": "p", "value": "x", "type": "event"}]}
    first_time = counts(retention(api, retentionType="retention_first_time", targetEntity=target))
    first_ever = counts(retention(api, retentionType="retention_first_ever_occurrence", targetEntity=target))
    assert [row[0] for row in first_time] == [1, 1, 0, 0]
    assert [row[0] for row in first_ever] == [1, 0, 0, 0]


def test_a_table_per_value_the_largest_first(api: Api) -> None:  # semantics H15
    api.now = JANUARY_13
    api.journeys(*TEAMS)
    assert split(api, {"breakdown": "p"}) == [
        ("", [[0] * 4, [1, 0, 0, 0], [1, 0, 0, 0], [0] * 4]),
        ("y", [[0] * 4, [2, 1, 0, 0], [0] * 4, [0] * 4]),
        ("x", [[1, 1, 0, 0], [0] * 4, [0] * 4, [0] * 4]),
    ]


def test_the_rest_counts_everybody_once(api: Api) -> None:  # semantics H15
    api.now = JANUARY_13
    api.journeys(
        'u1: A@2024-01-10{p:"a"} A@2024-01-10T13:00{p:"b"} A@2024-01-11{p:"x"}',
        'u2: A@2024-01-10{p:"x"}',
        'u3: A@2024-01-10{p:"x"}',
    )
    other = "$$_posthog_breakdown_other_$$"
    found = split(api, {"breakdown": "p", "breakdown_limit": 1})
    assert [(value, table[0]) for value, table in found] == [("x", [2, 0, 0, 0]), (other, [1, 1, 0, 0])]
    hidden = split(api, {"breakdown": "p", "breakdown_limit": 1, "breakdown_hide_other_aggregation": True})
    assert [value for value, _ in hidden] == ["x"]


def test_cohorts_stand_side_by_side(api: Api) -> None:  # semantics D42, H15
    api.now = JANUARY_13
    api.journeys(*PEOPLE)
    api.identify("u2", plan="pro")
    leaf = {"key": "plan", "value": "pro", "operator": "exact", "type": "person"}
    filters = {"properties": {"type": "AND", "values": [leaf]}}
    pro = api.post("cohorts/", {"name": "pro", "filters": filters}).body["id"]
    nobody = api.post("cohorts/", {"name": "nobody", "is_static": True}).body["id"]
    found = split(api, {"breakdown": [pro, "all", nobody], "breakdown_type": "cohort"})
    assert [(value, table[1]) for value, table in found] == [
        (pro, [1, 1, 0, 0]),
        ("all", [2, 1, 1, 0]),
        (nobody, [0, 0, 0, 0]),
    ]


def test_rows_of_the_older_endpoint_are_values(api: Api) -> None:  # semantics H15
    api.now = JANUARY_13
    api.journeys('u1: A@2024-01-10{p:"x"} A@2024-01-11{p:"x"} A@2024-01-12{p:"y"}', 'u2: A@2024-01-12{p:"x"}')
    entity = {"id": "A", "type": "events"}
    rows = api.calculate("retention", target_entity=entity, total_intervals=4, breakdown="p").result
    # u1 is in two cohorts of x and counts once; his second day is one and two days after a target event
    assert [(row["label"], row["breakdown_values"]) for row in rows] == [("x", ["x"]), ("y", ["y"])]
    assert counts(rows) == [[2, 1, 1, 0], [1, 0, 0, 0]]
    two = [{"property": "p", "type": "event"}, {"property": "team", "type": "person"}]
    rows = api.calculate("retention", target_entity=entity, total_intervals=4, breakdowns=two).result
    assert [(row["label"], row["breakdown_values"]) for row in rows] == [
        ("x::", ["x", ""]),
        ("y::", ["y", ""]),
    ]


# --- ranges ------------------------------------------------------------------------------------------

RANGES = [
    pytest.param("Day", {"date_from": "2024-01-11"}, ["2024-01-11", "2024-01-12", "2024-01-13"], id="from"),
    pytest.param("Day", {"date_from": "all"}, [f"2024-01-{day}" for day in (10, 11, 12, 13)], id="all"),  # A9
    pytest.param("Day", {"date_from": "2024-02-01", "date_to": "2024-01-01"}, [], id="inverted"),  # A10
    pytest.param("Month", {"date_to": "2024-03-15"}, ["2024-02-01", "2024-03-01"], id="months"),  # H2
    pytest.param("Quarter", {}, ["2023-10-01", "2024-01-01"], id="quarters"),
    pytest.param("Year", {}, ["2023-01-01", "2024-01-01"], id="years"),
    pytest.param("Hour", {}, ["2024-01-13T17", "2024-01-13T18"], id="hours"),  # H24
    pytest.param(
        "Hour", {"date_to": "2024-01-12"}, ["2024-01-12T22", "2024-01-12T23"], id="a day's last hours"
    ),
]


@pytest.mark.parametrize(("period", "dates", "expected"), RANGES)
def test_range(api: Api, period: str, dates: dict[str, str], expected: list[str]) -> None:  # semantics H2
    api.now = JANUARY_13
    api.journeys(*PEOPLE)
    options = {"period": period, "totalIntervals": 2}
    rows = api.query({"kind": "RetentionQuery", "retentionFilter": options, "dateRange": dates}).result
    assert [row["date"][: len(expected[0])] for row in rows] == expected
    assert all(row["date"].endswith("Z") for row in rows)  # api V5


def test_a_row_may_be_older_than_any_event(api: Api) -> None:
    api.now = JANUARY_13
    api.journeys(*PEOPLE)
    rows = retention(api, period="Year", totalIntervals=180)
    assert [rows[0]["date"], rows[-1]["values"][0]["count"]] == ["1845-01-01T00:00:00Z", 2]


def test_the_running_period_is_marked(api: Api) -> None:  # semantics H11
    api.now = JANUARY_13
    rows = retention(api)
    marked = [[cell.get("is_incomplete", False) for cell in row["values"]] for row in rows]
    assert marked == [
        [False, False, False, True],
        [False, False, True, True],
        [False, True, True, True],
        [True, True, True, True],
    ]
    past = {"totalIntervals": 2}
    over = api.query(
        {"kind": "RetentionQuery", "retentionFilter": past, "dateRange": {"date_to": "2024-01-10"}}
    ).result
    assert [[cell.get("is_incomplete", False) for cell in row["values"]] for row in over] == [
        [False, False],
        [False, True],
    ]


# --- windows, amounts, means, samples ------------------------------------------------------------------


def test_windows_of_24_hours(api: Api) -> None:  # semantics H19
    api.now = JANUARY_13
    api.journeys("u1: A@2024-01-10T22:00 A@2024-01-11T08:00 A@2024-01-12T21:59 A@2024-01-12T22:00")
    rows = retention(api, timeWindowMode="24_hour_windows")
    assert counts(rows) == [[1, 1, 1, 0], [0] * 4, [0] * 4, [0] * 4]


AMOUNTS = [
    pytest.param("sum", {}, [[5.0, 3.0], [3.0, 4.0]], id="sum"),
    pytest.param("avg", {}, [[2.5, 3.0], [3.0, 4.0]], id="average"),
    pytest.param("sum", {"timeWindowMode": "24_hour_windows"}, [[5.0, 3.0], [0.0, 0.0]], id="rolling"),
    pytest.param("sum", {"minimumOccurrences": 2}, [[5.0, 0.0], [3.0, 0.0]], id="only who returns"),
]


@pytest.mark.parametrize(("kind", "options", "expected"), AMOUNTS)
def test_a_property_added_up(api: Api, kind: str, options: dict[str, Any], expected: Any) -> None:  # H20
    api.now = JANUARY_13
    api.journeys("u1: A@2024-01-10{n:2} A@2024-01-11{n:3} A@2024-01-12{n:4}", 'u2: A@2024-01-10{n:"3"}')
    rows = retention(api, aggregationType=kind, aggregationProperty="n", **options)
    assert [[cell["aggregation_value"] for cell in row["values"][:2]] for row in rows[:2]] == expected


def test_means(api: Api) -> None:  # semantics H21
    api.now = datetime(2024, 1, 14, 18, tzinfo=UTC)  # so that the 13th is over
    api.journeys(*PEOPLE)
    entity = {"id": "A", "type": "events"}
    options = {"totalIntervals": 5, "targetEntity": entity, "returningEntity": entity}
    body = api.query({"kind": "RetentionQuery", "retentionFilter": options}).body
    # cohorts of 1, 2, 1 and 1; the 14th has nobody
    assert counts(body["results"])[:4] == [[1, 1, 0, 1, 0], [2, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    simple = [column["simple"] for column in body["mean"]]
    weighted = [column["weighted"] for column in body["mean"]]
    assert simple == [100.0, 50.0, 25.0, 100.0, None]
    assert weighted == [100.0, 50.0, pytest.approx(100 / 3), 100.0, None]
    assert body["mean"][2]["weighted_of_previous"] == 50.0


def test_a_sample_stands_for_the_whole(api: Api) -> None:  # semantics D61
    api.now = JANUARY_13
    api.journeys(*(f"u{n}: A@2024-01-10 A@2024-01-11" for n in range(60)))
    entity = {"id": "A", "type": "events"}
    options = {"totalIntervals": 4, "targetEntity": entity, "returningEntity": entity}
    node = {"kind": "RetentionQuery", "retentionFilter": options, "samplingFactor": 0.5}
    row = counts(api.query(node).result)[0]
    assert row[0] == row[1] and row[0] % 2 == 0 and 20 < row[0] < 100


WRONG = [
    pytest.param({"total_intervals": 1}, "min_value", "total_intervals", id="too few"),
    pytest.param({"total_intervals": 181}, "max_value", "total_intervals", id="too many"),
    pytest.param({"period": "Fortnight"}, "invalid_choice", "period", id="period"),
    pytest.param(
        {"target_entity": {"id": 99, "type": "actions"}}, "does_not_exist", "target_entity__id", id="action"
    ),
    pytest.param({"target_entity": "{"}, "invalid_input", "target_entity", id="no JSON"),
    pytest.param({"date_to": "soon"}, "invalid_input", "date_to", id="date"),
    pytest.param(
        {"cumulative": True, "time_window_mode": "24_hour_windows"},
        "invalid_input",
        "time_window_mode",
        id="H19",
    ),
]


@pytest.mark.parametrize(("parameters", "code", "attr"), WRONG)
def test_wrong_parameters(api: Api, parameters: dict[str, Any], code: str, attr: str) -> None:  # api S22
    assert api.calculate("retention", **parameters).error == (400, code, attr)


def test_any_spelling_of_a_period(api: Api) -> None:  # api S22
    rows = api.get("insights/retention/", {"period": "wEEk", "total_intervals": "3"}).result
    assert [row["label"] for row in rows] == ["Week 0", "Week 1", "Week 2"]
