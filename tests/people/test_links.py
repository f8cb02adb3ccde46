"""Every link in an answer leads to exactly the people its number counted (api S8, W20, semantics D62)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api, make_project

RANGE = {"date_from": "2024-01-08", "date_to": "2024-01-12"}


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.identify("u1", email="ada@example.org", team="red")
    api.identify("u2", team="blue")
    api.journeys(
        'u1: A@2024-01-01 A@2024-01-08T09:00 A@2024-01-10{plan:"pro"} B@2024-01-10T13:00 A@2024-01-12',
        'u2: A@2024-01-08T10:00{plan:"free"} A@2024-01-08T11:00{plan:"pro"} A@2024-01-09 B@2024-01-09T15:00',
        'u3: A@2024-01-05 A@2024-01-11{plan:"free"} A@2024-01-12{plan:"a"} B@2024-01-12T13:00',
        'u4: A@2024-01-09{plan:"[x]"} A@2024-01-10{plan:""}',
        "u5: A@2024-01-03T05:00 B@2024-01-08T05:00",
        "anonymous: A@2024-01-09T23:59:59.9",
    )
    return api


def everybody(api: Api, url: str | None) -> list[str]:
    """Ids of the people of a link over all its pages, two at a time."""
    assert url is not None
    url = f"{url}&limit=2"
    found: list[str] = []
    while url:
        answer = api.get(url)
        assert answer.status == 200, (url, answer.body)
        page = answer.body["results"][0] if "result" not in answer.body else None
        people = answer.body["result"] if page is None else page["people"]
        assert page is None or page["count"] == len(people)
        found += [one.get("person", one)["id"] for one in people]
        url = (answer.body["next"] or "").replace("http://testserver", "")
    assert len(found) == len(set(found))
    return found


def points(result: list[dict[str, Any]]) -> Iterator[tuple[float, dict[str, Any]]]:
    for series in result:
        if "persons" in series:
            yield series["aggregated_value"], series["persons"]
        yield from zip(series["data"], series.get("persons_urls", ()), strict=False)


TRENDS = [
    pytest.param({"math": "dau"}, {}, id="unique"),
    pytest.param({"math": "weekly_active"}, {}, id="weekly active"),
    pytest.param({"math": "weekly_active"}, {"interval": "hour", "date_from": "2024-01-12"}, id="by hour"),
    pytest.param({"math": "monthly_active"}, {}, id="monthly active"),
    pytest.param({"math": "first_time_for_user"}, {}, id="first time"),
    pytest.param({"math": "dau"}, {"display": "ActionsLineGraphCumulative"}, id="cumulative"),
    pytest.param({"math": "dau"}, {"breakdown": "plan"}, id="breakdown"),
    pytest.param({"math": "dau"}, {"breakdown": "plan", "breakdown_limit": 1}, id="breakdown, first only"),
    pytest.param(
        {"math": "dau"},
        {"breakdowns": [{"property": "plan", "type": "event"}, {"property": "team", "type": "person"}]},
        id="two breakdowns",
    ),
    pytest.param({"math": "dau"}, {"breakdown": "team", "breakdown_type": "person"}, id="by person"),
    pytest.param({"math": "dau"}, {"breakdown": ["all"], "breakdown_type": "cohort"}, id="by cohort"),
    pytest.param({"math": "dau"}, {"compare": True}, id="compare"),
    pytest.param({"math": "weekly_active"}, {"compare": True, "breakdown": "plan"}, id="compare values"),
    pytest.param({"math": "dau"}, {"interval": "week"}, id="week"),
    pytest.param({"math": "dau"}, {"interval": "week", "date_from": "2024-01-10"}, id="part of a week"),
    pytest.param({"math": "dau"}, {"interval": "month", "date_from": "-7d", "date_to": ""}, id="month"),
    pytest.param({"math": "dau"}, {"date_from": "", "date_to": ""}, id="default range"),
    pytest.param({"math": "dau"}, {"date_from": "all", "date_to": ""}, id="all time"),
    pytest.param(
        {"math": "dau"},
        {"date_from": "2024-01-08T09:30", "date_to": "2024-01-09T12:00", "explicit_date": True},
        id="explicit dates",
    ),
    pytest.param({"math": "dau"}, {"display": "BoldNumber"}, id="one number"),
    pytest.param({"math": "dau"}, {"display": "ActionsPie", "breakdown": "plan"}, id="pie"),
    pytest.param({"math": "weekly_active"}, {"display": "BoldNumber"}, id="weekly active, one number"),
    pytest.param({"math": "dau"}, {"display": "BoldNumber", "compare": True}, id="numbers compared"),
    pytest.param({"math": "dau", "properties": [{"key": "plan", "value": "pro"}]}, {}, id="its own filter"),
]


@pytest.mark.parametrize(("entity", "parameters"), TRENDS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_people_of_a_trend(shop: Api, entity: Any, parameters: Any, zone: str) -> None:
    shop.settings(timezone=zone)
    events = [{"id": "B", "math": "dau"}, {"id": "A", **entity}]
    found = list(points(shop.calculate("trend", events=events, **RANGE | parameters).result))
    assert sum(number for number, _ in found) > 0
    for number, point in found:
        assert len(everybody(shop, point["url"])) == number, point


def test_a_total_leads_to_those_who_did_it(shop: Api) -> None:
    shop.settings(timezone="UTC")
    (series,) = shop.trend("A", **RANGE)
    assert series["data"] == [3, 3, 2, 1, 2]
    assert [len(everybody(shop, point["url"])) for point in series["persons_urls"]] == [2, 3, 2, 1, 2]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"computed_as": "cumulative"}, {"compare": True}, {"interval": "week", "date_from": "2023-12-20"}],
)
def test_people_of_stickiness(shop: Api, parameters: Any) -> None:  # I9
    events = [{"id": "A"}, {"id": "B"}]
    result = shop.calculate("trend", insight="STICKINESS", events=events, **RANGE | parameters).result
    found = list(points(result))
    assert sum(number for number, _ in found) > 0
    for number, point in found:
        assert len(everybody(shop, point["url"])) == number, point


@pytest.mark.parametrize("parameters", [{}, {"interval": "week", "date_from": "2023-12-20"}])
def test_people_of_a_lifecycle(shop: Api, parameters: Any) -> None:  # I21
    result = shop.calculate("trend", insight="LIFECYCLE", events=[{"id": "A"}], **RANGE | parameters).result
    found = list(points(result))
    assert len(found) > 4
    for number, point in found:
        assert len(everybody(shop, point["url"])) == abs(number), point


A = {"id": "A", "type": "events"}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"retention_type": "retention_first_time"},
        {"cumulative": True},
        {"returning_entity": {"id": "B", "type": "events"}},
    ],
)
def test_people_of_a_retention_cell(shop: Api, parameters: Any) -> None:  # H22
    rows = shop.calculate(
        "retention", target_entity=A, date_to="2024-01-12", total_intervals=6, **parameters
    ).result
    cells = [cell for row in rows for cell in row["values"]]
    assert sum(cell["count"] for cell in cells) > 0
    for cell in cells:
        assert len(everybody(shop, cell["people_url"])) == cell["count"], cell


def test_people_of_a_value_of_retention(shop: Api) -> None:  # H15
    split = {"breakdown": "team", "breakdown_type": "person", "retention_type": "retention_first_time"}
    rows = shop.calculate(
        "retention", target_entity=A, date_to="2024-01-12", total_intervals=12, **split
    ).result
    assert len(rows) > 1
    for row in rows:
        for cell in row["values"]:
            assert len(everybody(shop, cell["people_url"])) == cell["count"], (row["label"], cell)


def test_a_row_of_retention_shows_appearances(shop: Api) -> None:  # H22
    rows = shop.calculate("retention", target_entity=A, date_to="2024-01-12", total_intervals=5).result
    listed = shop.get(rows[0]["people_url"]).body
    assert listed["result"] == listed["results"]
    appearances = [one["appearances"] for one in listed["result"]]
    assert appearances == [[1, 0, 1, 0, 1], [1, 1, 0, 0, 0]]
    assert [sum(column) for column in zip(*appearances, strict=True)] == [
        cell["count"] for cell in rows[0]["values"]
    ]


def test_people_of_an_edge(api: Api) -> None:  # G22
    api.journeys(
        "u1: A@10:00 B@10:05 C@10:10",
        "u2: A@10:00 B@10:05",
        "u2: A@15:00 B@15:05",
        "u3: A@10:00 C@10:05",
    )
    asked = {"include_event_types": ["custom_event"], **RANGE}
    edges = api.calculate("path", **asked).result
    ids = {
        edge: _people_of_edge(api, asked, *edge) for edge in [("1_A", "2_B"), ("1_A", "2_C"), ("2_B", "3_C")]
    }
    assert {(edge["source"], edge["target"]): edge["value"] for edge in edges} == {
        ("1_A", "2_B"): 3,  # u2 twice
        ("1_A", "2_C"): 1,
        ("2_B", "3_C"): 1,
    }
    assert ids == {("1_A", "2_B"): 2, ("1_A", "2_C"): 1, ("2_B", "3_C"): 1}
    dropped = api.get("persons/path/", asked | {"path_dropoff_key": "2_B"}).body["results"][0]["people"]
    assert [one["name"] for one in dropped] == ["u2"]


def _people_of_edge(api: Api, asked: dict[str, Any], source: str, target: str) -> int:
    answer = api.get("persons/path/", asked | {"path_start_key": source, "path_end_key": target})
    assert answer.status == 200, answer.body
    return int(answer.body["results"][0]["count"])


def test_people_of_groups(api: Api) -> None:  # W21
    api.capture(
        [
            {
                "event": "$groupidentify",
                "distinct_id": "u1",
                "properties": {"$group_type": "org", "$group_key": "acme", "$group_set": {"size": 3}},
            }
        ]
    )
    api.journeys(
        'u1: A@2024-01-08{$group_0:"acme"} A@2024-01-09{$group_0:"zeta"} A@2024-01-09{$group_0:"acme"}',
        'u2: A@2024-01-08{$group_0:"acme"} A@2024-01-09',
    )
    events = [{"id": "A", "math": "unique_group", "math_group_type_index": 0}]
    (series,) = api.calculate("trend", events=events, **RANGE).result
    assert series["data"] == [1, 2, 0, 0, 0]
    listed = [everybody(api, point["url"]) for point in series["persons_urls"]]
    assert listed == [["acme"], ["acme", "zeta"], [], [], []]
    one = api.get(series["persons_urls"][0]["url"]).body["results"][0]["people"][0]
    assert (one["type"], one["group_key"], one["group_type_index"]) == ("group", "acme", 0)
    assert one["properties"] == {"size": 3}
    as_csv = api.get(series["persons_urls"][0]["url"].replace("trends/", "trends.csv")).body
    assert as_csv.split("\r\n")[1] == 'acme,,acme,,"{""size"":3}"'


def test_people_by_distinct_id(api: Api) -> None:  # B4
    api.settings(aggregate_users_by_distinct_id=True)
    api.identify("u1", anonymous="a1", email="ada@example.org")
    api.journeys("u1: A@2024-01-08", "a1: A@2024-01-08T13:00")
    (series,) = api.calculate("trend", events=[{"id": "A", "math": "dau"}], **RANGE).result
    assert series["data"][0] == 2
    people = api.get(series["persons_urls"][0]["url"]).body["results"][0]["people"]
    assert sorted(one["distinct_ids"] for one in people) == [["a1"], ["u1"]]


def test_a_link_outlives_its_relative_range(api: Api) -> None:
    api.journeys("u1: A@2024-01-08", "u2: A@2024-01-10")
    (series,) = api.calculate("trend", events=[{"id": "A", "math": "dau"}]).result
    assert series["data"][0] == 1
    later = replace(api, now=datetime(2024, 2, 20, tzinfo=UTC))
    assert everybody(later, series["persons_urls"][0]["url"]) == everybody(
        api, series["persons_urls"][0]["url"]
    )


def test_people_over_a_fold_of_the_clock(api: Api) -> None:
    api.settings(timezone="America/New_York")
    api.journeys("u1: A@2023-11-05T05:30:00Z", "u2: A@2023-11-05T06:30:00Z", "u3: A@2023-11-05T07:30:00Z")
    asked = {"date_from": "2023-11-05", "date_to": "2023-11-05T04:00:00", "interval": "hour"}
    (series,) = api.calculate("trend", events=[{"id": "A", "math": "dau"}], **asked).result
    assert sum(series["data"]) == 3
    for number, point in points([series]):
        assert len(everybody(api, point["url"])) == number, point
