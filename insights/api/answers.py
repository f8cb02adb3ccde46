"""Answers for the insights that a view shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from insights.shown import ShownInsight

REFRESH_PARAMETERS: list[Any] = []


def answer_one(shown: ShownInsight, view: Any) -> ShownInsight:
    return shown


def answer_all(shown: Sequence[ShownInsight], view: Any) -> list[ShownInsight]:
    return list(shown)


def cancel(project_id: int, client_query_id: str) -> None:
    return None


def answer_for_guest(shown: Sequence[ShownInsight], project: Any, parameters: Any) -> list[ShownInsight]:
    return list(shown)
