"""The actors behind one number, before anyone looks up who they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from queries.sql.fragment import Sql, sql

ActorKind = Literal["person", "distinct_id", "group"]


@dataclass(frozen=True, slots=True)
class ActorSet:
    """`rows` selects `actor` once each, and the columns named in `extra` beside it.

    `actor` is a person number, a distinct id's number (semantics B4) or a group key; `order` makes the
    pages stable.
    """

    rows: Sql
    kind: ActorKind = "person"
    group_type_index: int | None = None
    order: Sql = field(default_factory=lambda: sql("actor"))
    extra: tuple[str, ...] = ()


NOBODY = ActorSet(sql("SELECT toUInt32(0) AS actor WHERE 0"))
