"""What is compared, one builder per type: rows (event, key, value, s, f, successes, failures).

`s` of the `successes` converted and `f` of the `failures` others have the thing; everybody counts once per
thing (semantics F8, F10-F12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from queries.context import ProjectContext
from queries.correlation.node import ALL_NAMES, CorrelationType
from queries.correlation.population import (
    MOMENT,
    Compared,
    converters,
    joined,
    population,
    with_totals,
    within_run,
)
from queries.nodes import ActionsNode, EventsNode, GroupNode, SeriesNode
from queries.sql.actors import person_number
from queries.sql.events import event_names, scan
from queries.sql.fragment import TRUE, Sql, all_of, join, sql, strings
from queries.sql.lookup import group_rows, person_rows
from queries.sql.stored import stored_property

AUTOCAPTURE = "$autocapture"
EVENT_TYPE = "$event_type"
ELEMENTS_CHAIN = "elements_chain"
CHAIN_SEPARATOR = "__~~__"  # semantics F12
LEAST_OF_EVENT_PROPERTIES = 2  # semantics F11: things of so few actors are dropped


def things(compared: Compared) -> Sql:
    return BUILDERS[compared.node.funnel_correlation_type](compared)


# --- events -----------------------------------------------------------------------------------------------


def _events(compared: Compared) -> Sql:
    """semantics F8: events inside the run, without the funnel's own steps."""
    excluded = {*step_names(compared), *(compared.node.funnel_correlation_exclude_event_names or ())}
    return _scanned(
        compared,
        [sql("event"), sql("'' AS key"), sql("'' AS value"), *_COUNTS],
        where=_none_of("event", excluded),
        tail=sql("GROUP BY event"),
    )


_COUNTS = (
    sql("uniqExactIf(run.actor, run.converted) AS s"),
    sql("uniqExactIf(run.actor, NOT run.converted) AS f"),
    sql("any(run.successes) AS successes"),
    sql("any(run.failures) AS failures"),
)


def _scanned(
    compared: Compared,
    columns: Iterable[Sql],
    *,
    events: tuple[str, ...] | None = None,
    where: Sql = TRUE,
    tail: Sql | None = None,
) -> Sql:
    """Events inside the runs. The funnel's filters decide who is in it, not what is compared."""
    return scan(
        compared.ctx,
        columns,
        span=compared.question.span,
        events=events,
        where=all_of([where, within_run(MOMENT)]),
        joins=[joined(compared, with_totals(population(compared)))],
        tail=tail,
    )


def _none_of(column: str, names: Iterable[str]) -> Sql:
    excluded = sorted(set(names))
    return sql(f"{column} NOT IN {{names}}", names=strings(excluded)) if excluded else TRUE


def step_names(compared: Compared) -> set[str]:
    """The events of the funnel's steps, those inside actions too."""
    return {name for step in compared.question.node.series for name in _names(step, compared.ctx)}


def _names(step: SeriesNode, ctx: ProjectContext) -> Iterable[str]:
    match step:
        case EventsNode(event=str(name)):
            yield name
        case ActionsNode(id=id_):
            yield from (part.event for part in ctx.actions[id_].steps if part.event is not None)
        case GroupNode(nodes=nodes):
            for node in nodes:
                yield from _names(node, ctx)


# --- events with properties --------------------------------------------------------------------------------


def _event_properties(compared: Compared) -> Sql:
    """semantics F11: every property of the asked events inside the run."""
    node = compared.node
    excluded = set(node.funnel_correlation_exclude_event_names or ())
    names = tuple(name for name in node.funnel_correlation_event_names or () if name not in excluded)
    rows = _scanned(
        compared,
        [
            sql("event"),
            *_pairs(AUTOCAPTURE in names),
            sql("run.actor AS actor"),
            sql("run.converted AS converted"),
            sql("run.successes AS successes"),
            sql("run.failures AS failures"),
        ],
        events=names,
    )
    return sql(
        "SELECT event, key, {text} AS value, uniqExactIf(actor, converted) AS s,"
        " uniqExactIf(actor, NOT converted) AS f, any(successes) AS successes, any(failures) AS failures"
        " FROM ({rows}) ARRAY JOIN keys AS key, stored AS text WHERE {kept}"
        f" GROUP BY event, key, value HAVING s + f > {LEAST_OF_EVENT_PROPERTIES}",
        text=_text("text"),
        rows=rows,
        kept=_none_of("key", node.funnel_correlation_event_exclude_property_names or ()),
    )


