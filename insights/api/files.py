"""Answers as files of any length: CSV, Parquet and Arrow of tabular questions (ours; CSV as api Y1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.renderers import BaseRenderer

from insights.exporting import FILES, TABULAR, exported
from insights_service.errors import InvalidInput
from insights_service.renderers import CSVRenderer, JSONRenderer, WrittenByView
from queries.context import ProjectContext
from queries.wrappers import SourceNode


class ParquetRenderer(WrittenByView):
    """The file is written by the event store."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class ArrowRenderer(WrittenByView):
    """The same for Arrow's file format."""

    media_type = "application/vnd.apache.arrow.file"
    format = "arrow"


TABULAR_RENDERERS: tuple[type[BaseRenderer], ...] = (
    JSONRenderer,
    CSVRenderer,
    ParquetRenderer,
    ArrowRenderer,
)
COMPUTED = frozenset({"blocking", "force_blocking", "true", "1"})
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": ParquetRenderer.media_type,
    "arrow": ArrowRenderer.media_type,
}


def is_file_wanted(request: Any) -> bool:
    """Whether a saved question is asked for as a file: Parquet, Arrow, or CSV that is computed anew."""
    form = request.accepted_renderer.format
    return form in FILES or (form == "csv" and request.query_params.get("refresh") in COMPUTED)


def file_response(
    request: Any, node: SourceNode, ctx: ProjectContext, *, run_id: str | None, name: str = "export"
) -> StreamingHttpResponse | None:
    """The whole table as a file, made anew; None where the answer has a form of its own.

    InvalidInput for Parquet or Arrow of what is no table.
    """
    form = str(request.accepted_renderer.format)
    if form not in MEDIA_TYPES or (form == "csv" and not isinstance(node, TABULAR)):
        return None
    if not isinstance(node, TABULAR):
        raise InvalidInput(
            f"{form} is made of SQL and of lists of events; a {node.kind} is answered as json or csv.",
            code="not_supported",
            attr="format",
        )
    shown = content_disposition_header(form in FILES, f"{name}.{form}")
    return StreamingHttpResponse(
        exported(node, ctx, form, run_id),
        content_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": str(shown)},
    )
