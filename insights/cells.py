"""Incremental refresh wired to this service's stores: kept cells in, a plan out; new cells kept.

Whatever stands in the way (a question that cannot be proven, a cache that is down, a cluster, whose
replicas may lag behind each other) leads to the usual plan and the same answer.
"""

from __future__ import annotations

from contextlib import suppress

from clickhouse_connect.driver.client import Client

from insights import keeping
from insights_service.config import get_config
from queries.cache.connection import CacheUnavailable
from queries.context import Identities, ProjectContext
from queries.errors import QueryError
from queries.incremental.kinds import proof_of, refreshing_plan
from queries.incremental.known import Refreshed
from queries.incremental.proof import Provable
from queries.incremental.record import Record, unpack
from queries.incremental.refresh import ONE_SNAPSHOT
from queries.plan import Plan, Result
from queries.wrappers import SourceNode


def refreshing(node: SourceNode, ctx: ProjectContext, identities: Identities, client: Client) -> Plan | None:
    """A plan that asks for new cells only; None when the question has to be computed as a whole."""
    config = get_config()
    if not config.incremental_refresh or config.clickhouse_cluster:
        return None
    try:
        proof = proof_of(node, ctx)
    except QueryError:  # compiling will say it, in its own order
        return None
    if proof is None:
        return None
    try:
        kept = _kept(ctx.project_id, proof)
    except CacheUnavailable:
        return None
    has_one_snapshot = ONE_SNAPSHOT in client.server_settings
    return refreshing_plan(proof, node, ctx, kept, identities, has_one_snapshot=has_one_snapshot)


def keep(project_id: int, result: Result) -> None:
    """Keep what a refresh has learnt; without a cache it is forgotten."""
    if isinstance(result, Refreshed):
        with suppress(CacheUnavailable):
            keeping.cells().put(project_id, result.name, result.record.pack())


def _kept(project_id: int, proof: Provable) -> Record | None:
    packed = keeping.cells().get(project_id, proof.name)
    return None if packed is None else unpack(packed)
