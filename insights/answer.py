"""Node + context + refresh mode -> answer: look up, decide by the table, compute, enqueue or serve.

The story of every number this server gives out. What is decided stands in `queries.cache.policy`, what a
cache entry is in `queries.cache.store`, how a computation runs in `insights.compute`, what happens in the
background in `insights.background`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
import structlog

from insights import background, keeping
from insights.compute import Run, compute_once
from insights_service import metrics, timing
from insights_service.throttling import charge_question
from queries.cache.connection import CacheUnavailable
from queries.cache.key import cache_key
from queries.cache.policy import CLIENT_PAUSE, TABLE, Refresh, Step, freshness, target_age
from queries.cache.status import NewRun, QueryStatus
from queries.cache.store import Entry, Header
from queries.context import ProjectContext
from queries.errors import (
    AtCapacity,
    InvalidQuery,
    NotSupported,
    Path,
    QueryError,
    StoreUnavailable,
    TooManyQueries,
    UnknownReference,
    UnreadableQuery,
)
from queries.wrappers import SourceNode

log = structlog.get_logger(__name__)

SATURATED = "concurrency_limit_exceeded"  # api R14
NOTHING_KEPT = "nothing is kept: ask with refresh=blocking or refresh=async"
UNDER_WAY = "being computed: see query_status"
ABOUT_THE_QUESTION = (InvalidQuery, UnknownReference, NotSupported, UnreadableQuery)
SERVED = (Step.SERVE, Step.SERVE_AND_ENQUEUE)
BEGINS = (Step.COMPUTE, Step.ENQUEUE, Step.SERVE_AND_ENQUEUE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it was asked. `name` is the caller's own id for the run (api R12)."""

    node: SourceNode
    refresh: Refresh
    name: str | None = None
    insight_id: int | None = None
    dashboard_id: int | None = None


@dataclass(frozen=True)
class Answer:
    """What is known about a question: a result with its facts, a run in the background, or both.

    Without `entry` there is no result (a cache miss, or a run that failed). `query_status` is JSON-ready
    (api R10). Instants are aware.
    """

    cache_key: str
    timezone: str
    entry: Entry | None = None
    is_cached: bool = False
    cache_target_age: datetime | None = None
    query_status: Mapping[str, Any] | None = None

    @property
    def header(self) -> Header | None:
        return self.entry.header if self.entry else None

    @property
    def last_refresh(self) -> datetime | None:
        return self.entry.header.last_refresh if self.entry else None

    @property
    def next_allowed_client_refresh(self) -> datetime | None:
        """api R8: advice, one minute on."""
        return self.entry.header.last_refresh + CLIENT_PAUSE if self.entry else None

    @property
    def fragment(self) -> orjson.Fragment | None:
        """The result as JSON for the writer of the response, never parsed on the way."""
        return orjson.Fragment(self.entry.body) if self.entry else None

    @cached_property
    def result(self) -> Any:
        """The result as a value; None is a miss."""
        return orjson.loads(self.entry.body) if self.entry else None


def answer(asked: Asked, ctx: ProjectContext) -> Answer:
    """The answer to one question as its refresh mode wants it (api R3).

    Raises the errors of `queries.errors` when it has to be computed and cannot be, with `attr` as a path
    into the node. An old answer is better than none: when the event store is away, a mode that is not
    forced gets what is kept, with a failed status beside it.
    """
    return _follow(*_looked_up([asked], ctx)[0])


def answers_for(asked: Sequence[Asked], ctx: ProjectContext) -> list[Answer]:
    """The answers to a list; nothing that happens to one of them concerns the others (api N6, R14).

    What is kept is read in one go, so a list that computes nothing costs three round trips.
    """
    return [_follow_safely(*found) for found in _looked_up(asked, ctx)]


def safe_answer(asked: Asked, ctx: ProjectContext) -> Answer:
    """`answer` for one saved insight: its metadata stay reachable when our side fails (api P13).

    Errors that the caller can fix and limits are raised.
    """
    question, kept = _looked_up([asked], ctx)[0]
    try:
        return _follow(question, kept)
    except (StoreUnavailable, AtCapacity) as error:
        return failed(question, error)
    except QueryError:
        raise
    except Exception as error:
        log.exception("insight_failed", key=question.key)
        return failed(question, error)


def kept_answer(node: SourceNode, ctx: ProjectContext, key: str) -> Answer:
    """What is kept under a key, whatever its age; without `entry` when it is gone."""
    question = Question(Asked(node, Refresh.FORCE_CACHE), ctx, key)
    try:
        entry = keeping.answers().get(ctx.project_id, key, now=ctx.now)
    except CacheUnavailable:
        entry = None
    return question.served(entry, is_cached=entry is not None)


def respelled(error: QueryError, spell: Callable[[Path], str | None]) -> QueryError:
    """The error in the caller's spelling (api N5); one about the run and not the question has no `attr`."""
    return error.spelled(spell) if isinstance(error, ABOUT_THE_QUESTION) else error


