"""JSON -> node: what is accepted, what it becomes, and the one error for everything else."""

from __future__ import annotations

from typing import Any

import pytest

from queries.errors import InvalidQuery, NotSupported, QueryError, UnreadableQuery
from queries.funnels.node import FunnelsQuery
from queries.nodes import (
    ActionsNode,
    BreakdownFilter,
    Display,
    EventsNode,
    GroupNode,
    Math,
    PropertyFilter,
    PropertyGroup,
)
from queries.parse import parse_query, spelling
from queries.paths.node import PathsQuery
from queries.retention.node import RetentionPeriod, RetentionQuery
from queries.trends.node import TrendsQuery
from queries.wrappers import NODE_CLASSES, source_of

Json = dict[str, Any]
A: Json = {"kind": "EventsNode", "event": "a"}
B: Json = {"kind": "EventsNode", "event": "b"}
C: Json = {"kind": "EventsNode", "event": "c"}


def trends(**fields: Any) -> Json:
    return {"kind": "TrendsQuery", "series": [A], **fields}


def funnel(*steps: Json, **filter_fields: Any) -> Json:
    return {"kind": "FunnelsQuery", "series": list(steps or (A, B)), "funnelsFilter": filter_fields}


def exclusion(first: int | None, last: int | None, **fields: Any) -> Json:
    steps = {"funnelFromStep": first, "funnelToStep": last}
    given = {key: step for key, step in steps.items() if step is not None}
    return {"kind": "EventsNode", "event": "x", **given, **fields}


def paths(**filter_fields: Any) -> Json:
    return {"kind": "PathsQuery", "pathsFilter": filter_fields}


def retention(**filter_fields: Any) -> Json:
    return {"kind": "RetentionQuery", "retentionFilter": filter_fields}


def stickiness(**fields: Any) -> Json:
    return {"kind": "StickinessQuery", "series": [A], **fields}


MINIMAL: dict[str, Json] = {
    "TrendsQuery": trends(),
    "FunnelsQuery": {"kind": "FunnelsQuery", "series": [A, B]},
    "PathsQuery": paths(),
    "RetentionQuery": retention(),
    "StickinessQuery": stickiness(),
    "LifecycleQuery": {"kind": "LifecycleQuery", "series": [A]},
    "FunnelsActorsQuery": {"kind": "FunnelsActorsQuery", "source": funnel(), "funnelStep": 1},
    "FunnelCorrelationQuery": {
        "kind": "FunnelCorrelationQuery",
        "source": {"kind": "FunnelsActorsQuery", "source": funnel()},
        "funnelCorrelationType": "events",
    },
    "InsightActorsQuery": {"kind": "InsightActorsQuery", "source": trends(), "day": "2024-03-10"},
    "StickinessActorsQuery": {"kind": "StickinessActorsQuery", "source": stickiness(), "day": 2},
    "HogQLQuery": {"kind": "HogQLQuery", "query": "select 1"},
    "EventsQuery": {"kind": "EventsQuery", "select": ["*"]},
    "ActorsQuery": {"kind": "ActorsQuery"},
}
MINIMAL["FunnelCorrelationActorsQuery"] = {
    "kind": "FunnelCorrelationActorsQuery",
    "source": MINIMAL["FunnelCorrelationQuery"],
    "funnelCorrelationPersonConverted": True,
}
MINIMAL["InsightActorsQueryOptions"] = {
    "kind": "InsightActorsQueryOptions",
    "source": MINIMAL["InsightActorsQuery"],
}
MINIMAL["InsightVizNode"] = {"kind": "InsightVizNode", "source": trends()}
MINIMAL["DataVisualizationNode"] = {"kind": "DataVisualizationNode", "source": MINIMAL["HogQLQuery"]}
MINIMAL["DataTableNode"] = {"kind": "DataTableNode", "source": MINIMAL["ActorsQuery"], "columns": ["*"]}


# --- what is accepted ---------------------------------------------------------------------------------


def test_every_kind_has_a_smallest_example() -> None:
    assert MINIMAL.keys() == NODE_CLASSES.keys()


@pytest.mark.parametrize("kind", NODE_CLASSES)
def test_the_smallest_node_is_read_and_written_back(kind: str) -> None:
    node = parse_query(MINIMAL[kind])
    assert node.kind == kind
    assert parse_query(node.to_wire()) == node


