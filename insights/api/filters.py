"""The query parameters of the list: one row per parameter, all joined by AND (api P5-P7).

A row reads its text and gives a condition; a text that cannot be read is a 400 under the parameter's
name. Unknown parameters are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from insights import selectors
from insights.mentions import INSIGHT_TYPES
from insights.models import Insight
from insights_service import clock
from insights_service.accounts.models import Project, User
from insights_service.errors import InvalidInput, UnreadableBody
from insights_service.parsers import is_true, parse_json
from queries.dates import DateContext, read_date, resolve_range
from queries.errors import QueryError
from queries.nodes import DateRange
from queries.vocabulary import Interval

MAX_SEARCH_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for the list, of which project; `user` is None for a guest."""

    project: Project
    user: User | None


Condition = Callable[[str, str, Asker], Q]  # parameter, its text, who asks


def filtered(insights: QuerySet[Insight], parameters: Mapping[str, str], asker: Asker) -> QuerySet[Insight]:
    """The insights that all given parameters let through, in the order asked for."""
    condition = Q()
    for name, row in FILTERS.items():
        if name in parameters:
            condition &= row.condition(name, parameters[name], asker)
    return ordered(insights.filter(condition), parameters.get("order") or "", asker)


def ordered(insights: QuerySet[Insight], wanted: str, asker: Asker) -> QuerySet[Insight]:
    """In the order asked for, with the id as tie-break; by `order` when nothing is asked (api P7)."""
    if not wanted:
        return insights.order_by(F("order").asc(nulls_last=True), "id")
    name = wanted.removeprefix("-")
    if name not in ORDERS:
        raise InvalidInput(f'"{wanted}" is not a valid choice.', code="invalid_choice", attr="order")
    if name == "my_last_viewed_at" and asker.user:
        insights = insights.annotate(my_last_viewed_at=selectors.own_view(asker.user))
    elif name == "my_last_viewed_at":
        name = "last_viewed_at"  # a guest has no views of his own
    return insights.order_by(_direction(ORDERS.get(name, name), wanted.startswith("-")), "id")


def _direction(column: str, descending: bool) -> OrderBy:
    """Never viewed counts as viewed earliest: last when descending, first when ascending (api P7)."""
    by_view = column.endswith("viewed_at")
    if descending:
        return F(column).desc(nulls_last=True if by_view else None)
    return F(column).asc(nulls_first=True if by_view else None)


# Word on the wire -> column.
ORDERS = {
    **{
        name: name
        for name in (
            "name",
            "derived_name",
            "created_at",
            "updated_at",
            "last_modified_at",
            "favorited",
            "saved",
            "order",
            "id",
            "short_id",
            "last_viewed_at",
            "my_last_viewed_at",
        )
    },
    "created_by": "created_by_id",
}


# --- how a text becomes a condition ----------------------------------------------------------------------


def _short_id(_: str, text: str, __: Asker) -> Q:
    return Q(short_id=text)


def _created_by(name: str, text: str, _: Asker) -> Q:
    ids = _ids(name, text)
    return Q(created_by__in=ids) if ids else Q()


def _saved(_: str, text: str, __: Asker) -> Q:
    return selectors.is_saved(is_true(text))


def _favorited(_: str, __: str, ___: Asker) -> Q:
    return Q(favorited=True)


def _by_me(_: str, __: str, asker: Asker) -> Q:
    return Q(created_by=asker.user)


def _insight_type(name: str, text: str, _: Asker) -> Q:
    if text not in INSIGHT_TYPES:
        raise InvalidInput(f'"{text}" is not a valid choice.', code="invalid_choice", attr=name)
    return Q(insight_type=text)


def _search(name: str, text: str, _: Asker) -> Q:
    if len(text) > MAX_SEARCH_LENGTH:
        raise InvalidInput(f"Ensure the search has no more than {MAX_SEARCH_LENGTH} characters.", attr=name)
    return selectors.mentions_text(text) if text else Q()


def _after(column: str) -> Condition:
    def condition(name: str, text: str, asker: Asker) -> Q:
        if text in ("", "all"):
            return Q()
        return Q(**{f"{column}__gt": _instant(name, text, asker, is_start=True)})

    return condition


def _before(column: str) -> Condition:
    def condition(name: str, text: str, asker: Asker) -> Q:
        return Q(**{f"{column}__lt": _instant(name, text, asker, is_start=False)}) if text else Q()

    return condition


def _dashboards(name: str, text: str, _: Asker) -> Q:
    return selectors.on_all_dashboards(_ids(name, text, is_list=True))


