"""A short run of `./run fuzz`, always the same."""

from __future__ import annotations

from insights.api.calculation_schema import EXPORT, TABLES
from queries.legacy import PARAMETERS
from tests.fuzz.checking import fuzz


def test_every_answer_is_one_that_the_document_describes(service: None) -> None:
    """api W24, N1: no 5xx, and status, type and body as described."""
    report = fuzz(280)
    assert not report.findings, str(report)
    assert report.requests > 200


def test_every_described_parameter_is_one_that_is_read() -> None:
    """api S2: unknown parameters are ignored, so a wrong name in the document would never show."""
    for insight, table in TABLES.items():
        assert table.keys() - EXPORT.keys() <= PARAMETERS.keys(), insight
