"""Optimistic locking: which version a caller has seen, and whether it is still the current one."""

from __future__ import annotations

from insights.models import Dashboard, Insight
from insights_service.errors import PreconditionFailed

Versioned = Insight | Dashboard
CHANGED_SINCE = "It has been changed since the version in If-Match; read it again and repeat your change."


def version_tag(thing: Versioned) -> str:
    """The ETag of a thing: changes with every write to it, not with its results or views."""
    kind = "insight" if isinstance(thing, Insight) else "dashboard"
    return f'"{kind}-{thing.pk}-{thing.version}"'


def matches(thing: Versioned, expected: str) -> bool:
    """Whether an If-Match header names the current version; `*` names any (RFC 9110 13.1.1).

    A weak tag counts like a strong one, and a tag that also tells of an answer (`answer_tag`) names its
    version: numbers that have changed are no reason to refuse a write.
    """
    wanted = [tag.strip().removeprefix("W/") for tag in expected.split(",")]
    versions = {f'"{tag.strip(chr(34)).partition(".")[0]}"' for tag in wanted}
    return "*" in wanted or version_tag(thing) in versions


def answer_tag(thing: Versioned, digest: str) -> str:
    """The ETag of a thing together with what else is shown of it; weak, since not every byte counts."""
    return f'W/{version_tag(thing)[:-1]}.{digest}"'


def require(thing: Versioned, expected: str | None) -> None:
    """PreconditionFailed when the caller names a version (If-Match) and somebody else wrote since."""
    if expected is not None and not matches(thing, expected):
        raise PreconditionFailed(CHANGED_SINCE)
