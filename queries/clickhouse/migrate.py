"""Numbered SQL migrations of the event store, rendered for one node or for a cluster.

A migration is `migrations/NNNN_verb_noun.sql`: statements ended by `;` at the end of a line, never edited
after a release. Placeholders in braces carry the difference between one node and a cluster:

    {table:events}            the table itself; on a cluster the shard-local `events_local`
    {everywhere:person}       a table every node holds whole
    {engine:MergeTree}        replicated inside a shard when there is a cluster
    {engine_everywhere:...}   replicated over all nodes when there is a cluster
    {distributed:events sharded by <expr>}   the Distributed table over `events_local`; nothing on one node
    {on_cluster} {database} {source}         ON CLUSTER clause, database name, dictionary credentials

What was applied is kept in the table `schema_migrations` of the same database.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client

FOLDER = Path(__file__).parent / "migrations"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the schema goes: database, optional cluster, and the user a dictionary reads its source as."""

    database: str
    cluster: str = ""
    user: str = "default"
    password: str = ""

    def __post_init__(self) -> None:
        for name in (self.database, self.cluster or "none"):
            if not _NAME.match(name):
                raise ValueError(f"{name!r} is not a plain ClickHouse name.")


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All migrations in order. ValueError when numbers repeat or leave a gap."""
    found = []
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        number, _, name = path.stem.partition("_")
        found.append(Migration(int(number), name, path.read_text()))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise ValueError("Migration numbers must run 0001, 0002, ... without gaps.")
    return tuple(found)


def render(text: str, target: Target) -> str:
    """The migration's text for this target."""

    def fill(match: re.Match[str]) -> str:
        kind, argument = match[1], match[2] or ""
        filler = _FILLERS.get(kind)
        if filler is None:
            raise ValueError(f"Unknown placeholder {match[0]!r}.")
        return filler(argument, target)

    return _PLACEHOLDER.sub(fill, text)


def statements(text: str, target: Target) -> Iterator[str]:
    """Rendered statements, one by one, without the comments between them."""
    for block in re.split(r";[ \t]*(?:\n|\Z)", render(text, target)):
        lines = [line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("--")]
        if lines:
            yield "\n".join(lines)


def applied(client: Client, target: Target) -> dict[int, str]:
    """Number -> checksum of what this database has seen."""
    client.command(_journal(target))
    rows = client.query("SELECT number, any(checksum) FROM schema_migrations GROUP BY number").result_rows
    return {int(number): str(checksum) for number, checksum in rows}


def pending(client: Client, target: Target) -> tuple[Migration, ...]:
    done = applied(client, target)
    return tuple(m for m in migrations() if m.number not in done)


def migrate(client: Client, target: Target) -> Sequence[Migration]:
    """Apply what is missing, in order, and return it. `client` must be connected to `target.database`.

    Statements are idempotent (IF NOT EXISTS), so a run that was cut off is simply run again.
    """
    run = []
    for migration in pending(client, target):
        for statement in statements(migration.text, target):
            client.command(statement)
        client.insert(
            "schema_migrations",
            [[migration.number, migration.name, migration.checksum]],
            column_names=["number", "name", "checksum"],
        )
        run.append(migration)
    return run


def create_database(client: Client, target: Target) -> None:
    """Make the database itself; `client` may be connected to any other."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {target.database} {_on_cluster('', target)}")


def _journal(target: Target) -> str:
    return render(
        "CREATE TABLE IF NOT EXISTS {everywhere:schema_migrations} {on_cluster} (number UInt32, name String,"
        " checksum String, applied_at DateTime DEFAULT now()) ENGINE = {engine_everywhere:MergeTree}"
        " ORDER BY number",
        target,
    )


def _on_cluster(_: str, target: Target) -> str:
    return f"ON CLUSTER '{target.cluster}'" if target.cluster else ""


def _table(name: str, target: Target) -> str:
    return f"{name}_local" if target.cluster else name


def _engine(engine: str, target: Target) -> str:
    if not target.cluster:
        return engine
    return _replicated(engine, "/clickhouse/tables/{shard}/{database}/{table}", "{replica}")


def _engine_everywhere(engine: str, target: Target) -> str:
    if not target.cluster:
        return engine
    # One replication group over all shards: the path has no {shard}, the replica's name has.
    return _replicated(engine, "/clickhouse/tables/all/{database}/{table}", "{shard}-{replica}")


def _replicated(engine: str, path: str, replica: str) -> str:
    name, _, arguments = engine.partition("(")
    tail = f", {arguments}" if arguments else ")"
    return f"Replicated{name}('{path}', '{replica}'{tail}"


def _distributed(argument: str, target: Target) -> str:
    table, _, key = argument.partition(" sharded by ")
    if not target.cluster:
        return ""
    return (
        f"CREATE TABLE IF NOT EXISTS {table} {_on_cluster('', target)} AS {table}_local"
        f" ENGINE = Distributed('{target.cluster}', '{target.database}', '{table}_local', {key})"
    )


def _source(_: str, target: Target) -> str:
    def quoted(value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return f"USER {quoted(target.user)} PASSWORD {quoted(target.password)} DB {quoted(target.database)}"


_FILLERS: Mapping[str, Callable[[str, Target], str]] = {
    "on_cluster": _on_cluster,
    "table": _table,
    "everywhere": lambda name, target: name,
    "engine": _engine,
    "engine_everywhere": _engine_everywhere,
    "distributed": _distributed,
    "database": lambda _, target: target.database,
    "source": _source,
}
