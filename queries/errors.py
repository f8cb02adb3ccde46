"""What can go wrong with a query, as exceptions that say what to change.

Status codes are not decided here: `insights_service.errors` holds the one table. Inside this package
`attr` is the path into the *node*, its parts joined by `__` (`series__0__math_property`); the border
that read the caller's input turns it into the caller's spelling with `QueryError.spelled`
(api N1, N5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

PathPart = str | int
Path = tuple[PathPart, ...]


def join_path(path: Path) -> str | None:
    """`("series", 0, "math")` -> `series__0__math`; the empty path is the query itself: None."""
    return "__".join(str(part) for part in path) or None


def split_path(attr: str | None) -> Path:
    """The inverse of `join_path`: digits become list positions."""
    if not attr:
        return ()
    return tuple(int(part) if part.isdecimal() else part for part in attr.split("__"))


class QueryError(Exception):
    """A query that has no answer. `detail` is a sentence a person can act on (api N2)."""

    default_code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, code: str | None = None, attr: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.attr = attr

    def spelled(self, spell: Callable[[Path], str | None]) -> Self:
        """The same error with `attr` in the spelling the caller used (api N5)."""
        return type(self)(self.detail, code=self.code, attr=spell(split_path(self.attr)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.detail!r}, code={self.code!r}, attr={self.attr!r})"


class InvalidQuery(QueryError):
    """A value that breaks a rule; the caller can fix it. Code `invalid_input` unless the rule names one."""

    default_code = "invalid_input"


class UnknownReference(QueryError):
    """The query names an action, a cohort or another saved thing the project does not have."""

    default_code = "does_not_exist"


class NotSupported(QueryError):
    """Something the peer product knows and this server does not build."""

    default_code = "not_supported"


class UnreadableQuery(QueryError):
    """The node is no query: unknown kind, unknown key or a value of the wrong type (api P25)."""

    default_code = "parse_error"


class QueryTooExpensive(QueryError):
    """The query ran into a limit of memory or of rows read."""

    default_code = "memory_limit"


class OutOfMemory(QueryTooExpensive):
    """It was the limit of memory."""


class BoundReached(OutOfMemory):
    """It was a bound of the statement's own on what it holds in memory."""


class QueryTimedOut(QueryError):
    """The query ran longer than it may."""

    default_code = "query_timeout"


class QueryCancelled(QueryError):
    """Somebody cancelled the query while it ran (api Q21)."""

    default_code = "query_cancelled"


class StoreUnavailable(QueryError):
    """The event store does not answer."""

    default_code = "at_capacity"


class TooManyQueries(QueryError):
    """More questions were computed than the operator allows; `wait` is when there may be more, in seconds."""

    default_code = "throttled"
    wait: int | None = None


class AtCapacity(QueryError):
    """The event store has no free slot for another query."""

    default_code = "at_capacity"
