"""Everything an operator can set, in one frozen value built once from the environment.

Each field of `Config` is one setting: its variable, type, unit, default and a sentence. A value that
cannot be used stops the start with a sentence that names the variable. `docs/configuration.md` lists
the same table; a test compares the two. A store's URL that is not set is read from the run file of
the embedded stack (`insights_service.embedded.state`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from insights_service.budgets import LEAST_MEMORY_BYTES, Budgets, read_budgets_text
from insights_service.embedded import state as run_file

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SHORTEST_SECRET = 32
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class ConfigError(Exception):
    """The environment cannot be used; the text has one sentence per wrong variable."""


# Readers: text of one variable -> value. They raise ValueError with the end of a sentence.


def flag(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError("must be 1 or 0")


def whole(least: int, most: int = 2**63 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d+", text.strip()) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        for word in words:
            if text.strip().lower() == word.lower():
                return word
        raise ValueError(f"must be one of {', '.join(words)}")

    return read


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def plain_name(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("must be a plain name of letters, digits and _")
    return text


def folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            parts = urlsplit(text.strip())
            _ = parts.port
        except ValueError as error:
            raise ValueError("is not a URL") from error
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"must look like {schemes[0]}://host:port/...")
        return text.strip().rstrip("/")

    return read


def _text(text: str) -> str:
    return text


def setting(
    name: str,
    sentence: str,
    *,
    default: Any,
    read: Callable[[str], Any] = _text,
    unit: str = "",
    shown: str = "",
) -> Any:  # Any: dataclasses.field itself is typed as the field's own type
    """One row of the table. `shown` is how the documentation writes a default that is computed."""
    described = {"name": name, "sentence": sentence, "read": read, "unit": unit, "shown": shown}
    return field(default=default, metadata=described)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings. Build it with `load`; share it with `get_config`."""

    debug: bool = setting(
        "DEBUG",
        "Show tracebacks to callers; never on a server others can reach.",
        default=False,
        read=flag,
    )
    secret_key: str = setting(
        "SECRET_KEY",
        "Signs sessions; at least 32 characters, the same on every process.",
        default="",
        shown="made by the embedded stack",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "ALLOWED_HOSTS",
        "Host names the server answers to, comma separated; loopback names always work.",
        default=LOOPBACK_HOSTS,
        read=words,
    )
    site_url: str = setting(
        "SITE_URL",
        "Public address of the server; https makes cookies secure.",
        default="",
        read=url("https", "http"),
        shown="the address of the request",
    )
    trust_proxy: bool = setting(
        "TRUST_PROXY",
        "Believe X-Forwarded-Proto and X-Forwarded-Host of the proxy in front.",
        default=False,
        read=flag,
    )
    run_dir: Path = setting(  # noqa: RUF009  # a frozen row of the table, like its neighbours
        "RUN_DIR",
        "Folder of the embedded stack: data, logs, run file.",
        default=run_file.DEFAULT_RUN_DIR,
        read=folder,
        shown="`.run` in the checkout",
    )
    port: int = setting(
        "PORT",
        "Port of the web process of the embedded stack.",
        default=0,
        read=whole(0, 65535),
        shown="8000, or a free one when it is taken",
    )
    database_url: str = setting(
        "DATABASE_URL",
        "PostgreSQL 14 or newer: `postgresql://user:password@host:port/database`.",
        default="",
        read=url("postgresql", "postgres"),
        shown="the embedded stack's",
    )
    redis_url: str = setting(
        "REDIS_URL",
        "Redis 7 or Valkey, for queue, statuses and cache; it may evict keys with an expiry only: `redis://:password@host:port/0`.",
        default="",
        read=url("redis", "rediss"),
        shown="the embedded stack's",
    )
    cache_url: str = setting(
        "CACHE_URL",
        "A second Redis for cached results, which may evict.",
        default="",
        read=url("redis", "rediss"),
        shown="REDIS_URL",
    )
    clickhouse_url: str = setting(
        "CLICKHOUSE_URL",
        "ClickHouse over HTTP: `http://user:password@host:port/database`.",
        default="",
        read=url("http", "https"),
        shown="the embedded stack's",
    )
    clickhouse_cluster: str = setting(
        "CLICKHOUSE_CLUSTER",
        "Name of the cluster the tables live on; empty means one node.",
        default="",
        read=plain_name,
    )
    query_timeout_seconds: int = setting(
        "QUERY_TIMEOUT_SECONDS",
        "Longest run of a query somebody waits for.",
        default=60,
        read=whole(1, 3600),
        unit="seconds",
    )
    background_query_timeout_seconds: int = setting(
        "BACKGROUND_QUERY_TIMEOUT_SECONDS",
        "Longest run of a query in the background.",
        default=600,
        read=whole(1, 86_400),
        unit="seconds",
    )
    query_max_memory_bytes: int = setting(
        "QUERY_MAX_MEMORY_BYTES",
        "Memory one query may use in ClickHouse; it spills to disk before that.",
        default=2 * 1024**3,
        read=whole(LEAST_MEMORY_BYTES),
        unit="bytes",
    )
    query_max_rows_to_read: int = setting(
        "QUERY_MAX_ROWS_TO_READ",
        "Rows one query may read; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="rows",
    )
    query_max_result_rows: int = setting(
        "QUERY_MAX_RESULT_ROWS",
        "Rows one statement of a query may give back; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="rows",
    )
    query_budgets: Budgets = setting(  # noqa: RUF009  # as above
        "QUERY_BUDGETS",
        "Narrower limits by who asks, as JSON (below).",
        default=(),
        read=read_budgets_text,
        shown="empty",
    )
    query_max_concurrent: int = setting(
        "QUERY_MAX_CONCURRENT",
        "Queries computed at once over all processes, fairly between projects; 0 means no limit.",
        default=8,
        read=whole(0),
        unit="queries",
    )
    query_max_concurrent_per_project: int = setting(
        "QUERY_MAX_CONCURRENT_PER_PROJECT",
        "Queries of one project computed at once; 0 means no limit of its own.",
        default=0,
        read=whole(0),
        unit="queries",
    )
    incremental_refresh: bool = setting(
        "INCREMENTAL_REFRESH",
        "Trends keep what they computed of each bucket and ask only for buckets that something has touched.",
        default=True,
        read=flag,
    )
    warm_insights: int = setting(
        "WARM_INSIGHTS",
        "How many of the most recently viewed insights are kept fresh in the background; 0 means none.",
        default=0,
        read=whole(0, 10_000),
        unit="insights",
    )
    promoted_properties: int = setting(
        "PROMOTED_PROPERTIES",
        "How many event properties that queries read often get columns of their own; 0 means none.",
        default=10,
        read=whole(0, 100),
        unit="columns",
    )
    throttle_burst: int = setting(
        "THROTTLE_BURST",
        "Requests each key or user may send in a minute; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="requests a minute",
    )
    throttle_sustained: int = setting(
        "THROTTLE_SUSTAINED",
        "Requests each key or user may send in an hour; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="requests an hour",
    )
    throttle_key_queries: int = setting(
        "THROTTLE_KEY_QUERIES",
        "Questions each key or user may have computed in an hour; kept answers are free; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="questions an hour",
    )
    throttle_project_queries: int = setting(
        "THROTTLE_PROJECT_QUERIES",
        "Questions that may be computed for a project in an hour, by all its callers; 0 means no limit.",
        default=0,
        read=whole(0),
        unit="questions an hour",
    )
    test_clock: bool = setting(
        "INSIGHTS_TEST_CLOCK",
        "The header X-Test-Now sets the time of a request, rate limits are off; refused in production.",
        default=False,
        read=flag,
    )
    web_processes: int = setting(
        "WEB_PROCESSES",
        "Web processes of the embedded stack.",
        default=0,
        read=whole(0, 64),
        unit="processes",
        shown="1, or half the cores (up to 4)",
    )
    web_threads: int = setting(
        "WEB_THREADS",
        "Requests a web process works on at once.",
        default=16,
        read=whole(1, 512),
        unit="threads",
    )
    worker_threads: int = setting(
        "WORKER_THREADS",
        "Tasks a worker process works on at once.",
        default=8,
        read=whole(1, 512),
        unit="threads",
    )
    log_level: str = setting(
        "LOG_LEVEL", "Least level that is logged.", default="INFO", read=one_of(*_LOG_LEVELS)
    )
    log_format: str = setting(
        "LOG_FORMAT",
        "`json` for machines, `console` for people.",
        default="json",
        read=one_of("json", "console"),
    )

    @property
    def is_production(self) -> bool:
        """Somebody deployed this: no debugging, and a secret of their own instead of the embedded stack's."""
        return not self.debug and self.secret_key != _stored_secret(self.run_dir)

    @property
    def effective_cache_url(self) -> str:
        return self.cache_url or self.redis_url

    def missing_stores(self) -> str:
        """A sentence about the stores nobody told us of; empty when all are known."""
        known = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "CLICKHOUSE_URL": self.clickhouse_url,
        }
        missing = [name for name, value in known.items() if not value]
        if not missing:
            return ""
        return (
            f"{', '.join(missing)}: not set, and no embedded stack runs in {self.run_dir}."
            " Start one with ./run, or set the variable."
        )

    def require_stores(self) -> None:
        """ConfigError unless all three stores are known: what serving processes call first."""
        if missing := self.missing_stores():
            raise ConfigError(missing)


