"""Parameters of the calculation endpoints and saved `filters`: what they mean and how they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from queries.correlation.node import FunnelCorrelationQuery
from queries.errors import InvalidQuery, NotSupported, QueryError, UnknownReference
from queries.funnels.node import FunnelsQuery
from queries.legacy import (
    completed_entity,
    filter_echo,
    filters_to_node,
    filters_to_query,
    parse_legacy,
    read_legacy,
    to_legacy,
)
from queries.lifecycle.node import LifecycleQuery
from queries.nodes import ActionsNode, EventsNode, GroupNode
from queries.parse import parse_query
from queries.paths.node import PathsQuery
from queries.retention.node import RetentionQuery
from queries.stickiness.node import StickinessQuery
from queries.trends.node import TrendsQuery

Json = dict[str, Any]
A, B = {"id": "a"}, {"id": "b"}
TWO: Json = {"events": [A, B]}


def trend(**params: Any) -> TrendsQuery:
    node = parse_legacy({"events": [A], **params}, insight="TRENDS")
    assert isinstance(node, TrendsQuery)
    return node


def funnel(**params: Any) -> FunnelsQuery:
    node = parse_legacy({**TWO, **params}, insight="FUNNELS")
    assert isinstance(node, FunnelsQuery)
    return node


def retention(**params: Any) -> RetentionQuery:
    node = parse_legacy(params, insight="RETENTION")
    assert isinstance(node, RetentionQuery)
    return node


def paths(**params: Any) -> PathsQuery:
    node = parse_legacy(params, insight="PATHS")
    assert isinstance(node, PathsQuery)
    return node


# --- S2: how values arrive ----------------------------------------------------------------------------


def test_everything_may_be_text() -> None:
    typed = {
        "events": [{"id": "a", "math": "dau"}],
        "properties": {"type": "OR", "values": [{"key": "plan", "value": "pro"}]},
        "filter_test_accounts": True,
        "smoothing_intervals": 3,
        "sampling_factor": 0.5,
        "compare": True,
    }
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in {**typed, "filter_test_accounts": "Yes", "compare": "on"}.items()
    }
    assert parse_legacy(texts, insight="TRENDS") == parse_legacy(typed, insight="TRENDS")


@pytest.mark.parametrize(
    "name", ["interval", "date_from", "breakdown", "display", "properties", "compare", "formula"]
)
def test_empty_text_is_absent(name: str) -> None:
    assert trend(**{name: ""}) == trend()


def test_unknown_parameters_are_ignored() -> None:
    assert trend(name="string", refresh="blocking", client_query_id="x", query={"kind": "?"}) == trend()


@pytest.mark.parametrize("word", ["false", "no", "0", "off", "maybe", False, 0])
def test_everything_else_is_false(word: object) -> None:  # api P6
    assert trend(filter_test_accounts=word).filter_test_accounts is False


@pytest.mark.parametrize(
    "written, read",
    [
        pytest.param("$browser", "$browser", id="a name"),
        pytest.param('"$browser"', "$browser", id="a JSON text"),
        pytest.param("{plan", "{plan", id="no JSON stays what it is"),
        pytest.param("7", "7", id="a number is a name"),
    ],
)
def test_breakdown_as_text(written: str, read: str) -> None:
    node = trend(breakdown=written)
    assert node.breakdown is not None
    assert [part.property for part in node.breakdown.parts] == [read]


def test_breakdown_by_cohorts_as_text() -> None:
    node = trend(breakdown='[9581, "all"]', breakdown_type="cohort")
    assert node.breakdown is not None
    assert node.breakdown.cohorts == (9581, "all")


# --- T1: entities -------------------------------------------------------------------------------------


def test_events_and_actions_are_merged_by_their_order() -> None:
    node = trend(
        events=[{"id": "a", "order": 2}, {"id": None, "order": 0}],
        actions=[{"id": "7", "name": "Buys", "order": 1}],
    )
    assert node.series == (
        EventsNode(event=None),
        ActionsNode(id=7, name="Buys"),
        EventsNode(event="a", name="a"),
    )


def test_without_an_order_the_position_counts_and_events_come_first() -> None:
    node = trend(events=[A, B], actions=[{"id": 1}])
    assert [series.kind for series in node.series] == ["EventsNode", "EventsNode", "ActionsNode"]


@pytest.mark.parametrize(
    "given, kept",
    [(" Sign up ", "Sign up"), ("  ", None), (None, None), (5, "5")],
    ids=["trimmed", "blank is none", "none", "a number is text"],
)
def test_custom_names(given: object, kept: str | None) -> None:  # api P26
    assert trend(events=[{"id": "a", "custom_name": given}]).series[0].custom_name == kept


def test_several_events_in_one_series() -> None:
    both = {"type": "groups", "nestedFilters": [A, {"id": 3, "type": "actions"}], "math": "dau"}
    (series,) = trend(events=[], groups=[both]).series
    assert isinstance(series, GroupNode)
    assert series.nodes == (EventsNode(event="a", name="a"), ActionsNode(id=3))


def test_completed_entities_have_every_key() -> None:
    node = trend(
        events=[
            {"id": "a", "math": "sum", "math_property": "amount", "properties": [{"key": "k", "value": 1}]}
        ]
    )
    assert completed_entity(node.series[0], 0) == {
        "id": "a",
        "type": "events",
        "order": 0,
        "name": "a",
        "custom_name": None,
        "math": "sum",
        "math_property": "amount",
        "math_property_type": None,
        "math_group_type_index": None,
        "math_hogql": None,
        "properties": {
            "type": "AND",
            "values": [{"key": "k", "value": 1, "operator": "exact", "type": "event"}],
        },
    }


def test_every_event_is_called_all_events() -> None:  # semantics D58
    entity = completed_entity(EventsNode(), 1)
    assert (entity["id"], entity["name"], entity["order"], entity["properties"]) == (
        None,
        "All events",
        1,
        {},
    )


# --- which insight ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params, kind",
    [
        pytest.param({}, TrendsQuery, id="the endpoint's own"),
        pytest.param({"insight": "STICKINESS"}, StickinessQuery, id="stickiness"),
        pytest.param({"insight": "lifecycle"}, LifecycleQuery, id="in any case"),
        pytest.param({"shown_as": "Stickiness"}, StickinessQuery, id="the oldest way to say it"),
        pytest.param({"shown_as": "Volume"}, TrendsQuery, id="volume is a trend"),
        pytest.param({"insight": "FUNNELS"}, TrendsQuery, id="other values are ignored"),
    ],
)
def test_the_trend_endpoint_serves_three(params: Json, kind: type) -> None:  # api S4
    assert type(parse_legacy({"events": [A], **params}, insight="TRENDS")) is kind


@pytest.mark.parametrize(
    "said, kind",
    [
        (None, "TrendsQuery"),
        ("SESSIONS", "TrendsQuery"),
        ("FUNNELS", "FunnelsQuery"),
        ("PATHS", "PathsQuery"),
        ("RETENTION", "RetentionQuery"),
        ("STICKINESS", "StickinessQuery"),
        ("LIFECYCLE", "LifecycleQuery"),
    ],
)
def test_saved_filters_say_what_they_are(said: str | None, kind: str) -> None:  # api T10
    assert filters_to_node({"insight": said, "events": [A]}).kind == kind


# --- endpoint and saved filters differ in their defaults ----------------------------------------------


def test_events_or_actions_are_required_on_an_endpoint_only() -> None:  # api S4
    with pytest.raises(InvalidQuery) as caught:
        parse_legacy({}, insight="FUNNELS")
    assert (caught.value.code, caught.value.attr) == ("required", "events")
    assert parse_legacy({"events": "[]"}, insight="TRENDS").series == ()  # type: ignore[union-attr]
    assert filters_to_node({}).series == ()  # type: ignore[union-attr]


@pytest.mark.parametrize("insight", ["PATHS", "RETENTION"])
def test_paths_and_retention_need_no_events(insight: str) -> None:
    assert parse_legacy({}, insight=insight).kind in ("PathsQuery", "RetentionQuery")


@pytest.mark.parametrize(
    "given, endpoint, saved", [(0, None, 0), ("0", None, 0), (2, 2, 2), (None, None, None)]
)
def test_group_type_zero_means_persons_on_the_funnel_endpoints(
    given: object, endpoint: int | None, saved: int | None
) -> None:  # api S16
    params = {**TWO, "aggregation_group_type_index": given}
    correlation = parse_legacy(params, insight="CORRELATION")
    assert isinstance(correlation, FunnelCorrelationQuery)
    assert correlation.source.source.aggregation_group_type_index == endpoint
    assert parse_legacy(params, insight="FUNNELS").aggregation_group_type_index == endpoint  # type: ignore[union-attr]
    stored = filters_to_node({**params, "insight": "FUNNELS"})
    assert stored.aggregation_group_type_index == saved  # type: ignore[union-attr]


def test_a_group_type_may_be_named() -> None:  # api S16
    params = {**TWO, "funnel_aggregate_by_group_type": "company"}
    node = parse_legacy(params, insight="FUNNELS", group_types={0: "company"})
    assert node.aggregation_group_type_index == 0  # type: ignore[union-attr]
    with pytest.raises(UnknownReference) as caught:
        parse_legacy(params, insight="FUNNELS", group_types={0: "team"})
    assert (caught.value.code, caught.value.attr) == ("does_not_exist", "funnel_aggregate_by_group_type")


def test_the_funnel_endpoint_shows_ten_values() -> None:  # api S17
    by_browser = {**TWO, "breakdown": "$browser", "insight": "FUNNELS"}
    endpoint, saved = parse_legacy(by_browser, insight="FUNNELS"), filters_to_node(by_browser)
    assert isinstance(endpoint, FunnelsQuery) and isinstance(saved, FunnelsQuery)
    assert endpoint.breakdown_filter is not None and saved.breakdown_filter is not None
    assert (endpoint.breakdown_filter.limit(), saved.breakdown_filter.limit()) == (10, 25)


def test_legacy_trends_have_no_other() -> None:  # api T9
    by_browser = {"events": [A], "breakdown": "$browser"}
    endpoint, saved = parse_legacy(by_browser, insight="TRENDS"), filters_to_node(by_browser)
    assert endpoint.breakdown_filter.breakdown_hide_other_aggregation is True  # type: ignore[union-attr]
    assert saved.breakdown_filter.breakdown_hide_other_aggregation is None  # type: ignore[union-attr]


def test_the_next_page_of_values() -> None:  # api S12
    node = trend(breakdown="$browser", offset="25")
    assert node.breakdown is not None
    assert node.breakdown.breakdown_offset == 25


def test_retention_defaults() -> None:  # api S22, semantics H1
    target = {"id": "signup", "type": "events"}
    node = retention(target_entity=target, date_from="-3d", period="WEEK")
    saved = filters_to_node({"insight": "RETENTION", "target_entity": target, "date_from": "-3d"})
    assert isinstance(saved, RetentionQuery)
    assert (node.retention_filter.total_intervals, saved.retention_filter.total_intervals) == (11, 7)
    assert (node.retention_filter.returning.event, saved.retention_filter.returning.event) == (  # type: ignore[union-attr]
        "signup",
        "$pageview",
    )
    assert node.date_range is None or node.date_range.date_from is None
    assert saved.date_range is not None and saved.date_range.date_from == "-3d"
    assert node.retention_filter.period == "Week"


def test_unfinished_filters_are_dropped_from_saved_ones_only() -> None:  # semantics C6, api T4
    unfinished = {"properties": [{"key": "plan"}, {"key": "age", "value": 3}], "events": [A]}
    assert len(filters_to_node(unfinished).properties.values) == 1  # type: ignore[union-attr]
    with pytest.raises(InvalidQuery) as caught:
        parse_legacy(unfinished, insight="TRENDS")
    assert (caught.value.code, caught.value.attr) == ("required", "properties__values__0__value")


def test_an_unknown_display_is_dropped_from_saved_filters_only() -> None:  # api T10
    assert filters_to_node({"events": [A], "display": "Sculpture"}) == filters_to_node({"events": [A]})


def test_texts_among_the_events_are_dropped_from_saved_filters_only() -> None:  # api T10
    assert filters_to_node({"events": ["{EVENT}", A]}) == filters_to_node({"events": [A]})


def test_compare_to_needs_compare() -> None:  # api S.2
    assert trend(compare_to="-1w") == trend()
    assert trend(compare="1", compare_to="-1w").compare_filter.compare_to == "-1w"  # type: ignore[union-attr]


# --- S4: funnels --------------------------------------------------------------------------------------

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    "params, seconds",
    [
        pytest.param({}, 14 * DAY, id="fourteen days"),
        pytest.param({"funnel_window_interval": 2}, 2 * DAY, id="days unless said otherwise"),
        pytest.param(
            {"funnel_window_interval": "2", "funnel_window_interval_type": "HOUR"}, 2 * HOUR, id="HOUR"
        ),
        pytest.param(
            {"funnel_window_interval": 2, "funnel_window_interval_type": "hours"}, 2 * HOUR, id="hours"
        ),
        pytest.param(
            {"funnel_window_interval": 2, "funnel_window_interval_unit": "hour"},
            2 * HOUR,
            id="the peer's name",
        ),
        pytest.param(
            {
                "funnel_window_interval": 2,
                "funnel_window_interval_type": "day",
                "funnel_window_interval_unit": "hour",
            },
            2 * DAY,
            id="the documented name wins",
        ),
        pytest.param({"funnel_window_days": 3}, 3 * DAY, id="the deprecated days"),
        pytest.param(
            {"funnel_window_days": 3, "funnel_window_interval": 1, "funnel_window_interval_type": "week"},
            7 * DAY,
            id="only without an interval",
        ),
        pytest.param({"funnel_window_interval": 0}, 14 * DAY, id="zero is the default"),
        pytest.param({"funnel_window_interval": -1}, 14 * DAY, id="so is a negative number"),
    ],
)
def test_funnel_window(params: Json, seconds: int) -> None:
    assert funnel(**params).funnels_filter.window_seconds == seconds


@pytest.mark.parametrize(
    "params, view",
    [
        ({}, "steps"),
        ({"display": "ActionsLineGraph"}, "trends"),
        ({"display": "ActionsLineGraph", "funnel_viz_type": "steps"}, "steps"),
        ({"display": "FunnelViz"}, "steps"),
        ({"funnel_viz_type": "time_to_convert"}, "time_to_convert"),
    ],
)
def test_a_line_graph_is_a_funnel_over_time(params: Json, view: str) -> None:
    assert funnel(**params).funnels_filter.funnel_viz_type == view


def test_exclusions() -> None:
    excluded = {"id": 4, "type": "actions", "funnel_from_step": "0", "funnel_to_step": 1}
    (exclusion,) = funnel(exclusions=json.dumps([excluded])).funnels_filter.exclusions
    assert exclusion.kind == "ActionsNode"
    assert (exclusion.id, exclusion.funnel_from_step, exclusion.funnel_to_step) == (4, 0, 1)  # type: ignore[union-attr]


def test_a_list_of_properties_is_one_breakdown_of_a_funnel() -> None:  # semantics E31
    node = funnel(breakdown=["$os", "$browser"], breakdown_type="person")
    assert node.breakdown_filter is not None
    assert [part.property for part in node.breakdown_filter.parts] == ["$os", "$browser"]


@pytest.mark.parametrize("entries, is_list", [(1, False), (2, True)])
def test_one_saved_breakdown_is_unwrapped(entries: int, is_list: bool) -> None:  # api T10
    filters = {"events": [A], "breakdowns": [{"property": "$os", "type": "person"}] * entries}
    saved, endpoint = filters_to_node(filters), parse_legacy(filters, insight="TRENDS")
    assert saved.breakdown_filter.is_list is is_list  # type: ignore[union-attr]
    assert saved.breakdown_filter.parts[0].type == "person"  # type: ignore[union-attr]
    assert endpoint.breakdown_filter.is_list is True  # type: ignore[union-attr]


def test_correlation() -> None:  # api S18
    params = {
        **TWO,
        "funnel_window_days": 1,
        "funnel_step": 1,
        "funnel_correlation_type": "properties",
        "funnel_correlation_names": '["$all"]',
        "funnel_correlation_exclude_names": ["$os"],
    }
    node = parse_legacy(params, insight="CORRELATION")
    assert isinstance(node, FunnelCorrelationQuery)
    assert node.source.source.funnels_filter.window_seconds == DAY
    assert (node.source.funnel_step, node.funnel_correlation_names) == (1, ("$all",))
    assert node.funnel_correlation_exclude_names == ("$os",)


# --- S20: paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params, types",
    [
        ({}, ()),
        (
            {"include_event_types": '["$pageview", "hogql"]', "paths_hogql_expression": "event"},
            ("$pageview", "hogql"),
        ),
        ({"path_type": "$screen"}, ("$screen",)),
        ({"path_type": "$screen", "include_event_types": ["custom_event"]}, ("custom_event",)),
    ],
)
def test_types_of_path_items(params: Json, types: tuple[str, ...]) -> None:
    assert paths(**params).paths_filter.include_event_types == types


def test_a_path_through_a_funnel() -> None:
    step = {"insight": "FUNNELS", "events": [A, B], "funnel_step": -2, "aggregation_group_type_index": 0}
    node = paths(funnel_paths="funnel_path_before_step", funnel_filter=json.dumps(step))
    assert node.funnel_paths_filter is not None
    assert node.funnel_paths_filter.funnel_step == -2
    assert node.funnel_paths_filter.funnel_source.aggregation_group_type_index == 0


# --- errors in the parameters' spelling ---------------------------------------------------------------

ENTITY_X = {"id": "x"}


@pytest.mark.parametrize(
    "params, code, attr",
    [
        pytest.param({"events": [{}]}, "required", "events__0__id", id="entity without id"),
        pytest.param({"events": [5]}, "invalid_input", "events__0", id="entity that is a number"),
        pytest.param({"events": "[{"}, "invalid_input", "events", id="broken JSON"),
        pytest.param({"events": '{"id": "a"}'}, "not_a_list", "events", id="an object for a list"),
        pytest.param(
            {"events": [], "actions": [{"id": "x"}]}, "invalid_input", "actions__0__id", id="action id"
        ),
        pytest.param(
            {"events": [{"id": "a", "order": "x"}]}, "invalid_input", "events__0__order", id="order"
        ),
        pytest.param(
            {"events": [A, {"id": "b", "math": "many"}]}, "invalid_choice", "events__1__math", id="math"
        ),
        pytest.param(
            {"events": [{"id": "a", "order": 1}], "actions": [{"id": 1, "math": "many", "order": 0}]},
            "invalid_choice",
            "actions__0__math",
            id="the caller's list, not the merged one",
        ),
        pytest.param(
            {"events": [{"id": "a", "math": "sum"}]}, "required", "math_property", id="property of a math"
        ),
        pytest.param(
            {"events": [{"id": "a", "math": "unique_group"}]},
            "required",
            "math_group_type_index",
            id="group of a math",
        ),
        pytest.param(
            {"events": [{"id": "a", "math_group_type_index": 9}]},
            "max_value",
            "events__0__math_group_type_index",
            id="no such group type",
        ),
        pytest.param(
            {"events": [{"id": "a", "properties": [{"key": "k"}]}]},
            "required",
            "events__0__properties__values__0__value",
            id="filter of a series",
        ),
        pytest.param({"properties": "{"}, "invalid_input", "properties", id="broken filters"),
        pytest.param({"properties": "5"}, "invalid_input", "properties", id="filters that are a number"),
        pytest.param(
            {"properties": {"type": "AND", "values": [{"key": "a", "value": 1, "operator": "like"}]}},
            "invalid_choice",
            "properties__values__0__operator",
            id="operator",
        ),
        pytest.param(
            {"properties": [{"key": "a", "value": 1, "type": "zodiac"}]},
            "invalid_choice",
            "properties__values__0__type",
            id="type of a filter",
        ),
        pytest.param({"date_from": "soon"}, "invalid_input", "date_from", id="date_from"),
        pytest.param({"date_to": "all"}, "invalid_input", "date_to", id="date_to"),
        pytest.param({"interval": "fortnight"}, "invalid_choice", "interval", id="interval"),
        pytest.param({"sampling_factor": "x"}, "invalid_input", "sampling_factor", id="no factor"),
        pytest.param({"sampling_factor": 2}, "max_value", "sampling_factor", id="a factor above 1"),
        pytest.param(
            {"aggregation_group_type_index": "x"}, "invalid_input", "aggregation_group_type_index", id="x"
        ),
        pytest.param(
            {"aggregation_group_type_index": -1}, "min_value", "aggregation_group_type_index", id="-1"
        ),
        pytest.param({"display": "Sculpture"}, "invalid_choice", "display", id="display"),
        pytest.param({"smoothing_intervals": 0}, "min_value", "smoothing_intervals", id="smoothing"),
        pytest.param({"compare": True, "compare_to": "x"}, "invalid_input", "compare_to", id="compare to"),
        pytest.param(
            {"breakdown": "a", "breakdown_type": "x"}, "invalid_choice", "breakdown_type", id="type"
        ),
        pytest.param({"breakdown": ["a"]}, "invalid_input", "breakdown", id="a list of properties"),
        pytest.param({"breakdown": 5}, "invalid_input", "breakdown", id="a number as property"),
        pytest.param(
            {"breakdown": "x", "breakdown_type": "cohort"}, "invalid_input", "breakdown", id="cohort text"
        ),
        pytest.param(
            {"breakdown": ["x"], "breakdown_type": "cohort"}, "invalid_input", "breakdown", id="cohort list"
        ),
        pytest.param({"breakdown": "a", "breakdown_limit": 1001}, "max_value", "breakdown_limit", id="limit"),
        pytest.param(
            {"breakdown": "a", "breakdown_type": "group"},
            "required",
            "breakdown_group_type_index",
            id="group",
        ),
        pytest.param(
            {"breakdowns": [{"property": "a"}] * 4}, "max_value", "breakdowns", id="four breakdowns"
        ),
        pytest.param(
            {"breakdowns": [{"type": "event"}]}, "required", "breakdowns__0__property", id="no property"
        ),
        pytest.param(
            {"insight": "LIFECYCLE", "events": [A, B]}, "invalid_input", "events", id="one for a lifecycle"
        ),
        pytest.param(
            {"insight": "STICKINESS", "stickiness_criteria": {"operator": "x", "value": 1}},
            "invalid_choice",
            "stickiness_criteria__operator",
            id="criteria",
        ),
    ],
)
def test_wrong_trend_parameters(params: Json, code: str, attr: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_legacy({"events": [A], **params}, insight="TRENDS")
    assert (caught.value.code, caught.value.attr) == (code, attr)


def excluding(**fields: Any) -> Json:
    return {"exclusions": [{**ENTITY_X, "funnel_from_step": 0, "funnel_to_step": 1, **fields}]}


@pytest.mark.parametrize(
    "params, code, attr",
    [
        pytest.param({"funnel_viz_type": "sideways"}, "invalid_choice", "funnel_viz_type", id="view"),
        pytest.param({"funnel_order_type": "sideways"}, "invalid_choice", "funnel_order_type", id="order"),
        pytest.param(
            {"funnel_window_interval_type": "aeon"},
            "invalid_choice",
            "funnel_window_interval_type",
            id="unit",
        ),
        pytest.param(
            {"funnel_window_interval_unit": "aeon"},
            "invalid_choice",
            "funnel_window_interval_unit",
            id="alias",
        ),
        pytest.param(
            {"funnel_window_interval": "two"}, "invalid_input", "funnel_window_interval", id="window"
        ),
        pytest.param({"funnel_to_step": 2}, "invalid_input", "funnel_to_step", id="behind the last step"),
        pytest.param(
            {"funnel_from_step": 1, "funnel_to_step": 1}, "invalid_input", "funnel_to_step", id="no way"
        ),
        pytest.param({"funnel_from_step": 1}, "invalid_input", "funnel_to_step", id="from the last step"),
        pytest.param(
            excluding(funnel_to_step=None), "required", "exclusions__0__funnel_to_step", id="no end"
        ),
        pytest.param(
            excluding(funnel_from_step=""), "required", "exclusions__0__funnel_from_step", id="no start"
        ),
        pytest.param(
            excluding(funnel_from_step="x"), "invalid_input", "exclusions__0__funnel_from_step", id="x"
        ),
        pytest.param(
            excluding(funnel_from_step=1), "invalid_input", "exclusions__0__funnel_from_step", id="late"
        ),
        pytest.param(
            excluding(funnel_to_step=2), "invalid_input", "exclusions__0__funnel_to_step", id="too far"
        ),
        pytest.param(
            excluding(funnel_to_step=0), "invalid_input", "exclusions__0__funnel_to_step", id="empty"
        ),
        pytest.param(excluding(id="b"), "invalid_input", "exclusions__0", id="equal to a step"),
        pytest.param(
            {"exclusions": [{"funnel_from_step": 0}]}, "required", "exclusions__0__id", id="no event"
        ),
        pytest.param(
            {"breakdown_attribution_type": "sideways"},
            "invalid_choice",
            "breakdown_attribution_type",
            id="touch",
        ),
        pytest.param(
            {"breakdown_attribution_type": "step"}, "required", "breakdown_attribution_value", id="which step"
        ),
        pytest.param(
            {"breakdown_attribution_type": "step", "breakdown_attribution_value": 2},
            "invalid_input",
            "breakdown_attribution_value",
            id="no such step",
        ),
        pytest.param(
            {
                "breakdown_attribution_type": "step",
                "breakdown_attribution_value": 1,
                "funnel_order_type": "unordered",
            },
            "invalid_input",
            "breakdown_attribution_value",
            id="unordered knows only step 0",
        ),
        pytest.param({"bin_count": "many"}, "invalid_input", "bin_count", id="bins"),
        pytest.param({"events": [A] * 101}, "max_value", "events", id="101 steps"),
    ],
)
@pytest.mark.parametrize("insight", ["FUNNELS", "CORRELATION"])
def test_wrong_funnel_parameters(insight: str, params: Json, code: str, attr: str) -> None:  # api S24
    with pytest.raises(InvalidQuery) as caught:
        parse_legacy({**TWO, **params}, insight=insight)
    assert (caught.value.code, caught.value.attr) == (code, attr)


@pytest.mark.parametrize("given, bins", [(0, 1), ("91", 90), ("auto", None)])
def test_bins_are_clamped(given: object, bins: int | None) -> None:  # api S24
    assert funnel(bin_count=given).funnels_filter.bin_count == bins


FUNNEL_PATHS = {"funnel_paths": "funnel_path_after_step"}


@pytest.mark.parametrize(
    "insight, params, code, attr",
    [
        pytest.param(
            "CORRELATION",
            {"funnel_correlation_type": "x"},
            "invalid_choice",
            "funnel_correlation_type",
            id="type",
        ),
        pytest.param(
            "CORRELATION",
            {"funnel_correlation_type": "properties"},
            "required",
            "funnel_correlation_names",
            id="names",
        ),
        pytest.param(
            "CORRELATION",
            {"funnel_correlation_type": "event_with_properties"},
            "required",
            "funnel_correlation_event_names",
            id="event names",
        ),
        pytest.param("CORRELATION", {"funnel_step": -1}, "invalid_input", "funnel_step", id="step"),
        pytest.param("PATHS", {"step_limit": 21}, "max_value", "step_limit", id="steps of a path"),
        pytest.param("PATHS", {"edge_limit": 0}, "min_value", "edge_limit", id="edges"),
        pytest.param("PATHS", {"path_type": "x"}, "invalid_choice", "path_type", id="oldest type"),
        pytest.param(
            "PATHS",
            {"include_event_types": ["x"]},
            "invalid_choice",
            "include_event_types__0",
            id="item type",
        ),
        pytest.param(
            "PATHS",
            {"min_edge_weight": 2, "max_edge_weight": 1},
            "invalid_input",
            "max_edge_weight",
            id="weights",
        ),
        pytest.param(
            "PATHS",
            {"local_path_cleaning_filters": [{"regex": "(", "alias": "a"}]},
            "invalid_input",
            "local_path_cleaning_filters__0__regex",
            id="pattern",
        ),
        pytest.param(
            "PATHS", {"funnel_paths": "x", "funnel_filter": TWO}, "invalid_choice", "funnel_paths", id="part"
        ),
        pytest.param("PATHS", FUNNEL_PATHS, "required", "funnel_filter", id="no funnel"),
        pytest.param(
            "PATHS",
            {**FUNNEL_PATHS, "funnel_filter": {"events": [{"id": "a", "math": "x"}]}},
            "invalid_choice",
            "funnel_filter__events__0__math",
            id="a wrong funnel",
        ),
        pytest.param(
            "PATHS",
            {**FUNNEL_PATHS, "funnel_filter": {**TWO, "funnel_window_interval": "x"}},
            "invalid_input",
            "funnel_filter__funnel_window_interval",
            id="a wrong window inside",
        ),
        pytest.param(
            "PATHS",
            {**FUNNEL_PATHS, "funnel_filter": {**TWO, "funnel_step": 7}},
            "invalid_input",
            "funnel_filter__funnel_step",
            id="no such step of the funnel",
        ),
        pytest.param("RETENTION", {"period": "aeon"}, "invalid_choice", "period", id="period"),
        pytest.param("RETENTION", {"total_intervals": 1}, "min_value", "total_intervals", id="one interval"),
        pytest.param(
            "RETENTION", {"total_intervals": "x"}, "invalid_input", "total_intervals", id="no interval"
        ),
        pytest.param(
            "RETENTION", {"retention_type": "x"}, "invalid_choice", "retention_type", id="retention type"
        ),
        pytest.param(
            "RETENTION", {"target_entity": "{"}, "invalid_input", "target_entity", id="broken entity"
        ),
        pytest.param("RETENTION", {"target_entity": {}}, "required", "target_entity__id", id="no id"),
        pytest.param(
            "RETENTION",
            {"returning_entity": {"id": "x", "type": "actions"}},
            "invalid_input",
            "returning_entity__id",
            id="action id",
        ),
    ],
)
def test_wrong_parameters_elsewhere(insight: str, params: Json, code: str, attr: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse_legacy({**TWO, **params}, insight=insight)
    assert (caught.value.code, caught.value.attr) == (code, attr)


def test_known_but_not_built() -> None:
    with pytest.raises(NotSupported) as caught:
        trend(display="CalendarHeatmap")
    assert (caught.value.code, caught.value.attr) == ("not_supported", "display")


def test_saved_filters_name_the_column() -> None:  # api P26
    with pytest.raises(InvalidQuery) as caught:
        filters_to_node({"events": [{}]}, attr="filters")
    assert caught.value.attr == "filters__events__0__id"
    with pytest.raises(InvalidQuery) as caught:
        filters_to_node({"insight": "HOROSCOPE"}, attr="filters")
    assert (caught.value.code, caught.value.attr) == ("invalid_choice", "filters__insight")


@pytest.mark.parametrize(
    "insight, params, path, attr",
    [
        pytest.param(
            "FUNNELS", {"actions": [{"id": 4711}]}, ("series", 2, "id"), "actions__0__id", id="action"
        ),
        pytest.param("TRENDS", {"formula": "A+Z"}, ("trendsFilter", "formula"), "formula", id="formula"),
        pytest.param("TRENDS", {}, ("interval",), "interval", id="interval"),
        pytest.param("TRENDS", {}, ("breakdownFilter", "breakdown"), "breakdown", id="breakdown"),
        pytest.param("TRENDS", {}, ("series", 1, "event"), "events__1__id", id="event"),
        pytest.param(
            "CORRELATION", {}, ("source", "source", "series", 0, "event"), "events__0__id", id="funnel of"
        ),
        pytest.param("TRENDS", {}, (), None, id="the query itself"),
    ],
)
def test_later_errors_are_spelled_like_the_parameters(
    insight: str, params: Json, path: tuple[str | int, ...], attr: str | None
) -> None:  # api N5
    assert read_legacy({**TWO, **params}, insight=insight).spell(path) == attr


# --- T10: the example of the contract, and the echo ---------------------------------------------------

SAVED: Json = {
    "insight": "TRENDS",
    "events": [
        {
            "id": "$pageview",
            "math": "dau",
            "order": 0,
            "properties": [
                {"key": "$browser", "value": ["Chrome", "Safari"], "operator": "exact", "type": "event"}
            ],
        }
    ],
    "properties": {
        "type": "AND",
        "values": [
            {
                "type": "OR",
                "values": [
                    {"key": "plan", "type": "person", "operator": "exact", "value": "pro"},
                    {"key": "id", "type": "cohort", "value": 12},
                ],
            }
        ],
    },
    "date_from": "-30d",
    "interval": "week",
    "breakdown": "$country",
    "breakdown_type": "event",
    "compare": True,
}

CONVERTED: Json = {
    "kind": "TrendsQuery",
    "dateRange": {"date_from": "-30d"},
    "interval": "week",
    "series": [
        {
            "kind": "EventsNode",
            "event": "$pageview",
            "name": "$pageview",
            "math": "dau",
            "properties": [
                {"key": "$browser", "value": ["Chrome", "Safari"], "operator": "exact", "type": "event"}
            ],
        }
    ],
    "properties": {
        "type": "AND",
        "values": [
            {
                "type": "OR",
                "values": [
                    {"key": "plan", "type": "person", "operator": "exact", "value": "pro"},
                    {"key": "id", "type": "cohort", "operator": "in", "value": 12},
                ],
            }
        ],
    },
    "breakdownFilter": {"breakdown": "$country", "breakdown_type": "event"},
    "compareFilter": {"compare": True},
}


def test_the_example_of_the_contract() -> None:  # api T10
    assert filters_to_query(SAVED) == CONVERTED
    assert filters_to_node(SAVED) == parse_query(CONVERTED)


def test_a_single_level_of_filters_is_wrapped() -> None:  # api T10
    leaf = {"key": "plan", "value": "pro", "operator": "exact", "type": "event"}
    assert filters_to_query({"events": [A], "properties": [leaf]})["properties"] == {
        "type": "AND",
        "values": [{"type": "AND", "values": [leaf]}],
    }


def test_the_picture_survives_both_ways() -> None:  # api T10
    filters = {"events": [A], "show_legend": True, "aggregation_axis_format": "duration", "decimal_places": 2}
    query = filters_to_query(filters)
    assert query["trendsFilter"] == {
        "showLegend": True,
        "decimalPlaces": 2,
        "aggregationAxisFormat": "duration",
    }
    back = to_legacy(query)
    assert {name: back[name] for name in filters if name != "events"} == {
        name: value for name, value in filters.items() if name != "events"
    }
    wrapped = {"kind": "InsightVizNode", "source": query, "full": True}
    assert to_legacy(wrapped) == back


def test_sql_has_no_form_as_filters() -> None:
    with pytest.raises(NotSupported):
        to_legacy(parse_query({"kind": "HogQLQuery", "query": "select 1"}))


def test_the_echo_has_some_keys_always() -> None:  # api S5
    assert read_legacy({"events": [A]}, insight="TRENDS").echo == {
        "insight": "TRENDS",
        "display": "ActionsLineGraph",
        "interval": "day",
        "date_from": None,
        "date_to": None,
        "events": [completed_entity(EventsNode(event="a"), 0)],
        "actions": [],
        "properties": {},
        "filter_test_accounts": False,
    }


ASKED: list[tuple[str, Json]] = [
    ("TRENDS", {**SAVED, "offset": 25, "smoothing_intervals": "3"}),
    (
        "TRENDS",
        {
            "events": '[{"id": "a", "order": 1}]',
            "actions": [{"id": 3, "order": 0}],
            "properties": [{"key": "k", "value": 1}],
        },
    ),
    (
        "TRENDS",
        {
            "events": [{"id": None}],
            "insight": "STICKINESS",
            "stickiness_criteria": '{"operator": "gte", "value": 2}',
        },
    ),
    ("TRENDS", {"events": [A], "shown_as": "Lifecycle", "date_from": "all"}),
    (
        "FUNNELS",
        {
            **TWO,
            **excluding(),
            "breakdown": ["$os"],
            "aggregation_group_type_index": 0,
            "funnel_window_days": 2,
        },
    ),
    ("FUNNELS", {**TWO, "display": "ActionsLineGraph", "funnel_to_step": 1, "interval": "week"}),
    ("CORRELATION", {**TWO, "funnel_correlation_type": "properties", "funnel_correlation_names": ["$all"]}),
    ("PATHS", {**FUNNEL_PATHS, "funnel_filter": {**TWO, "funnel_step": 2}, "path_groupings": ["/a/*"]}),
    (
        "RETENTION",
        {"target_entity": {"id": "a", "type": "events"}, "period": "Week", "date_to": "2024-03-10"},
    ),
]


@pytest.mark.parametrize("insight, params", ASKED)
def test_sending_the_echo_back_asks_the_same(insight: str, params: Json) -> None:  # api S5
    asked = read_legacy(params, insight=insight)
    again = read_legacy(json.loads(json.dumps(asked.echo)), insight=insight)
    assert again.node == asked.node
    assert again.echo == asked.echo


def test_the_echo_of_a_node_is_made_from_the_node() -> None:  # api V2
    echo = filter_echo(parse_query(CONVERTED))
    assert (echo["insight"], echo["date_from"], echo["breakdown"]) == ("TRENDS", "-30d", "$country")
    assert filters_to_node(echo) == parse_query(CONVERTED)


@pytest.mark.parametrize("raw", [None, 5, [], "x", {"a": []}])
def test_nonsense_is_an_error_of_ours(raw: Any) -> None:
    for name in (
        "events",
        "properties",
        "exclusions",
        "breakdowns",
        "target_entity",
        "funnel_filter",
        "bin_count",
    ):
        for insight in ("TRENDS", "FUNNELS", "CORRELATION", "PATHS", "RETENTION"):
            try:
                parse_legacy({**TWO, **FUNNEL_PATHS, name: [raw]}, insight=insight)
                parse_legacy({**TWO, **FUNNEL_PATHS, name: raw}, insight=insight)
            except QueryError as error:
                assert error.attr is not None
