"""What the parameters behind a link say of its point, one reader per coordinate (api S8, W20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queries.context import ProjectContext
from queries.legacy import LegacyQuery
from queries.legacy.params import invalid, listed, text, whole

Json = dict[str, Any]
Parameters = Mapping[str, Any]

PERIODS = ("current", "previous")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the parameters it was read from."""

    legacy: LegacyQuery
    parameters: Parameters
    ctx: ProjectContext

    def given(self, name: str) -> bool:
        return self.parameters.get(name) not in (None, "")


def series_of(asked: Asked) -> int:
    """The position of the point's series: by `entity_order`, else by what it counts (api W20)."""
    if asked.given("entity_order"):
        return whole_of(asked, "entity_order") or 0
    if not asked.given("entity_id"):
        return 0
    wanted = str(asked.parameters["entity_id"])
    math = asked.parameters.get("entity_math") or None
    candidates = [
        place
        for place, node in enumerate(getattr(asked.legacy.node, "series", ()))
        if wanted == str(getattr(node, "event", getattr(node, "id", None)))
    ]
    series = getattr(asked.legacy.node, "series", ())
    exact = [place for place in candidates if math is None or str(series[place].effective_math) == str(math)]
    if not candidates:
        raise invalid("entity_id", f'"{wanted}" is not among the events and actions of the filter.')
    return (exact or candidates)[0]


def whole_of(asked: Asked, name: str) -> int | None:
    return whole(name, asked.parameters[name]) if asked.given(name) else None


def text_of(asked: Asked, name: str) -> str | None:
    return str(text(name, asked.parameters[name])) if asked.given(name) else None


def period_of(asked: Asked) -> str | None:
    wanted = text_of(asked, "compare_label")
    if wanted is not None and wanted not in PERIODS:
        raise invalid("compare_label", f'"{wanted}" is not a valid choice.', "invalid_choice")
    return wanted


def breakdown_of(asked: Asked, name: str) -> Any:
    """A value, or a list of them as JSON; empty text is the value "none" (semantics D35)."""
    raw = asked.parameters.get(name)
    split = getattr(asked.legacy.node, "breakdown_filter", None)
    if raw is None or split is None or split.is_empty:
        return None
    if isinstance(raw, str) and raw.startswith("[") and (split.is_list or name != "breakdown_value"):
        return listed(name, raw)
    if isinstance(raw, Mapping | bool):
        raise invalid(name, "Expected a value of the breakdown.")
    return raw


def insight_actors(asked: Asked, **coordinates: Any) -> Json:
    return {"kind": "InsightActorsQuery", "source": asked.legacy.node.to_wire(), **coordinates}
