"""What a key may be allowed: the scopes as values (api M14). No request, no database."""

from __future__ import annotations

from collections.abc import Iterable

EVERYTHING = "*"
READ, WRITE = "read", "write"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# The objects of the scope table (api M14) and what each is about.
OBJECTS = {
    "insight": "saved insights and the calculation endpoints",
    "sharing_configuration": "public links",
    "activity_log": "who changed what",
    "query": "questions that are not saved",
    "dashboard": "dashboards",
    "action": "event matchers",
    "cohort": "sets of persons",
    "person": "persons, also those behind a result",
    "group": "groups and their types",
    "event_definition": "names of events",
    "property_definition": "names and types of properties",
    "annotation": "notes at a date",
    "project": "projects and their settings",
    "user": "the caller's own profile",
    "personal_api_key": "personal API keys",
    "organization": "organizations",
}
ALL_SCOPES = (EVERYTHING, *(f"{name}:{access}" for name in OBJECTS for access in (READ, WRITE)))


def grants(held: Iterable[str] | None, wanted: str) -> bool:
    """Whether a key with these scopes may do what needs `wanted`. None is an old key: everything."""
    if held is None:
        return True
    name, _, access = wanted.partition(":")
    enough = {EVERYTHING, wanted} | ({f"{name}:{WRITE}"} if access == READ else set())
    return not enough.isdisjoint(held)


def grants_all(held: Iterable[str] | None, wanted: Iterable[str] | None) -> bool:
    """Whether a key with the scopes `held` reaches at least as far as one with `wanted`."""
    return all(grants(held, scope) for scope in ([EVERYTHING] if wanted is None else wanted))


def needed_for_method(object_name: str, method: str) -> str:
    """The scope of a method that a route does not have: read for GET, HEAD, OPTIONS, else write (api N4)."""
    return f"{object_name}:{READ if method in SAFE_METHODS else WRITE}"