@pytest.mark.parametrize("kind", NODE_CLASSES)
def test_presentational_keys_are_dropped(kind: str) -> None:  # api U3
    noise = {"full": True, "showHeader": 1, "goalLines": [{"value": 3}], "version": 2, "tags": {}}
    assert parse_query({**MINIMAL[kind], **noise}) == parse_query(MINIMAL[kind])


def test_nodes_are_frozen_and_hashable() -> None:
    node = parse_query(trends(properties=[{"key": "plan", "value": ["pro", 1]}]))
    assert len({node, parse_query(trends(properties=[{"key": "plan", "value": ["pro", 1]}]))}) == 1
    with pytest.raises(ValueError, match="frozen"):
        node.interval = "week"  # type: ignore[misc,union-attr]


def test_a_json_text_is_a_query_too() -> None:  # api P25
    assert parse_query('{"kind": "HogQLQuery", "query": "select 1"}').kind == "HogQLQuery"


@pytest.mark.parametrize("wrapper", ["InsightVizNode", "DataVisualizationNode", "DataTableNode"])
def test_wrappers_mean_their_source(wrapper: str) -> None:
    node = parse_query(MINIMAL[wrapper])
    assert source_of(node) == node.source  # type: ignore[union-attr]
    assert source_of(source_of(node)) is source_of(node)


def test_defaults_of_a_trend() -> None:
    node = parse_query(trends())
    assert isinstance(node, TrendsQuery)
    assert (node.interval, node.display, node.is_compared, node.breakdown) == (
        "day",
        Display.LINE,
        False,
        None,
    )
    assert node.series[0].effective_math is Math.TOTAL


def test_every_kind_of_series() -> None:
    both = {"kind": "GroupNode", "nodes": [A, {"kind": "ActionsNode", "id": 3}], "math": "dau"}
    node = parse_query(trends(series=[A, {"kind": "ActionsNode", "id": "3"}, both, {"kind": "EventsNode"}]))
    assert isinstance(node, TrendsQuery)
    assert [type(series) for series in node.series] == [EventsNode, ActionsNode, GroupNode, EventsNode]
    assert node.series[3].event is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "fields, texts",
    [
        pytest.param({"formula": "A"}, ["A"], id="one"),
        pytest.param({"formula": "A", "formulas": ["B", "A/B"]}, ["B", "A/B"], id="several win"),
        pytest.param(
            {"formulas": ["B"], "formulaNodes": [{"formula": "A*2", "custom_name": "Twice"}]},
            ["A*2"],
            id="named ones win over all",
        ),
        pytest.param({}, [], id="none"),
        pytest.param({"formula": " "}, [], id="blank is none"),
    ],
)
def test_precedence_of_formulas(fields: Json, texts: list[str]) -> None:  # api U4
    node = parse_query(trends(trendsFilter=fields))
    assert isinstance(node, TrendsQuery)
    assert [formula.formula for formula in node.trends_filter.all_formulas] == texts


# --- breakdowns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, parts",
    [
        pytest.param({"breakdown": "$os"}, [("$os", "event")], id="one property"),
        pytest.param(
            {"breakdown": "$os", "breakdown_type": "events"}, [("$os", "event")], id="events is event"
        ),
        pytest.param(
            {"breakdown": ["$os", "plan"], "breakdown_type": "person"},
            [("$os", "person"), ("plan", "person")],
            id="a list of properties",
        ),
        pytest.param(
            {"breakdown": "x", "breakdowns": [{"property": "$os", "type": "person"}]},
            [("$os", "person")],
            id="breakdowns win",
        ),
        pytest.param({"breakdown": ""}, [], id="blank is none"),
        pytest.param({"breakdown": [], "breakdowns": []}, [], id="empty lists are none"),
    ],
)
def test_parts_of_a_breakdown(fields: Json, parts: list[tuple[str, str]]) -> None:  # api T8
    found = BreakdownFilter.model_validate(fields).parts
    assert [(part.property, part.type.value) for part in found] == parts


def test_cohorts_of_a_breakdown_keep_their_order() -> None:  # semantics D42
    found = BreakdownFilter.model_validate({"breakdown": [7, "all", "3"], "breakdown_type": "cohort"})
    assert (found.cohorts, found.parts) == ((7, "all", 3), ())


