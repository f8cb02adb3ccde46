"""Trends by the numbered rules: these events, this request, this answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.api_client import Api, make_project

MONDAY = date(2024, 1, 8)
LATER = datetime(2024, 12, 1, tzinfo=UTC)
DAYS = {"date_from": "2024-01-08", "date_to": "2024-01-10"}


def data(result: Any) -> list[Any]:
    return [series["data"] for series in result]


def test_the_default_range_has_eight_days(api: Api) -> None:  # semantics A2
    api.journeys("u1: A@2024-01-08 A@2024-01-15")
    series = api.trend("A")[0]
    assert series["days"][0] == "2024-01-08"
    assert series["data"] == [1, 0, 0, 0, 0, 0, 0, 1]
    assert series["labels"][0] == "8-Jan-2024"  # A19
    assert series["count"] == 2.0  # D3


MATHS = [
    pytest.param({"math": "total"}, [4, 1, 0], id="total counts events"),  # D5
    pytest.param({"math": "dau"}, [2, 1, 0], id="dau counts persons"),  # D6
    pytest.param({"math": "unique_session"}, [2, 1, 0], id="sessions without empty ids"),  # D9
    pytest.param({"math": "sum", "math_property": "n"}, [6, 10, 0], id="sum skips what is no number"),  # D15
    pytest.param({"math": "avg", "math_property": "n"}, [3, 10, 0], id="avg over numbers only"),
    pytest.param({"math": "min", "math_property": "n"}, [2, 10, 0], id="min"),
    pytest.param({"math": "max", "math_property": "n"}, [4, 10, 0], id="max"),
    pytest.param({"math": "median", "math_property": "n"}, [3, 10, 0], id="median between two"),  # D16
    pytest.param({"math": "avg_count_per_actor"}, [2, 1, 0], id="events per actor"),  # D11, D19
    pytest.param({"math": "max_count_per_actor"}, [3, 1, 0], id="most events of an actor"),
    pytest.param({"math": "weekly_active"}, [2, 2, 2], id="the window ends with the bucket"),  # D20
    pytest.param({"math": "first_time_for_user"}, [2, 0, 0], id="first event ever"),  # D25
]


@pytest.mark.parametrize(("math", "expected"), MATHS)
def test_math(api: Api, math: dict[str, Any], expected: list[float]) -> None:
    api.journeys(
        'u1: A@10:00{n:2,$session_id:"s1"} A@10:05{n:"4",$session_id:"s1"} A@11:00{n:"x",$session_id:""}',
        'u2: A@10:00{$session_id:"s2"}',
        day=MONDAY,
    )
    api.journeys('u1: A@09:00{n:10,$session_id:"s1"}', day=date(2024, 1, 9))
    assert data(api.trend({"id": "A", **math}, **DAYS)) == [expected]


def test_persons_are_merged_retroactively(api: Api) -> None:  # semantics B2
    api.journeys("anon: A@2024-01-08", "user: A@2024-01-09", "other: A@2024-01-09")
    assert data(api.trend({"id": "A", "math": "dau"}, display="BoldNumber", **DAYS)) == [[]]
    before = api.trend({"id": "A", "math": "dau"}, display="BoldNumber", **DAYS)[0]["aggregated_value"]
    api.identify("user", anonymous="anon")
    after = api.trend({"id": "A", "math": "dau"}, display="BoldNumber", **DAYS)[0]["aggregated_value"]
    assert (before, after) == (3, 2)
    assert data(api.trend({"id": "A", "math": "dau"}, **DAYS)) == [[1, 2, 0]]


def test_an_event_uuid_counts_once(api: Api) -> None:  # semantics J5
    event = {
        "event": "A",
        "distinct_id": "u1",
        "timestamp": "2024-01-08T10:00:00Z",
        "uuid": "0190a7a0-0000-7000-8000-000000000001",
        "properties": {},
    }
    api.capture([event, event])
    api.capture([event])
    assert data(api.trend("A", **DAYS)) == [[1, 0, 0]]


BREAKDOWNS = [
    # D36, D38: by total, ties by value, none behind the others, the rest is other - but old trends have none
    pytest.param({}, [("x", [2, 0, 0]), ("y", [1, 0, 0]), ("", [3, 0, 0])], id="none is last"),
    pytest.param({"breakdown_limit": 1}, [("x", [2, 0, 0])], id="the limit cuts"),
    pytest.param({"breakdown_limit": 1, "offset": 1}, [("y", [1, 0, 0])], id="the next page"),
]


@pytest.mark.parametrize(("options", "expected"), BREAKDOWNS)
def test_breakdown_on_the_older_endpoint(api: Api, options: dict[str, Any], expected: list[Any]) -> None:
    api.journeys(
        'u1: A@10:00{p:"x"} A@10:01{p:"x"} A@10:02{p:"y"} A@10:03{p:""} A@10:04{p:null} A@10:05', day=MONDAY
    )
    result = api.trend("A", breakdown="p", **options, **DAYS)
    assert [(s["breakdown_value"], s["data"]) for s in result] == expected


def test_breakdown_on_the_query_endpoint_has_other(api: Api) -> None:  # semantics D35, D37
    api.journeys('u1: A@10:00{p:"x"} A@10:01{p:"x"} A@10:02{p:"y"} A@10:03', day=MONDAY)
    answer = api.query(
        {
            "kind": "TrendsQuery",
            "series": [{"kind": "EventsNode", "event": "A"}],
            "dateRange": DAYS,
            "breakdownFilter": {"breakdown": "p", "breakdown_limit": 1},
        }
    )
    assert [(s["breakdown_value"], s["count"]) for s in answer.result] == [
        ("x", 2.0),
        ("$$_posthog_breakdown_other_$$", 2.0),
    ]
    assert answer.body["hasMore"] is True


FORMULAS = [
    pytest.param("A/B", [2, 0, 0], id="by zero is zero"),  # D49
    pytest.param("A - B*2", [0, 0, 2], id="precedence"),
    pytest.param("(a+b)**2", [36, 0, 4], id="powers, in either case"),
]


@pytest.mark.parametrize(("formula", "expected"), FORMULAS)
def test_formula(api: Api, formula: str, expected: list[float]) -> None:  # semantics D48-D55
    api.journeys("u1: X@10:00 X@10:01 X@10:02 X@10:03 Y@10:00 Y@10:01", day=MONDAY)
    api.journeys("u1: X@10:00 X@10:01", day=date(2024, 1, 10))
    result = api.trend("X", "Y", formula=formula, **DAYS)
    assert [(s["label"], s["data"]) for s in result] == [(f"Formula ({formula})", expected)]


@pytest.mark.parametrize(
    "formula", ["C", "A +", "A; DROP", "import os", "A" * 600, "(" * 60 + "A" + ")" * 60]
)
def test_a_wrong_formula_is_named(api: Api, formula: str) -> None:
    answer = api.calculate("trend", events=[{"id": "A"}], formula=formula)
    assert answer.error == (400, "invalid_input", "formula")


def test_comparison_aligns_weekdays(api: Api) -> None:  # semantics A22, D57
    api.now = datetime(2024, 1, 15, 12, tzinfo=UTC)
    api.journeys("u1: A@2024-01-15 A@2024-01-08 A@2024-01-01")
    result = api.trend("A", date_from="-7d", compare=True)
    assert [(s["compare_label"], s["data"]) for s in result] == [
        ("current", [1, 0, 0, 0, 0, 0, 0, 1]),
        ("previous", [1, 0, 0, 0, 0, 0, 0, 1]),
    ]
    assert result[1]["days"][0] == "2024-01-01"
    assert result[1]["labels"][:2] == ["day 0", "day 1"]  # A20


def test_cumulative_uniques_count_everybody_once(api: Api) -> None:  # semantics D29
    api.journeys("u1: A@2024-01-08 A@2024-01-09", "u2: A@2024-01-09")
    display = {"display": "ActionsLineGraphCumulative", **DAYS}
    assert data(api.trend("A", **display)) == [[1, 3, 3]]
    assert data(api.trend({"id": "A", "math": "dau"}, **display)) == [[1, 2, 2]]


def test_smoothing_rounds_down(api: Api) -> None:  # semantics D56
    api.journeys(
        "u1: A@2024-01-08T10:00 A@2024-01-08T11:00 A@2024-01-09 A@2024-01-10T01:00 A@2024-01-10T02:00"
    )
    api.journeys("u1: A@03:00", day=date(2024, 1, 10))
    assert data(api.trend("A", smoothing_intervals=3, **DAYS)) == [[2, 1, 2]]


CLOCK_CHANGES = [
    pytest.param("day", ["2024-10-27"], [2], id="a day has 25 hours"),  # A16
    pytest.param("hour", ["2024-10-27 02:00:00", "2024-10-27 02:00:00"], [1, 1], id="an hour occurs twice"),
]


@pytest.mark.parametrize(("interval", "days", "numbers"), CLOCK_CHANGES)
def test_the_clocks_go_back(api: Api, interval: str, days: list[str], numbers: list[int]) -> None:
    api.now = LATER
    api.settings(timezone="Europe/Berlin")
    api.journeys("u1: A@2024-10-27T00:30Z A@2024-10-27T01:30Z")
    series = api.trend("A", date_from="2024-10-27", date_to="2024-10-27", interval=interval)[0]
    assert len(series["data"]) == {"day": 1, "hour": 25}[interval]
    assert [d for d, n in zip(series["days"], series["data"], strict=True) if n] == days
    assert [n for n in series["data"] if n] == numbers


WEEKS = [
    pytest.param(0, ["2024-03-10"], [1], id="weeks start on Sunday"),  # A13, A14
    pytest.param(1, ["2024-03-11"], [1], id="or on Monday"),
]


@pytest.mark.parametrize(("week_start", "days", "numbers"), WEEKS)
def test_a_week_that_begins_in_the_middle(
    api: Api, week_start: int, days: list[str], numbers: list[int]
) -> None:
    api.now = LATER
    api.settings(week_start_day=week_start)
    api.journeys("u1: A@2024-03-11 A@2024-03-14")
    series = api.trend("A", date_from="2024-03-13", date_to="2024-03-14", interval="week")[0]
    assert (series["days"], series["data"]) == (days, numbers)


def test_a_month_is_widened_to_its_first_day(api: Api) -> None:  # semantics A14
    api.now = LATER
    api.journeys("u1: A@2024-03-02 A@2024-03-20")
    series = api.trend("A", date_from="2024-03-13", date_to="2024-03-20", interval="month")[0]
    assert (series["days"], series["data"]) == (["2024-03-01"], [2])


WRONG = [
    pytest.param({}, ("required", "events"), id="events or actions"),  # api S4
    pytest.param(
        {"events": [{"id": "A"}], "interval": "fortnight"}, ("invalid_choice", "interval"), id="interval"
    ),
    pytest.param({"events": [{"id": "A"}], "date_from": "soon"}, ("invalid_input", "date_from"), id="date"),
    pytest.param(
        {"events": [{"id": "A", "math": "sum"}]},
        ("required", "math_property"),
        id="a math without its property",
    ),  # D17
    pytest.param({"events": [{"id": "A", "math": "mode"}]}, ("invalid_choice", "events__0__math"), id="math"),
    pytest.param({"events": "[{"}, ("invalid_input", "events"), id="text that is no JSON"),
]


@pytest.mark.parametrize(("parameters", "expected"), WRONG)
def test_what_is_wrong_is_named(api: Api, parameters: dict[str, Any], expected: tuple[str, str]) -> None:
    answer = api.post("insights/trend/", parameters)
    assert answer.error == (400, *expected)


def test_get_and_post_are_the_same(api: Api) -> None:  # api S1
    api.journeys("u1: A@2024-01-08")
    parameters = {"events": [{"id": "A", "math": "dau"}], **DAYS}
    assert api.get("insights/trend/", parameters).result == api.post("insights/trend/", parameters).result


def test_another_project_has_none_of_it(api: Api) -> None:  # semantics J3
    api.journeys("u1: A@2024-01-08")
    other = make_project()
    assert data(other.trend("A", **DAYS)) == [[0, 0, 0]]
