"""Questions written in SQL, and the plain list of events (api U4, V11)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from queries.nodes import DateRange, Modifiers, Part, Properties, Whole

DEFAULT_LIMIT = 100  # api V11
MAX_LIMIT = 50_000  # api V11


class HogQLFilters(Part):
    """What `{filters}` in the text stands for, and what dashboards put on top (api P28)."""

    date_range: DateRange | None = None
    properties: Properties = None
    filter_test_accounts: bool = False


class HogQLQuery(Part):
    """A SELECT. `values` are bound by name, `variables` by id (api P30)."""

    kind: Literal["HogQLQuery"] = "HogQLQuery"
    query: str
    values: dict[str, Any] | None = None  # any JSON may be bound
    variables: dict[str, dict[str, Any]] | None = None  # {id: {"code_name": ..., "value": any JSON}}
    filters: HogQLFilters | None = None
    name: str | None = None
    explain: bool = False
    modifiers: Any = Field(None, exclude=True)


class EventsQuery(Part):
    """Single events, newest first unless ordered otherwise; `select` and `where` are expressions."""

    kind: Literal["EventsQuery"] = "EventsQuery"
    select: tuple[str, ...]
    event: str | None = None
    action_id: Whole | None = None
    person_id: str | None = None
    properties: Properties = None
    fixed_properties: Properties = None
    after: str | None = None
    before: str | None = None
    where: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    offset: Annotated[Whole, Field(ge=0)] = 0
    filter_test_accounts: bool = False
    modifiers: Modifiers | None = Field(None, exclude=True)