@pytest.mark.parametrize(
    "fields, display, limit",
    [
        pytest.param({}, None, 25, id="25 by default"),
        pytest.param({}, Display.WORLD_MAP, 250, id="250 on a map"),
        pytest.param({"breakdown_limit": 3}, Display.WORLD_MAP, 3, id="what was asked for"),
    ],
)
def test_limit_of_a_breakdown(fields: Json, display: Display | None, limit: int) -> None:  # D32, D36
    assert BreakdownFilter.model_validate(fields).limit(display) == limit


def test_a_bold_number_has_no_breakdown() -> None:  # semantics D31
    node = parse_query(trends(trendsFilter={"display": "BoldNumber"}, breakdownFilter={"breakdown": "$os"}))
    assert isinstance(node, TrendsQuery)
    assert node.breakdown is None


def test_bins_may_be_asked_for_in_either_filter() -> None:
    node = parse_query(
        trends(trendsFilter={"breakdown_histogram_bin_count": 4}, breakdownFilter={"breakdown": "amount"})
    )
    assert isinstance(node, TrendsQuery)
    assert node.breakdown is not None
    assert node.breakdown.parts[0].histogram_bin_count == 4


# --- funnels, paths, retention ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, seconds",
    [
        pytest.param({}, 14 * 86_400, id="fourteen days by default"),
        pytest.param({"funnelWindowInterval": 0}, 14 * 86_400, id="zero is the default"),
        pytest.param({"funnelWindowInterval": -3}, 14 * 86_400, id="so is a negative number"),
        pytest.param({"funnelWindowInterval": 2, "funnelWindowIntervalUnit": "hour"}, 7_200, id="hours"),
        pytest.param(
            {"funnelWindowInterval": 1, "funnelWindowIntervalUnit": "month"}, 2_678_400, id="31 days"
        ),
        pytest.param({"funnelWindowInterval": 10**30}, 200 * 366 * 86_400, id="for ever stays a number"),
    ],
)
def test_conversion_window(fields: Json, seconds: int) -> None:  # semantics E4
    node = parse_query(funnel(**fields))
    assert isinstance(node, FunnelsQuery)
    assert node.funnels_filter.window_seconds == seconds


@pytest.mark.parametrize("given, bins", [(0, 1), (91, 90), (5, 5), ("7", 7), ("auto", None), (None, None)])
def test_bins_are_clamped(given: object, bins: int | None) -> None:  # semantics E45, api S24
    node = parse_query(funnel(binCount=given))
    assert isinstance(node, FunnelsQuery)
    assert node.funnels_filter.bin_count == bins


def test_a_funnel_may_have_a_hundred_steps_but_not_more() -> None:
    assert parse_query(funnel(*[A] * 100)).kind == "FunnelsQuery"
    with pytest.raises(InvalidQuery) as caught:
        parse_query(funnel(*[A] * 101))
    assert (caught.value.code, caught.value.attr) == ("max_value", "query__series")


@pytest.mark.parametrize(
    "fields, limit",
    [
        pytest.param({}, 50, id="fifty"),
        pytest.param({"startPoint": "/a"}, 50, id="also from a point"),
        pytest.param({"startPoint": "/a", "endPoint": "/b"}, None, id="all between two points"),
        pytest.param({"startPoint": "/a", "endPoint": "/b", "edgeLimit": 7}, 7, id="unless asked for"),
    ],
)
def test_edge_limit(fields: Json, limit: int | None) -> None:  # semantics G18
    node = parse_query(paths(**fields))
    assert isinstance(node, PathsQuery)
    assert node.paths_filter.effective_edge_limit == limit


def test_cleaning_rules_apply_in_their_order() -> None:
    rules = [{"regex": "b", "alias": "2", "order": 2}, {"regex": "a", "alias": "1", "order": 1}]
    node = parse_query(paths(localPathCleaningFilters=rules))
    assert isinstance(node, PathsQuery)
    assert [rule.regex for rule in node.paths_filter.cleaning_rules] == ["a", "b"]


@pytest.mark.parametrize("word", ["day", "Day", "DAY", "quarter", "Year"])
def test_periods_in_any_case(word: str) -> None:
    node = parse_query(retention(period=word))
    assert isinstance(node, RetentionQuery)
    assert node.retention_filter.period == RetentionPeriod(word.capitalize())


def test_entities_of_retention_become_series() -> None:
    node = parse_query(
        retention(
            targetEntity={"id": "7", "type": "actions"},
            returningEntity={"id": None, "kind": "EventsNode", "properties": [{"key": "a", "value": 1}]},
        )
    )
    assert isinstance(node, RetentionQuery)
    assert node.retention_filter.target == ActionsNode(id=7)
    assert node.retention_filter.returning.filters is not None


