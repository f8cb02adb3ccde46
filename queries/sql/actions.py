"""Actions: event matchers made of alternative steps (semantics B15-B24)."""

from __future__ import annotations

from queries.context import Action, ActionStep, ProjectContext
from queries.errors import UnknownReference
from queries.sql.elements import href_condition, selector_condition, tag_condition, text_condition
from queries.sql.events import event_names
from queries.sql.filters import filter_condition, stored_event_property
from queries.sql.fragment import FALSE, TRUE, Sql, all_of, any_of, bind, sql
from queries.sql.operators import is_pattern, like_pattern

AUTOCAPTURE = "$autocapture"  # only these events carry elements (B19)


def action_condition(action_id: int, ctx: ProjectContext) -> Sql:
    """The action as a condition on one event; without steps it matches nothing (B16).

    UnknownReference when the project has no such action, or only a deleted one (B24).
    """
    return any_of(_step_condition(step, ctx) for step in _action(action_id, ctx).steps)


def action_events(action_id: int, ctx: ProjectContext) -> tuple[str, ...] | None:
    """The names of the events the action can match; None when one of its steps takes any event (B17)."""
    names = [step.event for step in _action(action_id, ctx).steps]
    known = [name for name in names if name is not None]
    return tuple(dict.fromkeys(known)) if len(known) == len(names) else None


def _action(action_id: int, ctx: ProjectContext) -> Action:
    action = ctx.actions.get(action_id)
    if action is None:
        raise UnknownReference(f"There is no action {action_id} in this project.", attr="id")
    return action


def _step_condition(step: ActionStep, ctx: ProjectContext) -> Sql:
    named = event_names(None if step.event is None else [step.event])
    return all_of(
        [named, _url_condition(step, ctx), *_elements(step), filter_condition(step.properties, ctx)]
    )


def _url_condition(step: ActionStep, ctx: ProjectContext) -> Sql:
    """B18. An empty url is no condition; a missing `$current_url` never matches."""
    if not step.url:
        return TRUE
    stored = stored_event_property("$current_url", ctx)
    if step.url_matching == "exact":
        return sql("{stored} = {url}", stored=stored, url=bind(step.url))
    if step.url_matching == "regex":
        if not is_pattern(step.url):  # C22
            return FALSE
        template = "{stored} != '' AND match({stored}, {url})"
        return sql(template, stored=stored, url=bind(step.url))
    pattern = bind(f"%{like_pattern(step.url)}%")
    return sql("{stored} != '' AND {stored} LIKE {pattern}", stored=stored, pattern=pattern)


def _elements(step: ActionStep) -> list[Sql]:
    if step.event != AUTOCAPTURE:  # B19
        return []
    return [
        selector_condition(step.selector) if step.selector else TRUE,
        tag_condition(step.tag_name) if step.tag_name else TRUE,
        text_condition(step.text, step.text_matching) if step.text else TRUE,
        href_condition(step.href, step.href_matching) if step.href else TRUE,
    ]
