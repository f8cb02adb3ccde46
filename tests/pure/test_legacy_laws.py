"""Laws of the border to `filters`, over generated questions."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queries.errors import QueryError
from queries.legacy import PARAMETERS, filters_to_node, filters_to_query, parse_legacy, read_legacy, to_legacy
from queries.nodes import BreakdownType, Display, Interval, Math, MathPropertyType, Operator
from queries.parse import parse_query

Json = dict[str, Any]
INSIGHTS = ("TRENDS", "FUNNELS", "CORRELATION", "PATHS", "RETENTION")

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6)
scalars = names | st.integers(-99, 99) | st.booleans()
group_type = st.integers(0, 4)
flags = st.booleans()


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


leaves = st.fixed_dictionaries(
    {"key": names, "value": scalars | st.lists(scalars, min_size=1, max_size=3)},
    optional={
        "operator": st.sampled_from([Operator.EXACT, Operator.IS_NOT, Operator.ICONTAINS, Operator.LT]),
        "type": st.sampled_from(["event", "person", "feature"]),
    },
) | st.builds(
    lambda id, negation: {"key": "id", "type": "cohort", "value": id, "negation": negation},
    st.integers(1, 99),
    flags,
)
groups = st.recursive(
    st.lists(leaves, min_size=1, max_size=2).map(lambda found: {"type": "AND", "values": found}),
    lambda inner: st.builds(
        lambda type, values: {"type": type, "values": values},
        st.sampled_from(["AND", "OR"]),
        st.lists(inner | leaves, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
properties = st.lists(leaves, min_size=1, max_size=3) | groups

series_parts = {
    "custom_name": names,
    "math": st.sampled_from([m for m in Math if m not in (Math.UNIQUE_GROUP, Math.HOGQL)]),
    "math_property_type": st.sampled_from(MathPropertyType),
    "math_multiplier": st.integers(1, 5),
    "properties": properties,
    "fixedProperties": properties,
}


@st.composite
def events_nodes(draw: st.DrawFn) -> Json:
    event = draw(names | st.none())
    node: Json = {
        "kind": "EventsNode",
        "event": event,
        "math_property": "amount",
        **draw(optional(**series_parts)),
    }
    if event is not None:
        node["name"] = draw(names)
    return node


actions_nodes = st.builds(
    lambda id, rest: {"kind": "ActionsNode", "id": id, "math_property": "amount", **rest},
    st.integers(1, 99),
    optional(name=names, **series_parts),
)
group_nodes = st.builds(
    lambda nodes, rest: {"kind": "GroupNode", "nodes": nodes, "math_property": "amount", **rest},
    st.lists(events_nodes() | actions_nodes, min_size=1, max_size=2),
    optional(name=names, **series_parts),
)
series = st.lists(events_nodes() | actions_nodes | group_nodes, min_size=2, max_size=3)

date_range = st.sampled_from(
    [
        {"date_from": "-30d"},
        {"date_from": "all"},
        {"date_from": "2024-01-01", "date_to": "mEnd", "explicitDate": True},
    ]
)
common = {
    "dateRange": date_range,
    "properties": properties,
    "filterTestAccounts": flags,
    "samplingFactor": st.sampled_from([0.1, 0.5, 1.0]),
}
timed = {"interval": st.sampled_from(Interval)}
grouped = {"aggregation_group_type_index": group_type}
property_types = st.sampled_from([BreakdownType.EVENT, BreakdownType.PERSON, BreakdownType.HOGQL])
breakdown = st.one_of(
    st.fixed_dictionaries(
        {"breakdown": names, "breakdown_type": property_types},
        optional={
            "breakdown_limit": st.integers(1, 1000),
            "breakdown_hide_other_aggregation": flags,
            "breakdown_normalize_url": flags,
            "breakdown_path_cleaning": flags,
        },
    ),
    st.builds(
        lambda ids: {"breakdown": ids, "breakdown_type": "cohort"},
        st.lists(st.integers(1, 9) | st.just("all"), min_size=1, max_size=3),
    ),
    st.builds(
        lambda entries: {"breakdowns": entries},
        st.lists(st.builds(lambda name: {"property": name, "type": "event"}, names), min_size=2, max_size=3),
    ),
)
compare = st.sampled_from([{"compare": True}, {"compare": True, "compare_to": "-1w"}])


def insight(kind: str, with_series: bool = True, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    required: dict[str, Any] = {"kind": st.just(kind)}
    if with_series:
        required["series"] = series
    return st.fixed_dictionaries(required, optional={**common, **fields})


def once(values: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return values.map(lambda node: {**node, "series": node["series"][:1]})


trends_filter = optional(
    display=st.sampled_from(Display),
    formula=st.just("A + B"),
    formulas=st.just(["A", "A/B"]),
    formulaNodes=st.just([{"formula": "A", "custom_name": "Share"}]),
    smoothingIntervals=st.integers(1, 7),
    hideWeekends=flags,
    hideIncompleteData=flags,
)
exclusions = st.just(
    [{"kind": "EventsNode", "event": "\tnever\t", "name": "x", "funnelFromStep": 0, "funnelToStep": 1}]
)
funnels_filter = optional(
    funnelVizType=st.sampled_from(["steps", "trends", "time_to_convert"]),
    funnelOrderType=st.sampled_from(["ordered", "strict"]),
    funnelWindowInterval=st.integers(1, 99),
    funnelWindowIntervalUnit=st.sampled_from(["second", "hour", "month"]),
    funnelToStep=st.just(1),
    breakdownAttributionType=st.sampled_from(["first_touch", "all_events"]),
    breakdownAttributionValue=st.just(0),
    binCount=st.integers(1, 90),
    exclusions=exclusions,
    funnelAggregateByHogQL=st.just("properties.$session_id"),
)
funnels = insight("FunnelsQuery", **timed, **grouped, breakdownFilter=breakdown, funnelsFilter=funnels_filter)
paths_filter = optional(
    includeEventTypes=st.just(["$pageview", "$screen"]),
    startPoint=names,
    endPoint=names,
    stepLimit=st.integers(1, 20),
    pathGroupings=st.lists(names, max_size=2),
    pathReplacements=flags,
    localPathCleaningFilters=st.just([{"regex": "a+", "alias": "b"}]),
    excludeEvents=st.lists(names, max_size=2),
    edgeLimit=st.integers(1, 1000),
    minEdgeWeight=st.integers(0, 3),
    maxEdgeWeight=st.integers(3, 9),
    pathStartKey=names,
)
funnel_paths = st.builds(
    lambda source: {"funnelSource": source, "funnelPathType": "funnel_path_after_step", "funnelStep": 2},
    funnels,
)
entity = st.builds(
    lambda id, rest: {"id": id, "type": "events", **rest},
    names | st.none(),
    optional(name=names, custom_name=names, properties=properties),
) | st.builds(lambda id: {"id": id, "type": "actions"}, st.integers(1, 9))
retention_filter = optional(
    period=st.sampled_from(["Hour", "Week", "Year"]),
    totalIntervals=st.integers(2, 180),
    retentionType=st.sampled_from(["retention_first_time", "retention_recurring"]),
    retentionReference=st.sampled_from(["total", "previous"]),
    targetEntity=entity,
    returningEntity=entity,
    cumulative=flags,
    minimumOccurrences=st.integers(1, 5),
    retentionCustomBrackets=st.just([1, 3, 4]),
    aggregationType=st.just("sum"),
    aggregationProperty=st.just("amount"),
).map(lambda found: {"aggregationProperty": "amount", **found})
stickiness_filter = optional(
    computedAs=st.sampled_from(["cumulative", "non_cumulative"]),
    stickinessCriteria=st.just({"operator": "gte", "value": 2}),
)
correlations = st.builds(
    lambda funnel, names: {
        "kind": "FunnelCorrelationQuery",
        "source": {"kind": "FunnelsActorsQuery", "source": funnel, "funnelStep": 1},
        "funnelCorrelationType": "event_with_properties",
        "funnelCorrelationEventNames": names,
    },
    funnels,
    st.lists(names, min_size=1, max_size=2),
)
trends = insight(
    "TrendsQuery",
    **timed,
    **grouped,
    breakdownFilter=breakdown,
    compareFilter=compare,
    trendsFilter=trends_filter,
)
QUERIES = st.one_of(
    trends,
    funnels,
    st.builds(
        lambda query, given: {**query, "pathsFilter": given},
        insight("PathsQuery", with_series=False, **grouped, funnelPathsFilter=funnel_paths),
        paths_filter,
    ),
    st.builds(
        lambda query, given: {**query, "retentionFilter": given},
        insight("RetentionQuery", with_series=False, **grouped, breakdownFilter=breakdown),
        retention_filter,
    ),
    insight(
        "StickinessQuery",
        **timed,
        compareFilter=compare,
        stickinessFilter=stickiness_filter,
        intervalCount=st.integers(1, 4),
    ),
    once(insight("LifecycleQuery", **timed, **grouped)),
    correlations,
)
law = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def through_json(value: Json) -> Json:
    read: Json = json.loads(json.dumps(value))
    return read


def back(filters: Json) -> Any:
    if "funnel_correlation_type" in filters:
        return parse_legacy(filters, insight="CORRELATION", endpoint=False)
    return filters_to_node(filters)


@law
@given(QUERIES)
def test_a_node_survives_the_way_through_filters(raw: Json) -> None:
    node = parse_query(raw)
    assert back(through_json(to_legacy(node))) == node


@law
@given(QUERIES)
def test_a_node_written_and_read_is_the_same_node(raw: Json) -> None:
    node = parse_query(raw)
    assert parse_query(through_json(node.to_wire())) == node
    assert parse_query(through_json(node.to_wire())).to_wire() == node.to_wire()


@law
@given(QUERIES)
def test_filters_are_stable_after_one_round(raw: Json) -> None:
    filters = to_legacy(raw)
    once_more = to_legacy(back(through_json(filters)))
    assert to_legacy(back(through_json(once_more))) == once_more


@law
@given(QUERIES)
def test_the_shown_query_is_the_computed_one(raw: Json) -> None:
    filters = to_legacy({key: value for key, value in raw.items() if key != "properties"})
    if "funnel_correlation_type" not in filters:
        assert parse_query(through_json(filters_to_query(filters))) == filters_to_node(filters)


ANYTHING = st.recursive(
    st.none()
    | scalars
    | st.text(max_size=3)
    | st.sampled_from(["[]", "{}", "[{}]", '[{"id": 1}]', "-7d", "event"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "key", "value", "values", "property", "properties", "order", "events", "regex"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@law
@given(
    st.sampled_from(INSIGHTS),
    st.booleans(),
    st.dictionaries(st.sampled_from([*PARAMETERS, "refresh"]), ANYTHING, max_size=5),
)
def test_any_parameters_are_a_question_or_an_error_that_names_one(
    insight: str, endpoint: bool, params: Json
) -> None:
    try:
        found = read_legacy(
            {"events": [{"id": "a"}, {"id": "b"}], **params}, insight=insight, endpoint=endpoint
        )
    except QueryError as error:
        assert error.attr is not None
        assert error.attr.split("__")[0] in PARAMETERS
    else:
        again = read_legacy(through_json(found.echo), insight=insight, endpoint=endpoint)
        assert again.node == found.node