def test_retention_is_about_pageviews_by_default() -> None:  # semantics H1
    node = parse_query(retention())
    assert isinstance(node, RetentionQuery)
    assert node.retention_filter.target == node.retention_filter.returning == EventsNode(event="$pageview")


def test_what_only_concerns_the_picture_may_be_anything() -> None:
    assert parse_query(retention(retentionReference="moon", meanRetentionCalculation=3)) == parse_query(
        retention()
    )


def test_fixed_properties_apply_as_well() -> None:  # api U4
    one, two = {"key": "a", "value": 1}, {"key": "b", "value": 2}
    node = parse_query(trends(series=[{**A, "properties": [one], "fixedProperties": [two]}]))
    assert isinstance(node, TrendsQuery)
    assert node.series[0].filters == PropertyGroup(
        values=(
            PropertyGroup(values=(PropertyFilter(key="a", value=1),)),
            PropertyGroup(values=(PropertyFilter(key="b", value=2),)),
        )
    )


# --- what cannot be read (api P25) --------------------------------------------------------------------

MANY = {"kind": "InsightVizNode", "source": trends(series=[{**A, "math": "many"}])}


@pytest.mark.parametrize(
    "raw, attr",
    [
        pytest.param(5, "query", id="a number"),
        pytest.param([], "query", id="a list"),
        pytest.param("{", "query", id="half a JSON text"),
        pytest.param({}, "query__kind", id="no kind"),
        pytest.param({"kind": "Question"}, "query__kind", id="unknown kind"),
        pytest.param(trends(foo=1), "query__foo", id="unknown key"),
        pytest.param(trends(date_range={}), "query__date_range", id="our own spelling is not the wire's"),
        pytest.param(trends(series="a"), "query__series", id="text for a list"),
        pytest.param(trends(series=[5]), "query__series__0", id="number for a series"),
        pytest.param(trends(series=[{"event": "a"}]), "query__series__0__kind", id="series without kind"),
        pytest.param(trends(series=[{**A, "math": "many"}]), "query__series__0__math", id="unknown math"),
        pytest.param(trends(series=[{**A, "id": 3}]), "query__series__0__id", id="an event has no id"),
        pytest.param(
            trends(series=[{"kind": "ActionsNode", "id": True}]),
            "query__series__0__id",
            id="true is no number",
        ),
        pytest.param(MANY, "query__source__series__0__math", id="inside a wrapper"),
        pytest.param(trends(interval="fortnight"), "query__interval", id="unknown interval"),
        pytest.param(trends(filterTestAccounts="maybe"), "query__filterTestAccounts", id="no boolean"),
        pytest.param(trends(trendsFilter={"display": "Globe"}), "query__trendsFilter__display", id="display"),
        pytest.param(
            trends(breakdownFilter={"breakdown": {}}), "query__breakdownFilter__breakdown", id="object"
        ),
        pytest.param(
            trends(properties=[{"key": "a", "operator": "like", "value": 1}]),
            "query__properties__0__operator",
            id="unknown operator",
        ),
        pytest.param(trends(properties=[5]), "query__properties__0", id="a filter that is a number"),
        pytest.param(trends(properties="plan"), "query__properties", id="filters that are a text"),
        pytest.param(
            {"kind": "InsightVizNode", "source": MINIMAL["HogQLQuery"]}, "query__source__kind", id="SQL"
        ),
        pytest.param(funnel(funnelVizType="pie"), "query__funnelsFilter__funnelVizType", id="unknown view"),
        pytest.param(
            stickiness(aggregation_group_type_index=0), "query__aggregation_group_type_index", id="U2"
        ),
    ],
)
def test_unreadable(raw: object, attr: str) -> None:
    with pytest.raises(UnreadableQuery) as caught:
        parse_query(raw)
    assert (caught.value.code, caught.value.attr) == ("parse_error", attr)


