"""Which kinds of questions are refreshed, and by which plan."""

from __future__ import annotations

from queries.context import Identities, ProjectContext
from queries.incremental.lifecycle import provable_lifecycle, refresh_lifecycle
from queries.incremental.proof import Provable, provable
from queries.incremental.record import Record
from queries.incremental.refresh import refresh_plan
from queries.lifecycle.node import LifecycleQuery
from queries.plan import Plan
from queries.trends.node import TrendsQuery
from queries.wrappers import SourceNode


def proof_of(node: SourceNode, ctx: ProjectContext) -> Provable | None:
    """The proof that a question's numbers may be kept; None when there is none. Raises what compiling the
    question raises."""
    if isinstance(node, TrendsQuery):
        return provable(node, ctx)
    return provable_lifecycle(node, ctx) if isinstance(node, LifecycleQuery) else None


def refreshing_plan(
    proof: Provable,
    node: SourceNode,
    ctx: ProjectContext,
    kept: Record | None,
    identities: Identities,
    *,
    has_one_snapshot: bool,
) -> Plan | None:
    """The plan of a question with that proof; None when it is known to have too much to keep."""
    if kept is not None and kept.is_too_large:
        return None
    if isinstance(node, LifecycleQuery):
        return refresh_lifecycle(proof, node, ctx, kept, identities)
    assert isinstance(node, TrendsQuery)
    return refresh_plan(proof, node, ctx, kept, identities, has_one_snapshot=has_one_snapshot)
