"""Words for times and kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template

from insights.dashboards_shown import ShownTile
from insights.drawing.markup import Markup
from insights.front.views.insights import KINDS
from insights.markdown import markdown as as_html
from insights.shared_page import box_of
from insights_service import clock

register = template.Library()

BROAD = 9  # of twelve columns
UNITS = ((86_400 * 365, "year"), (86_400 * 30, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


@register.filter
def ago(instant: datetime | None) -> str:
    """How long ago, in the largest unit: `3 hours ago`; `never` for none."""
    if instant is None:
        return "never"
    seconds = (clock.now() - instant).total_seconds()
    for size, unit in UNITS:
        count = int(seconds // size)
        if count > 0:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


@register.filter
def kind_word(insight_type: str) -> str:
    """`TRENDS` -> `Trends`."""
    return KINDS.get(insight_type, insight_type)


@register.filter
def who(user: Any) -> str:
    """A person by name, else by e-mail; `somebody who is gone` for none."""
    return user.get_full_name() if user else "somebody who is gone"


@register.filter
def markdown(text: str) -> Markup:
    """The words of a text tile, as the shared pages show them."""
    return as_html(text)


@register.filter
def place(tile: ShownTile) -> str:
    """`broad` for a tile that its editors have drawn over most of the dashboard."""
    return "broad" if box_of(tile)[2] >= BROAD else ""


@register.filter
def brief(value: Any) -> str:
    """A value of a changed field on one line."""
    text = "nothing" if value in (None, "", [], {}) else str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