# --- looking up ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, where, and its name in the cache."""

    asked: Asked
    ctx: ProjectContext
    key: str

    @property
    def run(self) -> Run:
        return Run(self.ctx.project_id, self.asked.name or self.key)

    def step(self, entry: Entry | None) -> Step:
        """What the table says, given what is kept."""
        age = freshness(self.asked.node, self.ctx, entry.header.last_refresh if entry else None)
        return TABLE[self.asked.refresh][age]

    def served(
        self, entry: Entry | None, *, is_cached: bool, status: Mapping[str, Any] | None = None
    ) -> Answer:
        """The answer with this entry, and its facts."""
        age = target_age(self.asked.node, entry.header.last_refresh) if entry else None
        return Answer(self.key, self.ctx.timezone, entry, is_cached, age, status)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known before anything is done: the answer in the cache, and the run under way."""

    entry: Entry | None = None
    running: QueryStatus | None = None


def _looked_up(asked: Sequence[Asked], ctx: ProjectContext) -> list[tuple[Question, Kept]]:
    questions = [Question(each, ctx, cache_key(each.node, ctx)) for each in asked]
    keys = [question.key for question in questions]
    try:
        entries = keeping.answers().get_many(ctx.project_id, keys, now=ctx.now)
        running = keeping.board().running(ctx.project_id, keys, now=ctx.now)
    except CacheUnavailable:
        return [(question, Kept()) for question in questions]
    return [
        (question, Kept(entry, status))
        for question, entry, status in zip(questions, entries, running, strict=True)
    ]


# --- the steps -------------------------------------------------------------------------------------------


def _follow(question: Question, kept: Kept) -> Answer:
    timing.answered(question.run.id)
    step = question.step(kept.entry)
    refused = _refused(question, kept) if step in BEGINS else None
    if refused is not None and step is not Step.SERVE_AND_ENQUEUE:
        raise refused
    found = STEPS[step](question, kept) if refused is None else _served_despite(question, kept, refused)
    metrics.count_answer(
        question.asked.refresh, is_cached=found.is_cached, has_result=found.entry is not None
    )
    timing.found(_cache_status(question, kept, found))
    return found


def _cache_status(question: Question, kept: Kept, found: Answer) -> str:
    """Why there is this result, or none: RFC 9211, with the way to get one."""
    if found.entry is not None and found.is_cached:
        return "hit"
    why = "request" if question.asked.refresh.is_forced else "miss" if kept.entry is None else "stale"
    if found.entry is not None:
        return f"fwd={why}; stored"
    return f'fwd={why}; detail="{UNDER_WAY if found.query_status else NOTHING_KEPT}"'


def _refused(question: Question, kept: Kept) -> TooManyQueries | None:
    """Why nothing may be computed for the caller now; what is under way already costs nothing."""
    if kept.running is not None and not kept.running.complete:
        return None
    try:
        charge_question(question.ctx.project_id)
    except TooManyQueries as error:
        return error
    return None


def _served_despite(question: Question, kept: Kept, error: QueryError) -> Answer:
    """What is kept, with a failed status that says why there is nothing newer."""
    return replace(_serve(question, kept), query_status=failed(question, error).query_status)


def _follow_safely(question: Question, kept: Kept) -> Answer:
    try:
        return _follow(question, kept)
    except Exception as error:
        if not isinstance(error, QueryError):
            log.exception("insight_failed", key=question.key)
        return failed(question, error)


def _serve(question: Question, kept: Kept) -> Answer:
    """What is kept, or nothing; with the run that may be under way (api R4)."""
    status = background.status_json(kept.running) if kept.running else None
    return question.served(kept.entry, is_cached=kept.entry is not None, status=status)


def _compute(question: Question, kept: Kept) -> Answer:
    """Computed now; by us, or by who does it already."""
    is_forced = question.asked.refresh.is_forced
    try:
        done = compute_once(
            question.asked.node,
            question.ctx,
            question.key,
            question.run,
            is_wanted=lambda entry: not is_forced and question.step(entry) in SERVED,
        )
    except StoreUnavailable as error:
        if kept.entry is None or is_forced:
            raise
        return _served_despite(question, kept, error)
    return question.served(done.entry, is_cached=done.is_cached)


def _enqueue(question: Question, kept: Kept) -> Answer:
    """A run in the background; what is kept comes with it unless the mode refuses it."""
    asked = question.asked
    new = NewRun(
        id=question.run.id,
        project_id=question.ctx.project_id,
        cache_key=question.key,
        work=background.work(asked.node),
        insight_id=asked.insight_id,
        dashboard_id=asked.dashboard_id,
    )
    reuse_failed = kept.entry is None and not asked.refresh.is_forced  # api R11
    try:
        status = background.start(
            new,
            now=question.ctx.now,
            limits=question.ctx.background_limits,
            reuse_failed=reuse_failed,
        )
    except CacheUnavailable:  # nobody could run it, and nobody could tell of it
        return _compute(question, kept)
    entry = None if asked.refresh.is_forced else kept.entry
    return question.served(entry, is_cached=entry is not None, status=background.status_json(status))


STEPS: Mapping[Step, Callable[[Question, Kept], Answer]] = {
    Step.MISS: _serve,
    Step.SERVE: _serve,
    Step.COMPUTE: _compute,
    Step.ENQUEUE: _enqueue,
    Step.SERVE_AND_ENQUEUE: _enqueue,
}


def failed(question: Question, error: Exception) -> Answer:
    """No result, and a failed status that says why as far as it is the caller's business (api R14)."""
    status = QueryStatus(
        id=question.run.id,
        project_id=question.ctx.project_id,
        cache_key=question.key,
        insight_id=question.asked.insight_id,
        dashboard_id=question.asked.dashboard_id,
        start_time=question.ctx.now,
        end_time=question.ctx.now,
        expiration_time=question.ctx.now,
        complete=True,
        error=True,
        error_message=message_of(error),
    )
    return question.served(None, is_cached=False, status=background.status_json(status))


def message_of(error: Exception) -> str | None:
    """What a failed status may say (api R10): nothing about our own faults."""
    if isinstance(error, AtCapacity):
        return SATURATED
    return error.detail if isinstance(error, QueryError) else None
