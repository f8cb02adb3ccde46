"""Tables of any length as files: read from the event store piece by piece and passed on at once.

Nothing is kept: a file is made anew, and its rows never are in memory together. Only questions whose
answer is a table to begin with (SQL, single events) may be longer than memory.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from insights import keeping
from insights.compute import PATIENCE, Run, announced, reaching_the_store, room
from insights_service.persons.event_store import event_store
from insights_service.persons.sync import prepare_for_query
from insights_service.renderers import cell
from queries.context import ProjectContext
from queries.execute import QueryTag, stream_file, stream_rows
from queries.hogql.query import compile_table
from queries.hogql_node import EventsQuery, HogQLQuery

Tabular = HogQLQuery | EventsQuery
TABULAR = (HogQLQuery, EventsQuery)
# What a caller asks for -> the event store's own name of it.
FILES: Mapping[str, str] = {"parquet": "Parquet", "arrow": "Arrow"}
ROWS_AT_ONCE = 5000


def exported(node: Tabular, ctx: ProjectContext, form: str, run_id: str | None = None) -> Iterator[bytes]:
    """The rows of the node as `csv`, `parquet` or `arrow`, without a ceiling.

    Raises the errors of `queries.errors` before the first piece; an error after that ends the stream
    short, which the client sees as a broken answer. Close the iterator to stop the statement.
    """
    longer = replace(ctx.limits, timeout_seconds=ctx.background_limits.timeout_seconds)
    ctx = replace(ctx, limits=longer)
    run = Run(ctx.project_id, run_id or f"export-{uuid.uuid4().hex}")
    pieces = _pieces(node, ctx, form, run)
    first = next(pieces, b"")  # what is wrong with the question shows here
    return _with_first(first, pieces)


def _with_first(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _pieces(node: Tabular, ctx: ProjectContext, form: str, run: Run) -> Iterator[bytes]:
    with ExitStack() as held:
        held.enter_context(announced(run))
        patience = ctx.limits.timeout_seconds * PATIENCE
        held.enter_context(
            keeping.places().held(ctx.project_id, room(), patience_seconds=patience, check=run.check)
        )
        with reaching_the_store(ctx.limits):
            identities = prepare_for_query(ctx.project_id)
            client = event_store()
        found = replace(ctx, has_overrides=identities.has_overrides)
        table = compile_table(node, found, named=form in FILES)
        tag = QueryTag(ctx.project_id, node.kind, run.id, run=run.token)
        asked: Any = {"client": client, "tag": tag, "limits": ctx.limits}
        if form in FILES:
            yield from stream_file(table.statement, FILES[form], **asked)
        else:
            yield from _csv(table.columns, table.shape, stream_rows(table.statement, **asked))


def _csv(columns: Any, shape: Callable[[Any], list[list[Any]]], blocks: Iterator[Any]) -> Iterator[bytes]:
    """api Y1. The header comes with the first rows, so that an error of the store can still be told."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([cell(name) for name in columns])
    for block in blocks:
        for start in range(0, len(block), ROWS_AT_ONCE):
            writer.writerows(
                [cell(value) for value in row] for row in shape(block[start : start + ROWS_AT_ONCE])
            )
            yield text.getvalue().encode("utf-8", "replace")
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue().encode("utf-8", "replace")
