"""A share of the actors, all of their events (semantics D61)."""

from __future__ import annotations

from queries.sql.actors import Actor
from queries.sql.fragment import TRUE, Sql, bind, sql

SAMPLE_SLOTS = 1_000_000


def sample(factor: float | None, actor: Actor) -> Sql:
    """The condition that an event's actor is in the sample; the same actors at every question."""
    if factor is None or factor == 1:
        return TRUE
    return sql(
        "cityHash64({actor}) % {slots} < {kept}",
        actor=actor.expression,
        slots=bind(SAMPLE_SLOTS, "UInt32"),
        kept=bind(round(factor * SAMPLE_SLOTS), "UInt32"),
    )
