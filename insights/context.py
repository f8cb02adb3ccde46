"""What a query may know about its project, read from PostgreSQL in a constant number of statements.

How many: none for a question without property filters, actions and cohorts; else one for the declared
property types and two for the definitions (all actions, all cohorts: one may refer to another).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from insights.models import Action, Cohort
from insights_service import clock, throttling
from insights_service.accounts.models import Project
from insights_service.budgets import Credential, narrowed, read_budgets
from insights_service.config import get_config
from insights_service.persons.models import GroupType, PropertyDefinition, PropertyOwner
from queries import context as query
from queries.cache.key import Mentions, mentions, uses_test_filters
from queries.properties import PropertyGroup, read_properties
from queries.wrappers import SourceNode

SCOPES: Mapping[str, query.PropertyScope] = {
    PropertyOwner.EVENT: "event",
    PropertyOwner.PERSON: "person",
    PropertyOwner.GROUP: "group",
}
# Keys of a question's JSON below which a property may be compared or sorted by its declared type.
PROPERTY_KEYS = ("properties", "fixedProperties", "breakdown", "breakdowns", "math_property", "filters")


@dataclass(frozen=True, slots=True)
class Leaning:
    """Which rows of the project, besides its own, the context of a question is read from."""

    definitions: bool
    property_types: bool
    group_types: bool


def leaning(project: Project, nodes: Iterable[SourceNode]) -> Leaning:
    """What `project_context` would read for these nodes."""
    return _leaning(*_named(project, [node.to_wire() for node in nodes]))


def project_context(
    project: Project,
    nodes: Iterable[SourceNode],
    *,
    now: datetime | None = None,
    limits: query.Limits | None = None,
) -> query.ProjectContext:
    """The context in which all of `nodes` can be answered, at one instant (semantics J2).

    `limits` defaults to those of the caller of the running request, who waits for it (api R15).
    """
    wires, tests, named = _named(project, [node.to_wire() for node in nodes])
    leans = _leaning(wires, tests, named)
    return query.ProjectContext(
        project_id=project.pk,
        now=now or clock.now(),
        timezone=project.timezone,
        week_start=project.week_start_day or 0,
        actions=_actions(project) if leans.definitions else {},
        cohorts=_cohorts(project) if leans.definitions else {},
        test_account_filters=tests,
        path_cleaning=_path_cleaning(project),
        person_properties_mode="on_events" if project.person_properties_mode == "on_events" else "current",
        aggregate_by_distinct_id=project.aggregate_users_by_distinct_id,
        human_friendly_comparison_periods=project.human_friendly_comparison_periods,
        property_types=_property_types(project) if leans.property_types else {},
        group_types=_group_types(project) if leans.group_types else {},
        display_name_properties=tuple(project.person_display_name_properties or ()),
        limits=limits or limits_of(project, throttling.credential()),
        background_limits=background_limits(project, throttling.credential()),
    )


def definition_context(project: Project, *, now: datetime | None = None) -> query.ProjectContext:
    """The context in which a cohort is worked out: all definitions, and the time of background work."""
    return query.ProjectContext(
        project_id=project.pk,
        now=now or clock.now(),
        timezone=project.timezone,
        week_start=project.week_start_day or 0,
        actions=_actions(project),
        cohorts=_cohorts(project),
        property_types=_property_types(project),
        limits=all_rows(background_limits(project)),
    )


def limits_of(project: Project, credential: Credential) -> query.Limits:
    """What a query may use that somebody waits for, as the operator has set it (api R15)."""
    return _limits(get_config().query_timeout_seconds, project, credential)


def background_limits(project: Project, *asked_by: Credential) -> query.Limits:
    """What a run in the background may use: no more than whoever asked for it either."""
    seconds = get_config().background_query_timeout_seconds
    return _limits(seconds, project, Credential.BACKGROUND, *asked_by)


def all_rows(limits: query.Limits) -> query.Limits:
    """The same for statements whose rows are members of a cohort and no result that anybody reads."""
    return replace(limits, result_rows=None)


def _limits(seconds: float, project: Project, *credentials: Credential) -> query.Limits:
    config = get_config()
    widest = query.Limits(
        timeout_seconds=seconds,
        memory_bytes=config.query_max_memory_bytes,
        rows_to_read=config.query_max_rows_to_read or None,
        result_rows=config.query_max_result_rows or None,
    )
    return narrowed(widest, (config.query_budgets, read_budgets(project.query_budgets)), credentials)


def _named(project: Project, wires: list[Any]) -> tuple[list[Any], PropertyGroup | None, Mentions]:
    """The questions as JSON, the test-account filters if they take part, and what both of them name."""
    tests = read_properties(project.test_account_filters) if uses_test_filters(wires) else None
    return wires, tests, mentions([wires, tests.to_wire() if tests else None])


def _leaning(wires: list[Any], tests: PropertyGroup | None, named: Mentions) -> Leaning:
    return Leaning(named.needs_definitions, _compares_properties(wires, tests, named), named.has_free_text)


def _compares_properties(wires: Any, tests: Any, named: Mentions) -> bool:
    if tests is not None or named.needs_definitions:
        return True
    waiting = [wires]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if any(value.get(key) for key in PROPERTY_KEYS):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _actions(project: Project) -> dict[int, query.Action]:
    rows = Action.objects.filter(project=project, deleted=False)
    return {row.pk: _action(row) for row in rows.only("pk", "name", "steps", "version")}


def _action(row: Action) -> query.Action:
    return query.Action(
        id=row.pk,
        name=row.name or f"Action {row.pk}",
        steps=tuple(_step(step) for step in row.steps),
        version=str(row.version),
    )


def _step(step: Mapping[str, Any]) -> query.ActionStep:
    given = {key: value for key, value in step.items() if value not in (None, "")}
    properties = read_properties(given.pop("properties", None))
    known = query.ActionStep.__dataclass_fields__
    return query.ActionStep(
        properties=properties, **{key: value for key, value in given.items() if key in known}
    )


def _cohorts(project: Project) -> dict[int, query.Cohort]:
    rows = Cohort.objects.filter(project=project, deleted=False)
    return {
        row.pk: query.Cohort(
            id=row.pk,
            name=row.name or f"Cohort {row.pk}",
            version=row.version,
            is_static=row.is_static,
            filters=row.filters,
        )
        for row in rows.only("pk", "name", "version", "is_static", "filters")
    }


def _path_cleaning(project: Project) -> tuple[query.PathCleaningRule, ...]:
    rules = sorted(
        enumerate(project.path_cleaning_filters), key=lambda rule: (rule[1].get("order") or 0, rule[0])
    )
    return tuple(query.PathCleaningRule(rule["regex"], rule["alias"]) for _, rule in rules)


def _property_types(
    project: Project,
) -> dict[tuple[query.PropertyScope, str], query.DeclaredType]:
    rows = PropertyDefinition.objects.filter(project=project, declared_type__isnull=False)
    return {
        (SCOPES[owner], name): cast(query.DeclaredType, declared)
        for owner, name, declared in rows.values_list("type", "name", "declared_type")
        if owner in SCOPES
    }


def _group_types(project: Project) -> dict[int, str]:
    rows = GroupType.objects.filter(project=project).values_list("group_type_index", "group_type")
    return dict(rows)
