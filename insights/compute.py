"""Computing one answer: prepare, compile, run, shape, keep - at most once at a time (api R11).

Used by requests that wait and by background tasks alike; what differs between the two is the time limit
and who is told about the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from insights import cells, keeping
from insights.promotion import note_reads, noted_columns
from insights_service import metrics, timing
from insights_service.config import get_config
from insights_service.persons.event_store import event_store
from insights_service.persons.sync import prepare_for_query
from queries.cache.connection import CacheUnavailable
from queries.cache.places import Room
from queries.cache.store import Entry, entry_of
from queries.context import Limits, ProjectContext
from queries.errors import QueryCancelled
from queries.execute import QueryTag, kill, run, translated
from queries.registry import compile_node
from queries.wrappers import SourceNode

log = structlog.get_logger(__name__)

PATIENCE = 0.5  # share of its time limit that a query waits for a place


@dataclass(frozen=True, slots=True)
class Run:
    """One computation under a name. `token` tells it apart from others of the same name (api R12)."""

    project_id: int
    id: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def check(self) -> None:
        """Raise QueryCancelled when somebody told this run to stop; an absent cache knows of nothing."""
        with suppress(CacheUnavailable):
            if keeping.active_runs().is_cancelled(self.token):
                raise QueryCancelled("The query was cancelled.")

    def stop_if_cancelled(self) -> None:
        """The same from a thread beside the run: a statement that started too late to be killed is killed."""
        try:
            self.check()
        except QueryCancelled:
            kill_run(self.project_id, self.id, self.token)


@dataclass(frozen=True, slots=True)
class Computed:
    """An answer, and whether it was somebody else who computed it."""

    entry: Entry
    is_cached: bool


def compute_once(
    node: SourceNode,
    ctx: ProjectContext,
    key: str,
    run_: Run,
    *,
    is_wanted: Callable[[Entry], bool] = lambda entry: False,
) -> Computed:
    """The answer, computed here or by whoever computes the same already; `ctx.limits` hold for both.

    `is_wanted` says of an answer that was kept after we looked whether it will do. Raises the errors of
    `queries.errors`. Without Redis the answer is computed and not kept.
    """
    led = False

    def lead() -> Entry:
        nonlocal led
        kept = _kept(ctx, key)
        if kept is not None and is_wanted(kept):
            return kept
        led = True
        entry = compute(node, ctx, QueryTag(ctx.project_id, node.kind, run_.id, key, run_.token), run_.check)
        with suppress(CacheUnavailable):
            keeping.answers().put(ctx.project_id, key, entry)
        return entry

    with announced(run_):
        try:
            entry = keeping.flights().fly(
                ctx.project_id,
                key,
                lead=lead,
                follow=lambda: _kept(ctx, key),
                limits=ctx.limits,
                check=run_.check,
                beat=run_.stop_if_cancelled,
            )
        except CacheUnavailable:
            entry = lead()
    return Computed(entry, is_cached=not led)


def compute(
    node: SourceNode, ctx: ProjectContext, tag: QueryTag, check: Callable[[], None] = lambda: None
) -> Entry:
    """The answer by asking the event store, whatever is kept. `check` is called before each statement.

    Waits for a place among the queries that may run at once, for a part of the time limit.
    """
    patience = ctx.limits.timeout_seconds * PATIENCE
    with keeping.places().held(ctx.project_id, room(), patience_seconds=patience, check=check):
        with reaching_the_store(ctx.limits):
            identities = prepare_for_query(ctx.project_id)
            client = event_store()
            columns = noted_columns(client)
        known = replace(ctx, has_overrides=identities.has_overrides, promoted=columns)
        plan = cells.refreshing(node, known, identities, client) or compile_node(node, known)
        with metrics.measured_query(tag.kind) as count_rows:
            ran = run(plan, client=client, tag=tag, limits=ctx.limits, before_each=check)
            count_rows(ran.rows_read)
        note_reads(columns)
    timing.spend("query", ran.seconds)
    cells.keep(ctx.project_id, ran.result)
    log.info(
        "query",
        project=ctx.project_id,
        kind=tag.kind,
        query_id=tag.query_id,
        rows_read=ran.rows_read,
        ms=round(ran.seconds * 1000, 1),
    )
    return entry_of(
        ran.result,
        last_refresh=ctx.now,
        seconds=ran.seconds,
        rows_read=ran.rows_read,
        bytes_read=ran.bytes_read,
    )


def room() -> Room:
    config = get_config()
    return Room(config.query_max_concurrent, config.query_max_concurrent_per_project)


@contextmanager
def announced(run_: Run) -> Iterator[None]:
    """While the block runs, the run can be found and stopped by its name."""
    runs = keeping.active_runs()
    with suppress(CacheUnavailable):
        runs.announce(run_.project_id, run_.id, run_.token)
    try:
        yield
    finally:
        with suppress(CacheUnavailable):
            runs.leave(run_.project_id, run_.id, run_.token)


def kill_run(project_id: int, run_id: str, token: str = "") -> None:
    """Stop the statements of a run in the event store; a store that is down runs nothing."""
    with suppress(ClickHouseError, OSError):
        kill(
            event_store(),
            project_id=project_id,
            query_id=run_id,
            run=token,
            cluster=get_config().clickhouse_cluster,
        )


@contextmanager
def reaching_the_store(limits: Limits) -> Iterator[None]:
    """Errors of the event store's client inside the block become those of the query layer."""
    try:
        yield
    except (ClickHouseError, OSError) as error:
        raise translated(error, limits) from error


def store_client() -> Client:
    """The event store, for questions about running queries. StoreUnavailable when it is down."""
    with reaching_the_store(Limits()):
        return event_store()


def _kept(ctx: ProjectContext, key: str) -> Entry | None:
    with suppress(CacheUnavailable):
        return keeping.answers().get(ctx.project_id, key, now=ctx.now)
    return None
