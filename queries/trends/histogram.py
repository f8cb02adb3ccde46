"""Breakdown by bins of equal width over a numeric property (semantics D45).

The bins lie between the least and the largest value of the question's events, so a plan first asks for
those two; the second statement only sees constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from queries.dates import ResolvedRange
from queries.nodes import Breakdown
from queries.plan import Rows
from queries.sql.breakdowns import BreakdownValue, breakdown_value, of_texts
from queries.sql.events import scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, any_of, bind, sql, strings
from queries.sql.operators import number_of
from queries.sql.series import matcher, names_of
from queries.trends.question import Bins, Question

WIDENED_BY = 0.01  # so that the last bin holds the maximum


def binned_part(question: Question) -> Breakdown | None:
    """The one property that is split into bins, if the question asks for that."""
    parts = question.breakdown.parts if question.breakdown else ()
    return parts[0] if len(parts) == 1 and parts[0].histogram_bin_count else None


def extremes(question: Question, period: ResolvedRange) -> Sql:
    """One row (values, least, largest) over the events of all series."""
    assert question.breakdown is not None
    value = breakdown_value(question.breakdown, question.ctx, question.span(period))
    found = _number(value)
    matchers = [matcher(series, question.ctx) for _, series in question.series]
    node = question.node
    filters = event_condition(question.ctx, node.properties, test_accounts=node.filter_test_accounts)
    return scan(
        question.ctx,
        [sql("count({found}), min({found}), max({found})", found=found)],
        span=question.span(period),
        events=names_of(matchers),
        where=all_of([any_of(m.condition for m in matchers), filters]),
        joins=value.joins,
    )


def bins_of(question: Question, found: Rows) -> Bins:
    """The bins between the extremes; a single value makes one, no value none."""
    part = binned_part(question)
    count, low, high = found.rows[0]
    if part is None or part.histogram_bin_count is None or not count:
        return Bins(0.0, 0.0, ())
    width = (high - low) / part.histogram_bin_count
    if width == 0:
        return Bins(low, 0.0, (bin_text(low, low + WIDENED_BY),))
    edges = [low + place * width for place in range(part.histogram_bin_count)] + [high]
    last = len(edges) - 2
    texts = [
        bin_text(lower, upper + (WIDENED_BY if place == last else 0))
        for place, (lower, upper) in enumerate(pairwise(edges))
    ]
    return Bins(low, width, tuple(texts))


def bin_text(low: float, high: float) -> str:
    return f"[{_plain(low)},{_plain(high)}]"


def _plain(bound: float) -> str:
    rounded = round(bound, 8)
    return str(int(rounded)) if float(rounded).is_integer() and abs(rounded) < 1e15 else repr(rounded)


def binned(value: BreakdownValue, bins: Bins) -> BreakdownValue:
    """The value replaced by the text of its bin; what is no number is none."""
    found = _number(value)
    if not bins.texts:
        return of_texts((sql("''"),), value.joins)
    place = sql("toFloat64(0)")
    if bins.width:
        place = sql(
            "least({last}, floor(({found} - {low}) / {width}))",
            last=bind(float(len(bins.texts) - 1), "Float64"),
            found=found,
            low=bind(bins.low, "Float64"),
            width=bind(bins.width, "Float64"),
        )
    text = sql(
        "if(isNull({found}), '', {texts}[toInt32(ifNull({place}, 0)) + 1])",
        found=found,
        texts=strings(bins.texts),
        place=place,
    )
    return of_texts((text,), value.joins)


def _number(value: BreakdownValue) -> Sql:
    return number_of(sql("CAST({text}, 'String')", text=value.texts[0]))


def in_order_of_bins(bins: Bins) -> Sql:
    """Sorts breakdowns by the lower bound of their bin."""
    return sql("indexOf({texts}, breakdown[1])", texts=strings(bins.texts))


def read_bins(question: Question, found: Sequence[Rows]) -> tuple[Bins, ...]:
    """The bins of every period."""
    return tuple(bins_of(question, rows) for rows in found)
