"""The people behind an edge, a node or a drop-off of a path (semantics G22)."""

from __future__ import annotations

from queries.actors.actor_set import NOBODY, ActorSet
from queries.paths.items import Texts
from queries.paths.node import PathsFilter
from queries.paths.question import Question
from queries.paths.steps import steps
from queries.sql.fragment import FALSE, Sql, all_of, bind, number, sql


def path_people(question: Question) -> ActorSet:
    """Everybody with a session through the asked nodes, once each, with the number of `matches`."""
    if question.period.is_empty:
        return NOBODY
    rows = sql(
        "SELECT actor, sum({matches}) AS matches FROM ({steps}) WHERE {condition} GROUP BY actor",
        matches=_matches(question.options),
        steps=steps(Texts(question)),
        condition=_condition(question.options),
    )
    index = question.node.aggregation_group_type_index
    return ActorSet(rows, question.actor.kind, index, extra=("matches",))


def _matches(options: PathsFilter) -> Sql:
    """How often a session that meets the condition does what is asked: once, as no node comes twice in it;
    with nothing asked, as often as it has edges."""
    is_open = not (options.path_start_key or options.path_end_key or options.path_dropoff_key)
    return sql("length(items) - 1") if is_open else sql("1")


def _condition(options: PathsFilter) -> Sql:
    """On a row of steps: it ends at the node, or has the edge."""
    if options.path_dropoff_key:
        return _at(options.path_dropoff_key, "length(items) = {place}")
    conditions = [sql("length(items) > 1")]
    places = []
    if options.path_start_key:
        conditions.append(_at(options.path_start_key, "length(items) > {place}"))
        places.append(_read(options.path_start_key)[0])
    if options.path_end_key:
        conditions.append(_at(options.path_end_key, "length(items) >= {place} AND {place} > 1"))
        places.append(_read(options.path_end_key)[0] - 1)
    return FALSE if len(set(places)) > 1 else all_of(conditions)


def _at(node: str, condition: str) -> Sql:
    """The node is in the session, at a place that meets the condition."""
    place, item = _read(node)
    if not place:
        return FALSE
    return sql(f"{condition} AND items[{{place}}] = {{item}}", place=number(place), item=bind(item))


def _read(node: str) -> tuple[int, str]:
    """`3_/cart` -> (3, "/cart"); place 0 for what is no node."""
    written, _, item = node.partition("_")
    is_place = written.isascii() and written.isdecimal() and not written.startswith("0") and len(written) < 3
    return (int(written) if is_place else 0), item