@pytest.mark.parametrize(
    "raw, attr",
    [
        pytest.param({"kind": "WebOverviewQuery"}, "query__kind", id="a kind of the peer"),
        pytest.param(
            {"kind": "DataTableNode", "source": {"kind": "TracesQuery"}},
            "query__source__kind",
            id="in a wrapper",
        ),
        pytest.param(
            trends(series=[{"kind": "DataWarehouseNode"}]), "query__series__0__kind", id="warehouse"
        ),
        pytest.param(trends(conversionGoal={"event": "a"}), "query__conversionGoal", id="conversion goal"),
        pytest.param(
            trends(trendsFilter={"display": "CalendarHeatmap"}), "query__trendsFilter__display", id="heatmap"
        ),
        pytest.param(
            trends(properties=[{"key": "f", "type": "flag", "value": True}]),
            "query__properties__0__type",
            id="flag",
        ),
        pytest.param(
            trends(properties=[{"key": "v", "operator": "semver_gt", "value": "1.2"}]),
            "query__properties__0__operator",
            id="versions",
        ),
        pytest.param(
            trends(breakdownFilter={"breakdown": "x", "breakdown_type": "data_warehouse"}),
            "query__breakdownFilter__breakdown_type",
            id="breakdown by warehouse",
        ),
    ],
)
def test_known_but_not_built(raw: Json, attr: str) -> None:
    with pytest.raises(NotSupported) as caught:
        parse_query(raw)
    assert (caught.value.code, caught.value.attr) == ("not_supported", attr)


# --- what is wrong (api N1, N5, U5) -------------------------------------------------------------------


def error_of(raw: Json) -> tuple[str, str | None]:
    with pytest.raises(InvalidQuery) as caught:
        parse_query(raw)
    return caught.value.code, caught.value.attr


@pytest.mark.parametrize(
    "raw, code, attr",
    [
        pytest.param({"kind": "TrendsQuery"}, "required", "series", id="no series"),
        pytest.param({"kind": "PathsQuery"}, "required", "pathsFilter", id="no paths filter"),
        pytest.param({"kind": "InsightVizNode"}, "required", "source", id="no source"),
        pytest.param(trends(series=[A] * 51), "max_value", "series", id="51 series"),
        pytest.param(
            trends(series=[A] * 27, trendsFilter={"formula": "A"}), "max_value", "series", id="27 letters"
        ),
        pytest.param(trends(samplingFactor=0), "min_value", "samplingFactor", id="a sample of nothing"),
        pytest.param(
            trends(samplingFactor=1.5), "max_value", "samplingFactor", id="a sample of more than all"
        ),
        pytest.param(
            trends(aggregation_group_type_index=5), "max_value", "aggregation_group_type_index", id="group"
        ),
        pytest.param(
            trends(trendsFilter={"smoothingIntervals": 0}),
            "min_value",
            "trendsFilter__smoothingIntervals",
            id="0",
        ),
        pytest.param(
            trends(trendsFilter={"smoothingIntervals": 367}),
            "max_value",
            "trendsFilter__smoothingIntervals",
            id="367",
        ),
        pytest.param(
            trends(breakdownFilter={"breakdown_limit": 1001}),
            "max_value",
            "breakdownFilter__breakdown_limit",
            id="1001",
        ),
        pytest.param(
            trends(breakdownFilter={"breakdown": "a", "breakdown_histogram_bin_count": 101}),
            "max_value",
            "breakdownFilter__breakdown_histogram_bin_count",
            id="101 bins",
        ),
        pytest.param(
            trends(breakdownFilter={"breakdowns": [{"property": "a"}] * 4}),
            "max_value",
            "breakdownFilter__breakdowns",
            id="four breakdowns",
        ),
        pytest.param(paths(stepLimit=21), "max_value", "pathsFilter__stepLimit", id="21 path steps"),
        pytest.param(paths(edgeLimit=0), "min_value", "pathsFilter__edgeLimit", id="no edges"),
        pytest.param(
            retention(totalIntervals=1), "min_value", "retentionFilter__totalIntervals", id="one interval"
        ),
        pytest.param(
            retention(totalIntervals=181), "max_value", "retentionFilter__totalIntervals", id="181 intervals"
        ),
        pytest.param(
            funnel(A, B, exclusions=[exclusion(0, 1)] * 11),
            "max_value",
            "funnelsFilter__exclusions",
            id="eleven exclusions",
        ),
        pytest.param(
            trends(dateRange={"date_from": "soon"}), "invalid_input", "dateRange__date_from", id="no date"
        ),
        pytest.param(
            trends(dateRange={"date_to": "all"}), "invalid_input", "dateRange__date_to", id="all is a start"
        ),
        pytest.param(
            trends(compareFilter={"compare": True, "compare_to": "x"}),
            "invalid_input",
            "compareFilter__compare_to",
            id="compare to what",
        ),
    ],
)
def test_bounds_and_missing_fields(raw: Json, code: str, attr: str) -> None:
    assert error_of(raw) == (code, f"query__{attr}")