def _pairs(has_autocapture: bool) -> tuple[Sql, Sql]:
    """The properties of an event; of an autocaptured one what was clicked, and nothing else (F12)."""
    keys, values = sql("mapKeys(props)"), sql("mapValues(props)")
    if has_autocapture:
        is_click = event_names([AUTOCAPTURE])
        clicked = sql(
            f"concat({{type}}, '{CHAIN_SEPARATOR}', elements_chain)",
            type=sql("replaceAll({stored}, '\\0', '')", stored=stored_property(EVENT_TYPE)),
        )
        keys = sql(f"if({{is_click}}, ['{ELEMENTS_CHAIN}'], {{keys}})", is_click=is_click, keys=keys)
        values = sql(
            "if({is_click}, [{clicked}], {values})", is_click=is_click, clicked=clicked, values=values
        )
    return sql("{keys} AS keys", keys=keys), sql("{values} AS stored", values=values)


def _text(column: str) -> Sql:
    """The stored empty string is shown as none (see 0001_create_events.sql)."""
    return sql(f"if({column} = '\\0', '', {column})")


# --- properties of actors ----------------------------------------------------------------------------------


def _properties(compared: Compared) -> Sql:
    """semantics F10: the properties that actors have now; who has no profile has none of them."""
    node = compared.node
    profiles, keys, values = _profiles(compared)
    return sql(
        "SELECT '' AS event, key, {text} AS value, countIf(run.converted) AS s, countIf(NOT run.converted)"
        " AS f, any(run.successes) AS successes, any(run.failures) AS failures FROM ({profiles}) AS profile"
        " RIGHT JOIN ({population}) AS run ON profile.owner = {actor}"
        " ARRAY JOIN {keys} AS key, {values} AS text WHERE {kept} GROUP BY key, value",
        text=_text("text"),
        profiles=profiles,
        population=with_totals(converters(compared)),
        actor=owner_of(compared),
        keys=keys,
        values=values,
        kept=_none_of("key", node.funnel_correlation_exclude_names or ()),
    )


def _profiles(compared: Compared) -> tuple[Sql, Sql, Sql]:
    """Rows (owner, ...) of profiles, and the keys and stored texts of one, as arrays."""
    names = list(dict.fromkeys(compared.node.funnel_correlation_names or ()))
    asked = [name for name in names if name != ALL_NAMES]
    if ALL_NAMES not in names:
        columns = [
            sql(f"{{stored}} AS stored_{n}", stored=stored_property(name)) for n, name in enumerate(asked)
        ]
        values = sql("[" + ", ".join(f"stored_{n}" for n in range(len(asked))) + "]")
        return _rows_of_profiles(compared, columns), sql("{names}", names=strings(asked)), values
    rows = _rows_of_profiles(compared, [sql("mapKeys(props) AS keys"), sql("mapValues(props) AS stored")])
    missing = sql("arrayFilter(name -> NOT has(keys, name), {names})", names=strings(asked))
    return (
        rows,
        sql("arrayConcat(keys, {missing})", missing=missing),
        sql("arrayConcat(stored, arrayMap(name -> '', {missing}))", missing=missing),
    )


def _rows_of_profiles(compared: Compared, columns: Sequence[Sql]) -> Sql:
    index = compared.question.node.aggregation_group_type_index
    if index is not None:
        return group_rows(join(", ", [sql("group_key AS owner"), *columns]), index, compared.ctx)
    return person_rows(join(", ", [sql("person_no AS owner"), *columns]), compared.ctx)


def owner_of(compared: Compared) -> Sql:
    """Whose profile an actor of `run` has: a distinct id that of its person (semantics B4)."""
    actor = sql("run.actor")
    return person_number(compared.ctx, actor) if compared.question.actor.kind == "distinct_id" else actor


BUILDERS: Mapping[CorrelationType, Callable[[Compared], Sql]] = {
    CorrelationType.EVENTS: _events,
    CorrelationType.PROPERTIES: _properties,
    CorrelationType.EVENT_WITH_PROPERTIES: _event_properties,
}
