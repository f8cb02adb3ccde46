"""What makes a funnel, or a question about its people, wrong (semantics E22, E30, E44, E48, E51; api S24)."""

from __future__ import annotations

from queries.errors import Path
from queries.funnels.node import (
    Attribution,
    Exclusion,
    FunnelOrder,
    FunnelsActorsQuery,
    FunnelsQuery,
    FunnelVizType,
)
from queries.nodes import ActionsNode, EventsNode, GroupNode, PropertyFilter, PropertyGroup, Series
from queries.rules import check_breakdown, check_dates, invalid, required


def check_steps(query: FunnelsQuery, path: Path = (), *, always: bool = False) -> None:
    """semantics E44: from < to, both steps of the funnel.

    Stored queries carry leftovers, so the two are looked at only where they mean something, unless
    `always` (api S24).
    """
    given = query.funnels_filter
    if not query.series or (given.funnel_viz_type is FunnelVizType.STEPS and not always):
        return
    here = (*path, "funnelsFilter", "funnelToStep")
    if given.funnel_to_step is not None and not 1 <= given.funnel_to_step <= query.last_step:
        raise invalid(here, f"The last step is {query.last_step}, the funnel cannot end at {query.to_step}.")
    if given.funnel_from_step is not None and given.funnel_from_step < 0:
        raise invalid((*path, "funnelsFilter", "funnelFromStep"), "Steps are counted from 0.")
    asked = given.funnel_from_step is not None or given.funnel_to_step is not None
    if asked and query.from_step >= query.to_step:
        raise invalid(here, f"Step {query.from_step} does not come before step {query.to_step}.")


def check_exclusions(query: FunnelsQuery, path: Path = ()) -> None:
    """semantics E22; also where exclusions change nothing (strict funnels, E17)."""
    if not query.series:
        return
    for position, exclusion in enumerate(query.funnels_filter.exclusions):
        _check_exclusion(query, exclusion, (*path, "funnelsFilter", "exclusions", position))


def _check_exclusion(query: FunnelsQuery, exclusion: Exclusion, path: Path) -> None:
    first, last = exclusion.funnel_from_step, exclusion.funnel_to_step
    if not 0 <= first < query.last_step:
        detail = f"An exclusion starts at one of the steps 0 to {max(query.last_step - 1, 0)}, not {first}."
        raise invalid((*path, "funnelFromStep"), detail)
    if last > query.last_step:
        detail = f"The exclusion ends at step {last}, but the last step is {query.last_step}."
        raise invalid((*path, "funnelToStep"), detail)
    if first >= last:
        raise invalid((*path, "funnelToStep"), "An exclusion ends after the step at which it starts.")
    if query.funnels_filter.funnel_order_type is FunnelOrder.UNORDERED:
        _check_full_range(query, first, last, path)
    for step in query.series[first : last + 1]:
        if _covers(exclusion, step):
            raise invalid(path, "An exclusion cannot be the same event as one of the steps it spans.")


def _check_full_range(query: FunnelsQuery, first: int, last: int, path: Path) -> None:
    detail = "In an unordered funnel an exclusion spans all steps."
    if first != 0:
        raise invalid((*path, "funnelFromStep"), detail)
    if last != query.last_step:
        raise invalid((*path, "funnelToStep"), detail)


def _covers(exclusion: Exclusion, step: Series) -> bool:
    """Whether every event of the step is certainly an event of the exclusion.

    Filters are compared as a set of conditions that all must hold: fewer conditions match more events.
    A filter that is more than such a list counts only when it is the same.
    """
    if isinstance(step, GroupNode):
        return any(_covers(exclusion, node) for node in step.nodes)
    if not _same_source(exclusion, step):
        return False
    if exclusion.filters is None or exclusion.filters == step.filters:
        return True
    wide, narrow = _conditions(exclusion), _conditions(step)
    return wide is not None and narrow is not None and wide <= narrow


def _same_source(exclusion: Exclusion, step: EventsNode | ActionsNode) -> bool:
    if isinstance(exclusion, ActionsNode):
        return isinstance(step, ActionsNode) and exclusion.id == step.id
    if exclusion.event is None:
        return True
    return isinstance(step, EventsNode) and exclusion.event == step.event


def _conditions(node: EventsNode | ActionsNode) -> frozenset[PropertyFilter] | None:
    """The conditions of a filter that is a plain AND; None for anything with an OR of several."""
    found: list[PropertyFilter] = []
    pending = [node.filters] if node.filters else []
    while pending:
        group = pending.pop()
        if group.type == "OR" and len(group.values) > 1:
            return None
        pending.extend(value for value in group.values if isinstance(value, PropertyGroup))
        found.extend(value for value in group.values if isinstance(value, PropertyFilter))
    return frozenset(found)


def check_attribution(query: FunnelsQuery, path: Path = ()) -> None:
    """semantics E30: attribution to a step names one; unordered funnels know only the first."""
    given = query.funnels_filter
    if given.breakdown_attribution_type is not Attribution.STEP:
        return
    here = (*path, "funnelsFilter", "breakdownAttributionValue")
    step = given.breakdown_attribution_value
    if step is None:
        raise required(here, "Attribution to a step needs the step, counted from 0.")
    if query.series and not 0 <= step <= query.last_step:
        raise invalid(here, f"The funnel has the steps 0 to {query.last_step}, not {step}.")
    if given.funnel_order_type is FunnelOrder.UNORDERED and step != 0:
        raise invalid(here, "An unordered funnel can only attribute to step 0.")


def check_optional_steps(query: FunnelsQuery, path: Path = ()) -> None:
    """semantics E51: in ordered and strict funnels of steps; never the first, nor right before its twin."""
    for position, step in enumerate(query.series):
        if not step.optional_in_funnel:
            continue
        here = (*path, "series", position, "optionalInFunnel")
        if query.funnels_filter.funnel_viz_type is not FunnelVizType.STEPS:
            raise invalid(here, "Optional steps need the steps view.")
        if query.funnels_filter.funnel_order_type is FunnelOrder.UNORDERED:
            raise invalid(here, "An unordered funnel has no optional steps.")
        if position == 0:
            raise invalid(here, "The first step cannot be optional.")
        if position < query.last_step and _is_twin(step, query.series[position + 1]):
            raise invalid(here, "An optional step cannot be followed by the same step, required.")


def _is_twin(step: Series, following: Series) -> bool:
    if following.optional_in_funnel or type(step) is not type(following):
        return False
    names = {"name": None, "custom_name": None, "optional_in_funnel": False}
    return step.model_copy(update=names) == following.model_copy(update=names)


def check_funnel(query: FunnelsQuery, path: Path = ()) -> None:
    """Everything about a funnel, also one inside another node at `path`."""
    check_dates(query.date_range, (*path, "dateRange"))
    check_breakdown(query.breakdown_filter, is_mixed=False, path=(*path, "breakdownFilter"))
    check_steps(query, path)
    check_exclusions(query, path)
    check_attribution(query, path)
    check_optional_steps(query, path)


def check_funnel_actors(query: FunnelsActorsQuery, path: Path = ()) -> None:
    """semantics E48: step 1 has no one who dropped before it, and there is no step 0."""
    check_funnel(query.source, (*path, "source"))
    step, here = query.funnel_step, (*path, "funnelStep")
    if step is None:
        return
    if step in (0, -1):
        raise invalid(here, "A funnel step is 1 or higher, or -2 or lower for those who dropped before it.")
    if abs(step) > len(query.source.series) > 0:
        raise invalid(here, f"The funnel has {len(query.source.series)} steps, not {abs(step)}.")
