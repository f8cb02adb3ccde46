"""Rules that several kinds of queries share: dates, comparison, maths, breakdowns.

A rule raises with `attr` as path into the node (`queries.errors`); whoever read the caller's input turns
it into the caller's spelling.
"""

from __future__ import annotations

from queries.dates import is_date_text, read_compare_to
from queries.errors import InvalidQuery, Path, join_path
from queries.nodes import Breakdown, BreakdownFilter, BreakdownType, CompareFilter, DateRange, Math, Series
from queries.properties import KEYS, as_whole
from queries.vocabulary import PropertyType

PROPERTY_MATHS = frozenset(
    {Math.SUM, Math.AVG, Math.MIN, Math.MAX, Math.MEDIAN, Math.P75, Math.P90, Math.P95, Math.P99}
)


def invalid(path: Path, detail: str, code: str = "invalid_input") -> InvalidQuery:
    return InvalidQuery(detail, code=code, attr=join_path(path))


def required(path: Path, detail: str = "This field is required.") -> InvalidQuery:
    return invalid(path, detail, "required")


def check_dates(date_range: DateRange | None, path: Path = ("dateRange",)) -> None:
    """api T11: both texts must match the grammar; `all` is a start only."""
    if date_range is None:
        return
    for name, text in (("date_from", date_range.date_from), ("date_to", date_range.date_to)):
        if text and not is_date_text(text, allow_all=name == "date_from"):
            raise invalid((*path, name), f'"{text}" is not a date; use 2024-03-10, -7d, mStart or yStart.')


def check_comparison(compare: CompareFilter | None) -> None:
    """api S.2: a number and a unit, such as `-1w`."""
    if compare is not None and compare.compare and compare.compare_to:
        read_compare_to(compare.compare_to)


def check_math(series: tuple[Series, ...], *, among: frozenset[Math] = frozenset(Math)) -> None:
    """api T2: a property math names its property, unique_group its type, hogql its expression.

    Insights that know only some maths ignore the others: `among` are those they know.
    """
    for position, node in enumerate(series):
        if node.math not in among:
            continue
        for wanted, given, field in _needs(node):
            if wanted and given is None:
                raise required(("series", position, field), f'The math "{node.math}" needs {field}.')


def _needs(node: Series) -> tuple[tuple[bool, object, str], ...]:
    math = node.math
    by_group = math is Math.UNIQUE_GROUP
    return (
        (math in PROPERTY_MATHS, node.math_property or None, "math_property"),
        (by_group, node.math_group_type_index, "math_group_type_index"),
        (math is Math.HOGQL, node.math_hogql or None, "math_hogql"),
    )


def check_breakdown(
    breakdown: BreakdownFilter | None, *, is_mixed: bool = True, path: Path = ("breakdownFilter",)
) -> None:
    """api T8, S.2: cohorts are ids or "all", other types are texts; inside `breakdowns` no cohorts."""
    if breakdown is None:
        return
    if breakdown.breakdowns:
        _check_entries(breakdown.breakdowns, is_mixed, (*path, "breakdowns"))
    elif breakdown.breakdown is not None:
        _check_single(breakdown, path)


def _check_entries(entries: tuple[Breakdown, ...], is_mixed: bool, path: Path) -> None:
    for position, entry in enumerate(entries):
        if entry.type is BreakdownType.COHORT:
            raise invalid((*path, position, "type"), "Cohorts cannot be combined with other breakdowns.")
        if not is_mixed and entry.type is not entries[0].type:
            raise invalid((*path, position, "type"), "All breakdowns of a funnel have the same type.")
        if entry.histogram_bin_count and len(entries) > 1:  # api T9
            raise invalid((*path, position, "histogram_bin_count"), "Bins need a single breakdown.")
        _check_part(entry, (*path, position, "property"), (*path, position, "group_type_index"))


def _check_single(breakdown: BreakdownFilter, path: Path) -> None:
    listed = breakdown.breakdown if isinstance(breakdown.breakdown, tuple) else (breakdown.breakdown,)
    if breakdown.breakdown_type is BreakdownType.COHORT:
        if any(entry != "all" and as_whole(entry) is None for entry in listed):
            raise invalid((*path, "breakdown"), 'A cohort breakdown lists cohort ids or "all".')
        return
    if any(not isinstance(entry, str) for entry in listed):
        raise invalid((*path, "breakdown"), "A breakdown names a property.")
    for part in breakdown.parts:
        _check_part(part, (*path, "breakdown"), (*path, "breakdown_group_type_index"))


def _check_part(part: Breakdown, property_path: Path, index_path: Path) -> None:
    if part.type is BreakdownType.GROUP and part.group_type_index is None:  # semantics B10
        raise required(index_path, "A group breakdown needs the index of its group type.")
    allowed = KEYS.get(PropertyType(part.type.value))
    if allowed is not None and part.property not in allowed:  # semantics B14
        wanted = ", ".join(sorted(allowed))
        raise invalid(property_path, f'"{part.property}" is none of the {part.type} keys {wanted}.')
