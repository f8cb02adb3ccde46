"""Breakdown values of a funnel as the answer shows them (semantics E27, D42; api S13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queries.context import ProjectContext
from queries.nodes import BreakdownFilter
from queries.sql.breakdowns import ALL_USERS
from queries.vocabulary import BreakdownType

OTHER = "Other"
ALL_USERS_LABEL = "all users"
_LISTED = frozenset({BreakdownType.EVENT, BreakdownType.PERSON})


def is_listed(chosen: BreakdownFilter) -> bool:
    """Event and person properties, and several properties, are reported as a list."""
    parts = chosen.parts
    return len(parts) > 1 or any(part.type in _LISTED for part in parts)


def reported(chosen: BreakdownFilter, value: Sequence[str], *, is_other: bool) -> Any:
    """A value of rows as `breakdown_value`: a list of texts, a text, or the id of a cohort."""
    if chosen.cohorts:
        return value[0] if value[0] == ALL_USERS else int(value[0])
    if is_other:
        return [OTHER] if is_listed(chosen) else OTHER
    return list(value) if is_listed(chosen) else value[0]


def label(chosen: BreakdownFilter, shown: Any, ctx: ProjectContext) -> Any:
    """What `breakdown` says beside `breakdown_value`: the same, or the name of the cohort."""
    if not chosen.cohorts:
        return shown
    if shown == ALL_USERS:
        return ALL_USERS_LABEL
    cohort = ctx.cohorts.get(shown)
    return cohort.name if cohort else str(shown)


def unwrapped(chosen: BreakdownFilter, shown: Any) -> Any:
    """The form of the older endpoint: a list of one is its element, unless asked with `breakdowns`."""
    if isinstance(shown, list) and len(shown) == 1 and not chosen.is_list:
        return shown[0]
    return shown
