"""Numbers as people read them: on axes short, in tooltips and tables exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

Number = int | float
UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
SPANS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
NO_NUMBER = "–"


def exact(value: Number, decimals: int | None = None) -> str:
    """1234.5 -> 1,234.5; two decimals at most unless told otherwise."""
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def short(value: Number) -> str:
    """1234567 -> 1.23M; three digits that matter."""
    for size, unit in UNITS:
        if abs(value) >= size:
            return f"{float(f'{value / size:.3g}'):g}{unit}"
    return exact(value)


def duration(seconds: Number) -> str:
    """3905 -> 1h 5m: the two largest units."""
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left < 10:
        return f"{sign}{float(f'{left:.2g}'):g}s"
    left, parts = round(left), []
    for size, unit in SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts[:2])


def percent(share: Number) -> str:
    """A share of one as a percentage: 0.1234 -> 12.3%."""
    return "0%" if not share else f"{share * 100:.1f}".replace("100.0", "100") + "%"


Writer = Callable[[Number], str]
# `aggregationAxisFormat` -> (short form, exact form)
FORMATS: Mapping[str, tuple[Writer, Writer]] = {
    "numeric": (short, exact),
    "short": (short, short),
    "duration": (duration, duration),
    "duration_ms": (lambda ms: duration(ms / 1000), lambda ms: duration(ms / 1000)),
    "percentage": (lambda value: f"{exact(value)}%", lambda value: f"{exact(value)}%"),
    "percentage_scaled": (percent, percent),
}


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of one picture are written."""

    kind: str = "numeric"
    prefix: str = ""
    postfix: str = ""
    decimals: int | None = None

    def short(self, value: Number | None) -> str:
        """For axes and marks."""
        return self._around(FORMATS[self.kind][0](value)) if is_number(value) else NO_NUMBER

    def exact(self, value: Number | None) -> str:
        """For tooltips and tables."""
        if not is_number(value):
            return NO_NUMBER
        if self.decimals is not None and self.kind == "numeric":
            return self._around(exact(value, self.decimals))
        return self._around(FORMATS[self.kind][1](value))

    def _around(self, text: str) -> str:
        return f"{self.prefix}{text}{self.postfix}"


def number_format(display: Mapping[str, Any]) -> NumberFormat:
    """The wish of a `trendsFilter`; what makes no sense is the usual form."""
    kind, decimals = display.get("aggregationAxisFormat"), display.get("decimalPlaces")
    return NumberFormat(
        kind=kind if isinstance(kind, str) and kind in FORMATS else "numeric",
        prefix=_short_text(display.get("aggregationAxisPrefix")),
        postfix=_short_text(display.get("aggregationAxisPostfix")),
        decimals=decimals if type(decimals) is int and 0 <= decimals <= 10 else None,
    )


def is_number(value: Any) -> TypeGuard[int | float]:
    """Something that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _short_text(value: Any) -> str:
    return value[:20] if isinstance(value, str) else ""


PERCENT = NumberFormat("percentage")  # of numbers that are 0..100 already