@pytest.mark.parametrize(
    "math, field",
    [
        ("sum", "math_property"),
        ("p99", "math_property"),
        ("unique_group", "math_group_type_index"),
        ("hogql", "math_hogql"),
    ],
)
def test_maths_name_what_they_need(math: str, field: str) -> None:  # api T2
    assert error_of(trends(series=[A, {**B, "math": math}])) == ("required", f"query__series__1__{field}")


def test_stickiness_ignores_maths_it_does_not_know() -> None:  # api T2
    assert parse_query(stickiness(series=[{**A, "math": "sum"}])).kind == "StickinessQuery"
    wrong = stickiness(series=[A, {**A, "math": "unique_group"}])
    assert error_of(wrong) == ("required", "query__series__1__math_group_type_index")


@pytest.mark.parametrize(
    "fields, attr",
    [
        pytest.param({"breakdown": [1]}, "breakdown", id="a number is no property"),
        pytest.param({"breakdown": ["x"], "breakdown_type": "cohort"}, "breakdown", id="a text is no cohort"),
        pytest.param({"breakdown": "$shoe_size", "breakdown_type": "session"}, "breakdown", id="session key"),
        pytest.param(
            {"breakdown": "plan", "breakdown_type": "group"}, "breakdown_group_type_index", id="group"
        ),
        pytest.param(
            {"breakdowns": [{"property": "1", "type": "cohort"}]}, "breakdowns__0__type", id="cohort"
        ),
        pytest.param(
            {"breakdowns": [{"property": "a"}, {"property": "b", "histogram_bin_count": 3}]},
            "breakdowns__1__histogram_bin_count",
            id="bins need a single breakdown",
        ),
    ],
)
def test_wrong_breakdowns(fields: Json, attr: str) -> None:  # api T8, T9
    code, where = error_of(trends(breakdownFilter=fields))
    assert where == f"query__breakdownFilter__{attr}"
    assert code == ("required" if "group" in attr else "invalid_input")


def test_types_of_breakdowns_may_differ_in_trends_only() -> None:  # api T8
    mixed = {"breakdowns": [{"property": "a"}, {"property": "b", "type": "person"}]}
    assert parse_query(trends(breakdownFilter=mixed)).kind == "TrendsQuery"
    wrong = {**funnel(), "breakdownFilter": mixed}
    assert error_of(wrong) == ("invalid_input", "query__breakdownFilter__breakdowns__1__type")


def test_percentiles_have_no_bins() -> None:  # semantics D46
    binned = {"breakdown": "a", "breakdown_histogram_bin_count": 3}
    series = [{**A, "math": "p90", "math_property": "b"}]
    assert error_of(trends(series=series, breakdownFilter=binned)) == (
        "invalid_input",
        "query__series__0__math",
    )


def test_a_lifecycle_has_one_series() -> None:  # api U4
    for series in ([], [A, B]):
        assert error_of({"kind": "LifecycleQuery", "series": series}) == ("invalid_input", "query__series")


# --- wrong funnels (semantics E22, E30, E44, E48, E51) ------------------------------------------------

PRO = [{"key": "plan", "value": "pro"}]


@pytest.mark.parametrize(
    "excluded, order, attr",
    [
        pytest.param(exclusion(2, 2), "ordered", "0__funnelFromStep", id="starts at the last step"),
        pytest.param(exclusion(-1, 2), "ordered", "0__funnelFromStep", id="starts before the first"),
        pytest.param(exclusion(1, 3), "ordered", "0__funnelToStep", id="ends behind the last step"),
        pytest.param(exclusion(1, 1), "ordered", "0__funnelToStep", id="spans nothing"),
        pytest.param(exclusion(1, 0), "ordered", "0__funnelToStep", id="backwards"),
        pytest.param(exclusion(0, 1, event="b"), "ordered", "0", id="equal to a step it spans"),
        pytest.param(exclusion(0, 1, event=None), "ordered", "0", id="any event covers every step"),
        pytest.param(exclusion(1, 2, event="c"), "ordered", "0", id="covers a filtered step"),
        pytest.param(exclusion(0, 1), "unordered", "0__funnelToStep", id="unordered: all steps or none"),
        pytest.param(exclusion(1, 2), "unordered", "0__funnelFromStep", id="unordered: from the first"),
        pytest.param(exclusion(1, 3), "strict", "0__funnelToStep", id="also where it changes nothing"),
    ],
)
def test_wrong_exclusions(excluded: Json, order: str, attr: str) -> None:
    raw = funnel(A, B, {**C, "properties": PRO}, exclusions=[excluded], funnelOrderType=order)
    assert error_of(raw) == ("invalid_input", f"query__funnelsFilter__exclusions__{attr}")


