"""The rows of PostgreSQL that a saved insight's response is made of, as a few bytes that change with them.

`fingerprint_now` asks in the cheapest way that is exact: as long as no transaction has ended anywhere in the
database, no row can have changed; after one has, the rows themselves are compared. (docs/decisions/0006)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, connections
from psycopg.pq import ExecStatus, TransactionStatus

from insights.context import Leaning
from insights_service import clock
from insights_service.accounts.authentication import LAST_USED_PRECISION

# Names of statements by connection. Prepared, because planning takes several times as long as running.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()

# Which transactions this statement sees, of which server: after a failover or a restore their numbers come
# again. The same text means: the same rows, in every table.
SEEN = "pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text"
SNAPSHOT = f"SELECT {SEEN}"

# `xmin` is the transaction that wrote a version of a row: with it, contents that come back are not the same.
FINGERPRINT = f"""
SELECT {SEEN}, extract(epoch FROM least(
    key.expires_at, key.last_used_at + make_interval(secs => $7)))::float8,
  sha256(convert_to(ROW(
    key.xmin, key, caller.xmin, caller, project.xmin, project, organization.xmin, organization,
    insight.xmin, insight,
    (SELECT ROW(member.xmin, member)::text FROM accounts_organizationmembership member
     WHERE member.organization_id = project.organization_id AND member.user_id = caller.id),
    (SELECT ROW(member.xmin, member)::text FROM accounts_projectmembership member
     WHERE member.project_id = project.id AND member.user_id = caller.id),
    (SELECT string_agg(ROW(person.xmin, person)::text, '' ORDER BY person.id) FROM accounts_user person
     WHERE person.id IN (insight.created_by_id, insight.last_modified_by_id)),
    (SELECT string_agg(ROW(tile.xmin, tile, dashboard.xmin, dashboard)::text, '' ORDER BY tile.id)
     FROM insights_dashboardtile tile JOIN insights_dashboard dashboard ON dashboard.id = tile.dashboard_id
     WHERE tile.insight_id = insight.id),
    (SELECT string_agg(ROW(place.xmin, place)::text, '' ORDER BY place.id)
     FROM insights_dashboardcollaborator place WHERE place.user_id = caller.id),
    CASE WHEN $4 THEN
      (SELECT string_agg(ROW(action.xmin, action)::text, '' ORDER BY action.id) FROM insights_action action
       WHERE action.project_id = project.id) END,
    CASE WHEN $4 THEN
      (SELECT string_agg(ROW(cohort.xmin, cohort)::text, '' ORDER BY cohort.id) FROM insights_cohort cohort
       WHERE cohort.project_id = project.id) END,
    CASE WHEN $5 THEN
      (SELECT string_agg(ROW(property.xmin, property)::text, '' ORDER BY property.id)
       FROM persons_propertydefinition property
       WHERE property.project_id = project.id AND property.declared_type IS NOT NULL) END,
    CASE WHEN $6 THEN
      (SELECT string_agg(ROW(type.xmin, type)::text, '' ORDER BY type.id) FROM persons_grouptype type
       WHERE type.project_id = project.id) END
  )::text, 'UTF8'))
FROM accounts_personalapikey key
JOIN accounts_user caller ON caller.id = key.user_id
JOIN accounts_project project ON project.id = $2
JOIN accounts_organization organization ON organization.id = project.organization_id
JOIN insights_insight insight ON insight.id = $3
WHERE key.value_hash = $1 AND key.last_used_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows: those that the way from this key to this insight reads."""

    value_hash: str
    project_id: int
    insight_id: int
    leaning: Leaning


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`digest` of the rows as one snapshot of the database showed them.

    It is good until the key expires or its use is to be noted again (api M13), in seconds of Unix time.
    """

    snapshot: bytes
    until: float
    digest: bytes


def fingerprint_of(rows: Rows) -> Fingerprint | None:
    """Changes with every row that the response could depend on.

    None when it must be made anew: the key is gone or has expired or its use is to be noted, the insight is
    gone, or PostgreSQL does not answer.
    """
    leaning = (rows.leaning.definitions, rows.leaning.property_types, rows.leaning.group_types)
    precision = LAST_USED_PRECISION.total_seconds()
    found = _row(FINGERPRINT, rows.value_hash, rows.project_id, rows.insight_id, *leaning, precision)
    if found is None:
        return None
    snapshot, until, digest = found
    return Fingerprint(snapshot, float(until), digest) if clock.now().timestamp() < float(until) else None


def fingerprint_now(rows: Rows, before: Fingerprint) -> Fingerprint | None:
    """What `fingerprint_of` would say; `before` itself while nobody has written anything since."""
    found = _row(SNAPSHOT)
    if found is None:
        return None
    if found[0] == before.snapshot:
        return before if clock.now().timestamp() < before.until else None
    return fingerprint_of(rows)


def _row(statement: str, *values: object) -> list[bytes] | None:
    """The only row of a prepared statement, as text; None when there is none or PostgreSQL does not answer.

    Asked of the driver's lowest floor: what stands above it takes ten times as long as the answer. A
    transaction of our own would see its own changes, of which a snapshot tells nothing: none is under way
    before a request begins, and if one should be, nothing is compared.
    """
    try:
        database = connections[DEFAULT_DB_ALIAS]
        database.ensure_connection()
        driver = database.connection
        if driver.info.transaction_status != TransactionStatus.IDLE:
            return None
        prepared = _prepared.setdefault(driver, {})
        if statement not in prepared:
            prepared[statement] = b"kept_%d" % len(prepared)
            # One that cannot be prepared fails again when it is run.
            driver.pgconn.prepare(prepared[statement], statement.encode())
        texts = [value if value is None else str(value).encode() for value in values]
        found = driver.pgconn.exec_prepared(prepared[statement], texts)
    except (Error, psycopg.Error):
        return None  # the way will say what is the matter
    if found.status != ExecStatus.TUPLES_OK or found.ntuples != 1:
        return None
    return [found.get_value(0, column) or b"" for column in range(found.nfields)]