def _tags(name: str, text: str, _: Asker) -> Q:
    tags = [tag.strip().lower() for tag in _texts(name, text)]
    return selectors.with_any_tag(tags) if tags else Q()


def _events(name: str, text: str, _: Asker) -> Q:
    return selectors.with_all_events(_texts(name, text))


def _feature_flag(_: str, text: str, __: Asker) -> Q:
    return selectors.with_feature_flag(text) if text else Q()


def _my_last_viewed(_: str, text: str, asker: Asker) -> Q:
    if not is_true(text) or asker.user is None:
        return Q()
    return selectors.viewed_by(asker.user)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the list: how it filters, and how the API description explains it."""

    condition: Condition
    explained: str
    type: Any = OpenApiTypes.STR
    choices: tuple[str, ...] | None = None


FILTERS: Mapping[str, Parameter] = {
    "short_id": Parameter(_short_id, "Only the insight with this short id."),
    "created_by": Parameter(_created_by, "Made by this user; or a JSON list of user ids.", OpenApiTypes.STR),
    "saved": Parameter(
        _saved,
        "True: saved, or on a dashboard. False: not saved, whatever dashboards show.",
        OpenApiTypes.BOOL,
    ),
    "favorited": Parameter(_favorited, "Present with any value: only favourites."),
    "user": Parameter(_by_me, "Present with any value: only those the caller made."),
    "insight": Parameter(_insight_type, "Only insights of this kind.", choices=INSIGHT_TYPES),
    "search": Parameter(
        _search, "Part of the name, derived name, description or a tag; case does not matter."
    ),
    "date_from": Parameter(
        _after("last_modified_at"), "Last modified after this date (`2024-03-10`, `-7d`)."
    ),
    "date_to": Parameter(_before("last_modified_at"), "Last modified before this date."),
    "created_date_from": Parameter(_after("created_at"), "Made after this date."),
    "created_date_to": Parameter(_before("created_at"), "Made before this date."),
    "last_viewed_date_from": Parameter(_after("last_viewed_at"), "Last viewed by anybody after this date."),
    "last_viewed_date_to": Parameter(_before("last_viewed_at"), "Last viewed by anybody before this date."),
    "dashboards": Parameter(_dashboards, "JSON list of dashboard ids: on all of them."),
    "tags": Parameter(_tags, "JSON list of tags: with any of them."),
    "events": Parameter(_events, "JSON list of event names: the question mentions all of them."),
    "feature_flag": Parameter(_feature_flag, "Broken down or filtered by this feature flag."),
    "my_last_viewed": Parameter(
        _my_last_viewed, "True: only insights the caller has viewed.", OpenApiTypes.BOOL
    ),
}

ORDER_CHOICES = tuple(word for name in ORDERS for word in (name, f"-{name}"))
LIST_PARAMETERS = [
    *(
        OpenApiParameter(name, row.type, description=row.explained, enum=row.choices)
        for name, row in FILTERS.items()
    ),
    OpenApiParameter("order", OpenApiTypes.STR, description="Ties are in order of id.", enum=ORDER_CHOICES),
]


# --- reading --------------------------------------------------------------------------------------------


def _json(name: str, text: str) -> Any:
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except UnreadableBody:
        raise InvalidInput(f"{name} is not valid JSON.", attr=name) from None


def _list(name: str, text: str, kind: type, what: str) -> list[Any]:
    value = _json(name, text) if text.strip() else []
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise InvalidInput(f"{name} must be a JSON list of {what}.", attr=name)
    return value


def _ids(name: str, text: str, *, is_list: bool = False) -> list[int]:
    """The ids of a JSON list, or of one number where that is allowed. Ids beyond any row match nothing."""
    alone = text.strip()
    if not is_list and alone.removeprefix("-").isdecimal() and alone.isascii() and len(alone) < 20:
        return [int(alone)]
    return _list(name, text, int, "ids")


def _texts(name: str, text: str) -> list[str]:
    return _list(name, text, str, "texts")


def _instant(name: str, text: str, asker: Asker, *, is_start: bool) -> datetime:
    """The instant of a date text in the project's zone; a relative start is cut to midnight (A5)."""
    ctx = DateContext(clock.now(), asker.project.timezone, asker.project.week_start_day or 0)
    try:
        if is_start:
            return resolve_range(DateRange(date_from=text), Interval.DAY, ctx).date_from
        return read_date(text, ctx).at
    except QueryError:
        raise InvalidInput(f'"{text}" is not a date; use 2024-03-10 or -7d.', attr=name) from None
