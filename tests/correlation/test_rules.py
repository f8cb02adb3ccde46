"""Funnel correlation by the numbered rules of semantics F."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.api_client import Api
from tests.correlation.correlating import (
    Cells,
    asked,
    cells,
    cells_by_people,
    correlation,
    names,
    node,
)

HOUR = {"funnel_window_interval": 1, "funnel_window_interval_type": "hour"}
WEB = {"funnel_correlation_type": "event_with_properties", "funnel_correlation_event_names": ["X"]}
PLAN = {"funnel_correlation_type": "properties", "funnel_correlation_names": ["plan"]}
ALL = {"funnel_correlation_type": "properties", "funnel_correlation_names": ["$all"]}
TWO = ("win: A@10:00 B@11:00", "lose: A@10:00")  # one converts, one does not


def test_the_example(api: Api) -> None:  # semantics F15
    api.journeys("u1: A@1:00 X@2:00 B@3:00", "u2: A@1:00 X@2:00", "u3: A@1:00 B@2:00 X@3:00", "u4: A@1:00")
    result = correlation(api)
    (row,) = result["events"]
    assert (row["odds_ratio"], row["correlation_type"], result["skewed"]) == (1.0, "failure", False)
    assert row["event"] == {"event": "X", "properties": {}, "elements": []}
    assert cells_by_people(api, result) == {"X": (["u1"], ["u2"])}


# --- who is compared ----------------------------------------------------------------------------------------


def test_nothing_is_compared_without_steps(api: Api) -> None:  # semantics F2
    assert correlation(api, "") == {"events": [], "skewed": False}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["a: A@10:00 X@11:00"], id="nobody converted"),
        pytest.param(["a: A@10:00 X@10:30 B@11:00"], id="everybody did"),
        pytest.param(["a: X@10:00"], id="nobody entered"),
        pytest.param(["a: A@10:00"], id="and did nothing"),
    ],
)
def test_one_side_is_empty(api: Api, lines: list[str]) -> None:  # semantics F2, K60
    api.journeys(*lines)
    assert correlation(api) == {"events": [], "skewed": True}


def test_two_sides_and_nothing_in_common(api: Api) -> None:  # semantics F2
    api.journeys(*TWO)
    assert correlation(api) == {"events": [], "skewed": False}


@pytest.mark.parametrize(("failures", "skewed"), [(10, False), (11, True)])
def test_skewed(api: Api, failures: int, skewed: bool) -> None:  # semantics F7: more than ten to one
    api.journeys("win: A@10:00 X@10:30 B@11:00", *(f"l{n}: A@10:00 X@10:30" for n in range(failures)))
    result = correlation(api)
    assert (cells(result), result["skewed"]) == ({"X": (1, failures)}, skewed)


def test_who_is_not_in_the_funnel_is_not_compared(api: Api) -> None:  # semantics F1
    gone = "gone: A@10:00 E@10:10 X@10:20 B@11:00"
    api.journeys("win: A@10:00 X@10:30 B@11:00", "lose: A@10:00 X@11:00", "none: X@10:00", gone)
    exclusions = [{"id": "E", "type": "events", "funnel_from_step": 0, "funnel_to_step": 1}]
    assert cells(correlation(api, exclusions=exclusions)) == {"X": (1, 1)}


def test_a_later_step_raises_the_bar(api: Api) -> None:  # semantics F1
    api.journeys("win: A@1:00 X@2:00 B@3:00 C@4:00", "near: A@1:00 X@2:00 B@3:00", "far: A@1:00 X@2:00")
    assert cells(correlation(api, "ABC", funnel_step=2)) == {"X": (1, 1)}


def test_a_value_of_the_breakdown(api: Api) -> None:  # semantics F1, E28
    api.journeys(
        'win: A@10:00{b:"x"} X@10:30 B@11:00',
        'lose: A@10:00{b:"x"} X@11:00',
        'other: A@10:00{b:"y"} X@11:00',
        'third: A@10:00{b:"y"} X@11:00',
        'fourth: A@10:00{b:"z"} Y@11:00 B@12:00',
    )
    split = {"breakdown": "b", "breakdown_limit": 1}
    assert cells(correlation(api, **split)) == {"X": (1, 3), "Y": (1, 0)}
    assert cells(correlation(api, **split, funnel_step_breakdown="x")) == {"X": (1, 1)}
    query = node("AB", source={"breakdownFilter": split})
    for value, expected in (("x", {"X": (1, 1)}), ("Other", {"X": (0, 2), "Y": (1, 0)})):
        query["source"]["funnelStepBreakdown"] = value
        assert cells(api.query(query).result) == expected, value


# --- odds ---------------------------------------------------------------------------------------------------

ODDS = [  # semantics F3, F4
    pytest.param(10, 0, 121.0, "success", id="all of the ones"),
    pytest.param(0, 10, 1 / 121, "failure", id="all of the others"),
    pytest.param(5, 5, 1.0, "failure", id="as many"),
    pytest.param(5, 4, 6 * 7 / (6 * 5), "success", id="one more"),
]


@pytest.mark.parametrize(("s", "f", "odds", "kind"), ODDS)
def test_odds(api: Api, s: int, f: int, odds: float, kind: str) -> None:
    wins = [f"w{n}: A@10:00 {'X@10:30 ' if n < s else ''}B@11:00" for n in range(10)]
    api.journeys(*wins, *(f"l{n}: A@10:00{' X@10:30' if n < f else ''}" for n in range(10)))
    (row,) = correlation(api)["events"]
    assert (row["success_count"], row["failure_count"], row["correlation_type"]) == (s, f, kind)
    assert math.isclose(row["odds_ratio"], odds)


def test_order(api: Api) -> None:  # semantics F6: success from the highest, then failure from the lowest
    api.journeys(
        "w1: A@1:00 P@2:00 Q@2:00 S@2:00 B@3:00",
        "w2: A@1:00 P@2:00 B@3:00",
        "l1: A@1:00 R@2:00 S@2:00 T@2:00",
        "l2: A@1:00 R@2:00",
    )
    result = correlation(api)
    found = [(row["event"]["event"], row["odds_ratio"]) for row in result["events"]]
    assert found == [("P", 9.0), ("Q", 3.0), ("R", 1 / 9), ("T", 1 / 3), ("S", 1.0)]


def test_ten_of_each_and_ties_by_name(api: Api) -> None:  # semantics F6
    letters = "ZYXWVUTSRQPO"
    api.journeys(
        "w: A@10:00 " + " ".join(f"good{letter}@10:10" for letter in letters) + " B@11:00",
        "l: A@10:00 " + " ".join(f"bad{letter}@10:10" for letter in letters),
    )
    ten = sorted(letters)[:10]
    assert names(correlation(api)) == [*(f"good{x}" for x in ten), *(f"bad{x}" for x in ten)]


@pytest.mark.parametrize(
    ("entrants", "kept"), [pytest.param(50, True, id="1 of 50"), pytest.param(51, False, id="1 of 51")]
)
def test_rare_things_are_dropped(api: Api, entrants: int, kept: bool) -> None:  # semantics F5, K63
    rest = entrants - 2
    api.journeys(
        "w: A@10:00 X@10:30 Y@10:30 B@11:00", "l: A@10:00 Y@10:30", *(f"p{n}: A@1:00" for n in range(rest))
    )
    assert cells(correlation(api)) == {"Y": (1, 1)} | ({"X": (1, 0)} if kept else {})


def test_twenty_five_are_enough(api: Api) -> None:  # semantics F5, K63: two percent of these are 26
    api.journeys(
        "w: A@1:00 X@2:00 Y@2:00 B@3:00",
        *(f"l{n}: A@1:00{' X@2:00' if n < 24 else ''}{' Y@2:00' if n < 23 else ''}" for n in range(1300)),
    )
    assert cells(correlation(api)) == {"X": (1, 24)}


# --- type events --------------------------------------------------------------------------------------------

RUNS = [  # semantics F8, F9, K61
    pytest.param("ordered", "w: X@9:00 A@10:00 B@11:00", {}, id="before the run"),
    pytest.param("ordered", "w: A@10:00 B@11:00 X@12:00", {}, id="after conversion"),
    pytest.param("ordered", "w: A@10:00 X@10:00 B@11:00", {}, id="with the first step"),
    pytest.param("ordered", "w: A@10:00 X@11:00 B@11:00", {}, id="with the last step"),
    pytest.param("ordered", "w: A@10:00 X@10:00:00.000001 B@11:00", {"X": (1, 0)}, id="just after the first"),
    pytest.param("ordered", "w: A@10:00 X@10:30 X@10:40 B@11:00", {"X": (1, 0)}, id="actors, not events"),
    pytest.param("ordered", "l: A@10:00 X@10:59:59.999999", {"X": (0, 1)}, id="within the window"),
    pytest.param("ordered", "l: A@10:00 X@11:00", {}, id="at the end of the window"),
    pytest.param("ordered", "w: A@9:00 X@9:30 A@10:00 B@10:30", {}, id="the run that converted"),
    pytest.param("unordered", "w: B@10:00 X@10:30 A@11:00", {"X": (1, 0)}, id="unordered"),
    pytest.param("unordered", "w: B@10:00 A@10:10 X@10:30", {}, id="unordered, after conversion"),
    pytest.param("strict", "l: A@10:00 X@10:30 B@10:40", {"X": (0, 1)}, id="strict: what broke it"),
    pytest.param("strict", "w: A@10:00 B@11:00 X@11:30", {}, id="strict"),
]


@pytest.mark.parametrize(("order", "line", "expected"), RUNS)
def test_inside_the_run(api: Api, order: str, line: str, expected: Cells) -> None:
    api.journeys(line, "won: A@10:00 B@11:00", "lost: A@10:00")
    assert cells(correlation(api, funnel_order_type=order, **HOUR)) == expected


def test_before_the_end_of_the_range(api: Api) -> None:  # semantics F8
    api.journeys("w: A@10:00 B@11:00", "l: A@2024-01-12T22:00 X@2024-01-12T23:00 Y@2024-01-13T01:00")
    assert cells(correlation(api)) == {"X": (0, 1)}


@pytest.mark.parametrize("viz", ["steps", "trends", "time_to_convert"])
def test_how_the_funnel_is_shown_does_not_matter(api: Api, viz: str) -> None:
    api.journeys("w: A@10:00 X@10:30 B@11:00", "l: A@10:00 X@10:30")
    assert cells(correlation(api, funnel_viz_type=viz)) == {"X": (1, 1)}


def test_events_of_steps_are_not_listed(api: Api) -> None:  # semantics F8
    api.journeys("w: A@1:00 B@2:00 A@2:30 C@3:00 A@4:00 D@5:00", "l: A@1:00 A@2:00 B@3:00 C@4:00")
    assert cells(correlation(api, "ABD")) == {"C": (1, 1)}


def test_events_of_actions_are_not_listed(api: Api) -> None:  # semantics F8, K62
    steps = [{"event": "P"}, {"event": "Q"}]
    action = api.post("actions/", {"name": "either", "steps": steps}).body["id"]
    api.journeys(
        "w: Q@1:00 P@1:30 X@2:00 Q@2:10 P@2:20 B@3:00", "w2: P@1:00 X@2:00 B@3:00", "l: P@1:00 Q@2:00"
    )
    result = asked(api, "", events=[{"id": "B", "order": 1}], actions=[{"id": action, "order": 0}]).result
    assert cells(result) == {"X": (1, 0)}


def test_a_step_of_any_event_hides_none(api: Api) -> None:
    api.journeys("w: A@1:00 X@2:00 Y@3:00 B@4:00", "l: A@1:00 X@2:00")
    assert cells(correlation(api, "A*B")) == {"X": (1, 1), "Y": (1, 0)}


def test_excluded_names(api: Api) -> None:  # semantics F9
    api.journeys("w: A@1:00 X@2:00 Y@2:00 B@3:00", "l: A@1:00")
    assert cells(correlation(api, funnel_correlation_exclude_event_names=["X"])) == {"Y": (1, 0)}


def test_the_filters_of_the_funnel_choose_actors_and_not_what_they_do(api: Api) -> None:  # semantics F8
    api.journeys("w: A@1:00{p:1} X@2:00 B@3:00{p:1}", "l: A@1:00{p:1} X@2:00", "out: A@1:00 X@2:00")
    wanted = [{"key": "p", "value": 1, "type": "event", "operator": "exact"}]
    assert cells(correlation(api, properties=wanted)) == {"X": (1, 1)}


def test_a_person_has_several_ids(api: Api) -> None:  # semantics B2, F14, K65
    api.journeys("phone: A@1:00 X@2:00", "web: X@2:30 X@2:40 B@3:00", *TWO)
    api.identify("web", anonymous="phone")
    assert cells_by_people(api, correlation(api)) == {"X": (["phone"], [])}


# --- type properties ----------------------------------------------------------------------------------------


@pytest.fixture
def shop(api: Api) -> Api:
    """Three convert, two do not; what they have says who they are."""
    api.journeys(*(f"w{n}: A@10:00 B@11:00" for n in (1, 2, 3)), *(f"l{n}: A@10:00" for n in (1, 2)))
    api.identify("w1", plan="pro", seats=5, beta=True)
    api.identify("w2", plan="pro", seats="5")
    api.identify("l1", plan="free")
    api.identify("l2", plan="", tags=["a", "b"])
    return api


def test_a_property(shop: Api) -> None:  # semantics F10
    result = correlation(shop, **PLAN)
    assert cells_by_people(shop, result) == {
        "plan::pro": (["w1", "w2"], []),
        "plan::free": ([], ["l1"]),
        "plan::": (["w3"], ["l2"]),  # not set, or set to nothing
    }
    assert result["events"][0]["event"] == {"event": "plan::pro", "properties": {}, "elements": []}


def test_who_converted_without_an_optional_step(shop: Api) -> None:  # semantics E51, F14
    steps = [
        {"id": "A", "order": 0},
        {"id": "B", "order": 1},
        {"id": "X", "order": 2, "optionalInFunnel": True},
    ]
    assert cells_by_people(shop, correlation(shop, events=steps, **PLAN)) == {
        "plan::pro": (["w1", "w2"], []),
        "plan::free": ([], ["l1"]),
        "plan::": (["w3"], ["l2"]),
    }


def test_all_properties(shop: Api) -> None:  # semantics F10, K64
    result = correlation(shop, **ALL)
    assert cells_by_people(shop, result) == {
        "plan::pro": (["w1", "w2"], []),
        "seats::5": (["w1", "w2"], []),
        "beta::true": (["w1"], []),
        "plan::free": ([], ["l1"]),
        "plan::": ([], ["l2"]),
        'tags::["a","b"]': ([], ["l2"]),
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            ALL | {"funnel_correlation_exclude_names": ["plan", "tags", "beta"]}, {"seats"}, id="all but"
        ),
        pytest.param(PLAN | {"funnel_correlation_exclude_names": ["plan"]}, set(), id="nothing is left"),
        pytest.param(PLAN | {"funnel_correlation_names": ["plan", "none"]}, {"plan", "none"}, id="several"),
        pytest.param(
            ALL | {"funnel_correlation_names": ["$all", "none"]},
            {"plan", "seats", "beta", "tags", "none"},
            id="all and one",
        ),
    ],
)
def test_names_of_properties(shop: Api, options: dict[str, Any], expected: set[str]) -> None:  # F10, K64
    result = correlation(shop, **options)
    assert {name.split("::")[0] for name in names(result)} == expected
    cells_by_people(shop, result)


def test_a_declared_type_joins_no_values(shop: Api) -> None:  # semantics C4, F14
    shop.identify("l1", seats="5.0")
    definitions = shop.get("property_definitions/?type=person&search=seats").body["results"]
    assert (
        shop.patch(f"property_definitions/{definitions[0]['id']}/", {"property_type": "Numeric"}).status
        == 200
    )
    result = correlation(shop, **PLAN | {"funnel_correlation_names": ["seats"]})
    assert cells_by_people(shop, result)["seats::5"] == (["w1", "w2"], [])


def test_distinct_ids_have_the_properties_of_their_person(shop: Api) -> None:  # semantics B4, F10
    shop.journeys("w1-phone: A@10:00 B@11:00")
    shop.identify("w1", anonymous="w1-phone")
    shop.settings(aggregate_users_by_distinct_id=True)
    assert cells_by_people(shop, correlation(shop, **PLAN))["plan::pro"] == (["w1", "w1-phone", "w2"], [])


# --- type event_with_properties ----------------------------------------------------------------------------


def test_properties_of_events(api: Api) -> None:  # semantics F11
    api.journeys(
        *(f'w{n}: A@10:00 X@10:30{{k:"a",n:5,yes:true}} B@11:00 X@12:00{{k:"a"}}' for n in range(3)),
        *(f'l{n}: A@10:00 X@10:30{{k:"b",empty:""}} X@10:40{{k:"b"}} Y@10:30{{k:"b"}}' for n in range(3)),
        'rare: A@10:00 X@10:30{k:"c"}',
    )
    result = correlation(api, **WEB)
    wins, losses = ["w0", "w1", "w2"], ["l0", "l1", "l2"]
    assert cells_by_people(api, result) == {
        "X::k::a": (wins, []),
        "X::n::5": (wins, []),
        "X::yes::true": (wins, []),
        "X::empty::": ([], losses),
        "X::k::b": ([], losses),
    }
    assert result["events"][0]["event"] == {"event": "X::k::a", "properties": {"k": "a"}, "elements": []}


def test_excluded_properties_of_events(api: Api) -> None:  # semantics F11
    api.journeys(*(f"w{n}: A@1:00 X@2:00{{k:1,j:2}} B@3:00" for n in range(3)), "l: A@1:00")
    options = WEB | {"funnel_correlation_event_exclude_property_names": ["k"]}
    assert cells(correlation(api, **options)) == {"X::j::2": (3, 0)}


@pytest.mark.parametrize(("people", "shown"), [(2, {}), (3, {"X::k::1": (3, 0)})])
def test_more_than_two_must_have_it(api: Api, people: int, shown: Cells) -> None:  # semantics F11
    api.journeys(*(f"w{n}: A@1:00 X@2:00{{k:1}} B@3:00" for n in range(people)), "l: A@1:00")
    assert cells(correlation(api, **WEB)) == shown


CHAIN = (
    'a.btn.big:attr__href="/x"href="/x"nth-child="1"nth-of-type="2"text="Say \\"hi\\"; now";div:attr__id="m"'
)
CLICKS = WEB | {"funnel_correlation_event_names": ["$autocapture", "X"]}


def test_autocapture(api: Api) -> None:  # semantics F12
    def click(who: str, chain: str | None) -> dict[str, Any]:
        properties = {"$event_type": "click", "k": 1} | ({} if chain is None else {"$elements_chain": chain})
        return {
            "event": "$autocapture",
            "distinct_id": who,
            "timestamp": "2024-01-10T10:30:00Z",
            "properties": properties,
        }

    api.journeys(
        *(f"w{n}: A@10:00 X@10:30{{k:1}} B@11:00" for n in range(3)), *(f"l{n}: A@10:00" for n in range(3))
    )
    api.capture([click(f"w{n}", CHAIN) for n in range(3)] + [click(f"l{n}", None) for n in range(3)])
    result = correlation(api, **CLICKS)
    wins, losses = ["w0", "w1", "w2"], ["l0", "l1", "l2"]
    assert cells_by_people(api, result) == {
        f"$autocapture::elements_chain::click__~~__{CHAIN}": (wins, []),
        "X::k::1": (wins, []),
        "$autocapture::elements_chain::click__~~__": ([], losses),
    }
    assert result["events"][0]["event"]["properties"] == {"$event_type": "click"}
    link, box = result["events"][0]["event"]["elements"]
    assert link == {
        "tag_name": "a",
        "attr_class": ["btn", "big"],
        "text": 'Say "hi"; now',
        "href": "/x",
        "attr_id": None,
        "nth_child": 1,
        "nth_of_type": 2,
        "attributes": {"attr__href": "/x"},
        "order": 0,
    }
    assert (box["tag_name"], box["attr_id"], box["order"], box["attr_class"]) == ("div", "m", 1, None)
    assert result["events"][-1]["event"]["elements"] == []


# --- groups -------------------------------------------------------------------------------------------------


@pytest.fixture
def companies(api: Api) -> Api:
    """`big` converts through two people, `small` does not."""
    api.capture(
        [
            {
                "event": "$groupidentify",
                "distinct_id": "x",
                "properties": {"$group_type": kind, "$group_key": key, "$group_set": {"size": key}},
            }
            for kind, key in (("team", "none"), ("org", "big"), ("org", "small"))
        ]
    )
    api.journeys(
        'ann: A@1:00{$group_1:"big"} X@2:00{$group_1:"big",k:1}',
        'bob: X@2:30{$group_1:"big"} B@3:00{$group_1:"big"}',
        'cid: A@1:00{$group_1:"small"} Y@2:00{$group_1:"small"} X@2:00',
        "dot: A@1:00 B@2:00",
    )
    return api


def test_groups(companies: Api) -> None:  # semantics F13
    by_index = correlation(companies, aggregation_group_type_index=1)
    assert cells_by_people(companies, by_index) == {"X": (["big"], []), "Y": ([], ["small"])}
    by_name = correlation(companies, funnel_aggregate_by_group_type="org")
    assert cells_by_people(companies, by_name) == {"X": (["big"], []), "Y": ([], ["small"])}


def test_properties_of_groups(companies: Api) -> None:  # semantics F13
    options = PLAN | {"aggregation_group_type_index": 1, "funnel_correlation_names": ["size", "none"]}
    assert cells_by_people(companies, correlation(companies, **options)) == {
        "size::big": (["big"], []),
        "none::": (["big"], ["small"]),
        "size::small": ([], ["small"]),
    }
