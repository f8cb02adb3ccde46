"""Which questions may be answered from kept cells, and what these lean on.

Decided on the finished statement of a bucket, not on the question: two statements with the same text and
the same values are the same function of the tables they read. So the name of a question's cells is a hash
of that statement over a made-up range, and whatever is compiled into it (definitions, zone, settings, the
instant that a relative date means) changes the name. What remains are the tables: text of the statement is
a literal of our own source, so the tables can be read off it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import orjson

from queries.cache.key import ENGINE_VERSION
from queries.context import ProjectContext
from queries.dates import ResolvedRange
from queries.sql.fragment import USER_WRITTEN, Sql
from queries.sql.series import matcher, names_of
from queries.trends.cells import cells as cells_of
from queries.trends.cells import is_by_bucket
from queries.trends.histogram import binned_part
from queries.trends.node import TrendsQuery
from queries.trends.question import Question, known_series
from queries.trends.request import cell_request
from queries.trends.rollup import fits_rollup
from queries.vocabulary import Interval


class Lean(Enum):
    """Something that cells depend on besides the events of their bucket, and how it shows that it changed."""

    ACTORS = "who is the same person"  # by bucket: one with an event of an actor that moved
    PROFILES = "properties of persons"  # by bucket: one with an event of a person whose profile changed
    MEMBERS = "members of a cohort"  # every bucket, when any actor moved
    GROUPS = "properties of groups"  # every bucket, when any group changed


# Table or dictionary -> what reading it means. A statement that reads another one is not understood.
LEANS: Mapping[str, Lean | None] = {
    "events": None,
    "actor_override": Lean.ACTORS,
    "actor_override_dict": Lean.ACTORS,
    "person": Lean.PROFILES,
    "cohort_member": Lean.MEMBERS,  # a calculation never changes; which one is a value of the statement
    "groups": Lean.GROUPS,
}
_TABLE = re.compile(r"(?:\bFROM\s+|(?<!ARRAY )\bJOIN\s+|\bIN\s+|'(?=\w+_dict'))([a-z_]\w*)")
_TRIM = re.compile(r"\b(?:BOTH|LEADING|TRAILING) '(?:[^'\\]|\\.)*' FROM\b")  # a FROM that reads no table
_CHANGES_BY_ITSELF = re.compile(r"\b(?:now\w*|today|yesterday|rand\w*|generate\w*)\(")

# A day in whole hours that nobody asks about: its bounds tell the scans of the bucket from other reads.
_START = datetime(2001, 2, 3, tzinfo=UTC)
_END = _START + timedelta(days=1)
_EARLIEST, _LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Provable:
    """A question whose cells are functions of their buckets.

    `name` identifies them whatever the range; `events` are the names that can matter, None: all.
    """

    name: str
    leans: frozenset[Lean]
    events: Sequence[str] | None

    @property
    def leans_on_persons(self) -> bool:
        return bool(self.leans & {Lean.ACTORS, Lean.PROFILES})


def provable(node: TrendsQuery, ctx: ProjectContext) -> Provable | None:
    """The proof for a trend; None when there is none. Raises what compiling the question raises."""
    question = Question(
        node, ctx, (made_up_range(node.interval, ctx),), tuple(known_series(node.series, ctx))
    )
    if question.is_aggregated or binned_part(question) or not question.series:
        return None
    request = cell_request(question, question.periods[0])
    if not is_by_bucket(request) or _is_rolled_up(question):
        return None
    found = cells_of(request)
    leans = None if found is None else leans_of(found)
    if found is None or leans is None:
        return None
    matchers = [matcher(series, ctx) for _, series in question.series]
    return Provable(name_of(found), leans, names_of(matchers))


def _is_rolled_up(question: Question) -> bool:
    """Whether the answer comes from the projection that a watermark would be read from: nothing to gain."""
    return all(fits_rollup(series, question, question.periods[0]) for _, series in question.series)


def leans_of(cells: Sql) -> frozenset[Lean] | None:
    """What a statement over the made-up range depends on; None when that is not understood."""
    tables = tables_of(cells)
    if tables is None or not tables["events"] == _bounds(cells, _START) == _bounds(cells, _END):
        return None  # some events are read beyond the bucket
    return leans_on(tables)


def tables_of(cells: Sql) -> Counter[str] | None:
    """How often a statement reads which table; None when it is no function of tables that we know."""
    text = cells.render().text
    tables = Counter(_TABLE.findall(_TRIM.sub("", text)))
    if USER_WRITTEN in text or _CHANGES_BY_ITSELF.search(text) or not tables.keys() <= LEANS.keys():
        return None
    return tables


def leans_on(tables: Iterable[str]) -> frozenset[Lean]:
    """What reading these tables means."""
    return frozenset(lean for table in tables if (lean := LEANS[table]) is not None)


def is_in_reach(start: datetime, end: datetime) -> bool:
    """Whether the store counts hours of such a range (they are 32-bit numbers of seconds)."""
    return start >= _EARLIEST and end <= _LATEST


def _bounds(cells: Sql, moment: datetime) -> int:
    """How many scans begin (or end) at this instant; the rollup counts in seconds, rows in microseconds."""
    seconds = int(moment.timestamp())
    return sum(bound.value in (seconds, seconds * 1_000_000) for bound in cells.bound)


def made_up_range(interval: Interval, ctx: ProjectContext) -> ResolvedRange:
    """The range over which statements are compared."""
    return ResolvedRange(
        date_from=_START.astimezone(ctx.zone),
        date_to=(_END - timedelta(microseconds=1)).astimezone(ctx.zone),
        interval=interval,
        week_start=ctx.week_start,
        is_explicit=True,
    )


def name_of(cells: Sql, *more: object) -> str:
    """Of the cells of everything that means the same."""
    rendered = cells.render()
    text = orjson.dumps([ENGINE_VERSION, rendered.text, rendered.params, *more], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