@pytest.mark.parametrize(
    "excluded, field",
    [
        pytest.param(exclusion(None, 1), "funnelFromStep", id="start missing"),
        pytest.param(exclusion(0, None), "funnelToStep", id="end missing"),
    ],
)
def test_exclusions_say_from_where_to_where(excluded: Json, field: str) -> None:
    code, where = error_of(funnel(exclusions=[excluded]))
    assert (code, where) == ("required", f"query__funnelsFilter__exclusions__0__{field}")


@pytest.mark.parametrize(
    "excluded, order",
    [
        pytest.param(exclusion(0, 1), "ordered", id="between two steps"),
        pytest.param(exclusion(0, 1, event="c"), "ordered", id="equal to a step it does not span"),
        pytest.param(exclusion(0, 1, event="b", properties=PRO), "ordered", id="narrower than the step"),
        pytest.param(exclusion(0, 2), "unordered", id="unordered over all steps"),
    ],
)
def test_good_exclusions(excluded: Json, order: str) -> None:
    assert parse_query(funnel(A, B, C, exclusions=[excluded], funnelOrderType=order)).kind == "FunnelsQuery"


@pytest.mark.parametrize(
    "fields, attr",
    [
        pytest.param(
            {"funnelVizType": "trends", "funnelToStep": 2}, "funnelToStep", id="behind the last step"
        ),
        pytest.param({"funnelVizType": "trends", "funnelToStep": 0}, "funnelToStep", id="ends at the first"),
        pytest.param(
            {"funnelVizType": "time_to_convert", "funnelFromStep": 1, "funnelToStep": 1},
            "funnelToStep",
            id="no way",
        ),
        pytest.param(
            {"funnelVizType": "trends", "funnelFromStep": 1}, "funnelToStep", id="from the last step"
        ),
        pytest.param(
            {"funnelVizType": "trends", "funnelFromStep": -1}, "funnelFromStep", id="before the first"
        ),
        pytest.param(
            {"breakdownAttributionType": "step", "breakdownAttributionValue": 2},
            "breakdownAttributionValue",
            id="no such step",
        ),
        pytest.param(
            {
                "breakdownAttributionType": "step",
                "breakdownAttributionValue": 1,
                "funnelOrderType": "unordered",
            },
            "breakdownAttributionValue",
            id="unordered knows only step 0",
        ),
    ],
)
def test_wrong_steps_and_attribution(fields: Json, attr: str) -> None:
    assert error_of(funnel(A, B, **fields)) == ("invalid_input", f"query__funnelsFilter__{attr}")


def test_attribution_to_a_step_needs_the_step() -> None:
    wrong = funnel(breakdownAttributionType="step")
    assert error_of(wrong) == ("required", "query__funnelsFilter__breakdownAttributionValue")


def test_leftover_steps_do_not_hurt_where_they_mean_nothing() -> None:
    assert parse_query(funnel(funnelVizType="steps", funnelToStep=9)).kind == "FunnelsQuery"


OPTIONAL = {**B, "optionalInFunnel": True}


@pytest.mark.parametrize(
    "steps, fields",
    [
        pytest.param([OPTIONAL, A], {}, id="the first step"),
        pytest.param([A, OPTIONAL, B], {}, id="before its required twin"),
        pytest.param([A, OPTIONAL, C], {"funnelVizType": "trends"}, id="outside the steps view"),
        pytest.param([A, OPTIONAL, C], {"funnelOrderType": "unordered"}, id="without an order"),
    ],
)
def test_wrong_optional_steps(steps: list[Json], fields: Json) -> None:  # semantics E51
    position = steps.index(OPTIONAL)
    where = f"query__series__{position}__optionalInFunnel"
    assert error_of(funnel(*steps, **fields)) == ("invalid_input", where)


def test_an_optional_step_in_between_is_fine() -> None:
    assert parse_query(funnel(A, OPTIONAL, C)).kind == "FunnelsQuery"


