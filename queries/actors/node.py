"""Who stands behind a number: the coordinates of a point, and the list to show (api U4, V9, V10)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from queries.correlation.node import FunnelCorrelationActorsQuery
from queries.funnels.node import FunnelsActorsQuery, FunnelsQuery
from queries.hogql_node import HogQLQuery
from queries.lifecycle.node import LifecycleQuery, LifecycleStatus
from queries.nodes import Part, Properties, Whole
from queries.paths.node import PathsQuery
from queries.retention.node import RetentionQuery
from queries.stickiness.node import StickinessActorsQuery, StickinessQuery
from queries.trends.node import TrendsQuery

DEFAULT_LIMIT = 100  # api U4
MAX_LIMIT = 10_000
MAX_OFFSET = 2**62

MAX_COORDINATE = 2**31 - 1  # beyond any answer, and what a column of the store can hold
Place = Annotated[Whole, Field(le=MAX_COORDINATE)]

InsightQuery = TrendsQuery | FunnelsQuery | PathsQuery | RetentionQuery | StickinessQuery | LifecycleQuery
INSIGHT_QUERIES: tuple[type[InsightQuery], ...] = (
    TrendsQuery,
    FunnelsQuery,
    PathsQuery,
    RetentionQuery,
    StickinessQuery,
    LifecycleQuery,
)


class InsightActorsQuery(Part):
    """The actors of one point of an insight; which coordinates matter depends on the insight.

    `day` is a bucket text, or the column of stickiness; `interval` the row of retention and
    `returning_interval` (ours) its column; `series` an index; `status` a lifecycle status.
    """

    kind: Literal["InsightActorsQuery"] = "InsightActorsQuery"
    source: Annotated[InsightQuery, Field(discriminator="kind")]
    day: str | Place | None = None
    series: Place | None = None
    status: LifecycleStatus | None = None
    interval: Place | None = None
    returning_interval: Place | None = None
    breakdown: str | Whole | float | tuple[str | Whole | float, ...] | None = None
    compare: Literal["current", "previous"] | None = None
    include_recordings: Any = Field(None, exclude=True)


ActorsSource = (
    InsightActorsQuery
    | FunnelsActorsQuery
    | FunnelCorrelationActorsQuery
    | StickinessActorsQuery
    | HogQLQuery
)


class InsightActorsQueryOptions(Part):
    """What may be chosen as coordinates of a point (api V10)."""

    kind: Literal["InsightActorsQueryOptions"] = "InsightActorsQueryOptions"
    source: Annotated[
        InsightActorsQuery | FunnelsActorsQuery | FunnelCorrelationActorsQuery | StickinessActorsQuery,
        Field(discriminator="kind"),
    ]


class ActorsQuery(Part):
    """A page of actors: those of `source`, or all persons; `select` names the columns (api V9)."""

    kind: Literal["ActorsQuery"] = "ActorsQuery"
    source: Annotated[ActorsSource, Field(discriminator="kind")] | None = None
    select: tuple[str, ...] = ("actor",)
    order_by: tuple[str, ...] | None = None
    properties: Properties = None
    fixed_properties: Properties = None
    search: str | None = None
    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    offset: Annotated[Whole, Field(ge=0, le=MAX_OFFSET)] = 0
    modifiers: Any = Field(None, exclude=True)