def load(environ: Mapping[str, str]) -> Config:
    """The configuration of this environment. ConfigError lists everything wrong with it, one line each."""
    values, problems = _read_all(environ)
    config = Config(**_with_embedded_stack(values))
    problems += _insecure(config, "SECRET_KEY" in environ)
    if problems:
        raise ConfigError("\n".join(problems))
    return config


@cache
def get_config() -> Config:
    """The process's configuration, read from its environment at the first call."""
    return load(os.environ)


def _read_all(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for row in fields(Config):
        name = row.metadata["name"]
        text = environ.get(name, "")
        if text.strip() == "":  # set to nothing counts as not set, as compose files write it
            continue
        try:
            values[row.name] = row.metadata["read"](text)
        except ValueError as error:
            problems.append(f"{name} {error}; it is {_shown(name, text)}.")
    return values, problems


def _shown(name: str, text: str) -> str:
    """The wrong value, but never one that may hold a password."""
    return "not shown here" if name.endswith(("_URL", "_KEY")) else repr(text)


def _with_embedded_stack(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the embedded stack of this RUN_DIR knows and the environment does not say."""
    run_dir = values.get("run_dir", _default("run_dir"))
    stack = run_file.read(run_dir)
    urls = stack.get("urls", {})
    found = {
        "database_url": urls.get("database", ""),
        "redis_url": urls.get("redis", ""),
        "clickhouse_url": urls.get("clickhouse", ""),
        "secret_key": _stored_secret(run_dir),
    }
    return {**{name: value for name, value in found.items() if value}, **values}


def _stored_secret(run_dir: Path) -> str:
    return str(run_file.read(run_dir).get("secrets", {}).get("secret_key", ""))


def _insecure(config: Config, has_own_secret: bool) -> list[str]:
    """What must not be served to others; with DEBUG on everything goes."""
    if config.debug:
        return []
    problems = []
    short = 0 < len(config.secret_key) < _SHORTEST_SECRET
    if short or (has_own_secret and len(set(config.secret_key)) < 8):
        problems.append(
            f"SECRET_KEY must be at least {_SHORTEST_SECRET} random characters when DEBUG is off."
        )
    if not config.secret_key and config.database_url:
        problems.append("SECRET_KEY must be set when DATABASE_URL is and DEBUG is off.")
    if "*" in config.allowed_hosts:
        problems.append("ALLOWED_HOSTS must name the hosts when DEBUG is off; it is '*'.")
    if config.test_clock and config.is_production and config.secret_key:
        problems.append("INSIGHTS_TEST_CLOCK lets every caller set the time: it must be 0 in production.")
    return problems


def _default(name: str) -> Any:
    (row,) = (row for row in fields(Config) if row.name == name)
    assert row.default is not MISSING
    return row.default


def version() -> str:
    """The version of this server: the first heading of the changelog."""
    for line in (run_file.CHECKOUT / "CHANGELOG.md").read_text().splitlines():
        if match := re.match(r"## (\d+\.\d+\.\d+)", line):
            return match[1]
    raise ConfigError("CHANGELOG.md has no heading of the form '## 1.2.3'.")