@pytest.mark.parametrize("step", [0, -1, 3, -3])
def test_wrong_steps_of_actors(step: int) -> None:  # semantics E48
    raw = {"kind": "FunnelsActorsQuery", "source": funnel(), "funnelStep": step}
    assert error_of(raw) == ("invalid_input", "query__funnelStep")


@pytest.mark.parametrize(
    "kind, field",
    [("properties", "funnelCorrelationNames"), ("event_with_properties", "funnelCorrelationEventNames")],
)
def test_correlations_name_what_they_compare(kind: str, field: str) -> None:  # semantics F10, F11
    raw = {**MINIMAL["FunnelCorrelationQuery"], "funnelCorrelationType": kind}
    assert error_of(raw) == ("required", f"query__{field}")
    assert parse_query({**raw, field: ["$all"]}).kind == "FunnelCorrelationQuery"


NO_SERIES: Json = {"kind": "LifecycleQuery", "series": []}


# --- wrong paths, retention ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw, code, attr",
    [
        pytest.param(
            paths(includeEventTypes=["custom_event"], includeCustomEvents=["a"]),
            "invalid_input",
            "pathsFilter__includeCustomEvents",
            id="names and all of them",
        ),
        pytest.param(
            paths(includeEventTypes=["hogql"]),
            "required",
            "pathsFilter__pathsHogQLExpression",
            id="no expression",
        ),
        pytest.param(
            paths(minEdgeWeight=3, maxEdgeWeight=2),
            "invalid_input",
            "pathsFilter__maxEdgeWeight",
            id="weights",
        ),
        pytest.param(
            paths(localPathCleaningFilters=[{"regex": "(", "alias": "x"}]),
            "invalid_input",
            "pathsFilter__localPathCleaningFilters__0__regex",
            id="pattern",
        ),
        pytest.param(
            {**paths(), "funnelPathsFilter": {"funnelSource": funnel(), "funnelStep": 5}},
            "invalid_input",
            "funnelPathsFilter__funnelStep",
            id="no such step of the funnel",
        ),
        pytest.param(
            {
                **paths(),
                "funnelPathsFilter": {
                    "funnelSource": funnel(),
                    "funnelStep": 1,
                    "funnelPathType": "funnel_path_between_steps",
                },
            },
            "invalid_input",
            "funnelPathsFilter__funnelStep",
            id="nothing before the first step",
        ),
        pytest.param(
            {**paths(), "funnelPathsFilter": {"funnelSource": funnel(exclusions=[exclusion(1, 1)])}},
            "invalid_input",
            "funnelPathsFilter__funnelSource__funnelsFilter__exclusions__0__funnelFromStep",
            id="a wrong funnel inside",
        ),
        pytest.param(
            retention(cumulative=True, timeWindowMode="24_hour_windows"),
            "invalid_input",
            "retentionFilter__timeWindowMode",
            id="rolling windows are not cumulative",
        ),
        pytest.param(
            retention(aggregationType="sum"),
            "required",
            "retentionFilter__aggregationProperty",
            id="sum of what",
        ),
        pytest.param(
            retention(targetEntity={"type": "actions", "id": "x"}),
            "invalid_input",
            "retentionFilter__targetEntity__id",
            id="action without a number",
        ),
        pytest.param(
            {"kind": "ActorsQuery", "source": {**MINIMAL["InsightActorsQuery"], "source": NO_SERIES}},
            "invalid_input",
            "source__source__series",
            id="deep inside",
        ),
    ],
)
def test_wrong_paths_retention_and_sources(raw: Json, code: str, attr: str) -> None:
    assert error_of(raw) == (code, f"query__{attr}")


# --- spelling -----------------------------------------------------------------------------------------


def test_the_first_error_in_field_order_is_reported() -> None:  # api N1
    with pytest.raises(QueryError) as caught:
        parse_query(trends(series=[{**A, "math": "x"}, {**A, "math": "y"}], interval="z", foo=1))
    assert caught.value.attr == "query__series__0__math"


@pytest.mark.parametrize(
    "raw, attr",
    [
        pytest.param(trends(), "query__series__0__id", id="a bare node"),
        pytest.param(MINIMAL["InsightVizNode"], "query__source__series__0__id", id="a wrapped one"),
    ],
)
def test_later_errors_are_spelled_like_the_input(raw: Json, attr: str) -> None:
    assert spelling(parse_query(raw))(("series", 0, "id")) == attr


def test_the_name_of_the_parameter_can_be_another() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query({"kind": "TrendsQuery"}, attr="filters_override")
    assert caught.value.attr == "filters_override__series"
