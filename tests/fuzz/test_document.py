"""A short run of `./run fuzz`, always the same."""

from __future__ import annotations

from tests.fuzz.checking import fuzz


def test_every_answer_is_one_that_the_document_describes(service: None) -> None:
    """api W24, N1: no 5xx, and status, type and body as described."""
    report = fuzz(280)
    assert not report.findings, str(report)
    assert report.requests > 200
