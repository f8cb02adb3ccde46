"""The series of trends, stickiness, lifecycle and funnel trends, as things to draw (api V2, V3, V6, V7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from insights.drawing.numbers import Number, is_number

HUES = 10  # colours in the stylesheet: c0..c9
OTHER = "$$_posthog_breakdown_other_$$"
# What a value is called by machines -> by people.
WORDS = {"$$_posthog_breakdown_null_$$": "None", OTHER: "Other"}
MOST = 25  # series in one picture; more are said to be left out

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """One line, bar or slice. `tone` is its colour class; a missing number is None.

    `days` and `labels` are those of its own period; `total` is what stands for the whole series.
    """

    name: str
    tone: str
    values: Sequence[Number | None]
    days: Sequence[Any]
    labels: Sequence[str]
    total: Number | None
    is_previous: bool = False
    breakdown: Any = None


def series_of(result: Sequence[Row]) -> list[Series]:
    """All series in their order; the two periods of one series share its colour."""
    hues: dict[Any, int] = {}
    return [_series(row, hues) for row in result if isinstance(row, Mapping)]


def human(value: Any) -> str:
    """A breakdown value (or a text made of some) in words."""
    if isinstance(value, list):
        return " · ".join(map(human, value))
    if value in (None, ""):
        return "None"
    text = str(value)
    for machine, word in WORDS.items():
        text = text.replace(machine, word)
    return text


def name_of(row: Row) -> str:
    """What a series is called: its custom name, or its label with the breakdown in words."""
    action = row.get("action")
    custom = action.get("custom_name") if isinstance(action, Mapping) else None
    broken_down = "breakdown_value" in row
    if custom and not broken_down:
        return str(custom)
    if row.get("label") is not None:
        return human(row["label"])
    return human(row["breakdown_value"]) if broken_down else "Result"


def _series(row: Row, hues: dict[Any, int]) -> Series:
    action, is_previous = row.get("action"), row.get("compare_label") == "previous"
    place = action.get("order") if isinstance(action, Mapping) else row.get("order")
    hue = hues.setdefault((place, str(row.get("label")), str(row.get("breakdown_value"))), len(hues))
    name, total = name_of(row), row.get("aggregated_value", row.get("count"))
    return Series(
        name=f"{name} (before)" if is_previous else name,
        tone=row.get("status") or ("other" if row.get("breakdown_value") == OTHER else f"c{hue % HUES}"),
        values=[value if is_number(value) else None for value in row.get("data") or ()],
        days=row.get("days") or (),
        labels=[str(label) for label in row.get("labels") or row.get("days") or ()],
        total=total if is_number(total) else None,
        is_previous=is_previous,
        breakdown=row.get("breakdown_value"),
    )
