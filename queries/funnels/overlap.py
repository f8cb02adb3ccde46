"""Which steps may be taken by the same event.

Where none can, an event carries the number of its step and the rest is simple; where some might, it
carries the set of them. Saying "might" too often costs time, saying it too seldom would be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.funnels.question import Question
from queries.nodes import EventsNode, PropertyFilter, PropertyGroup, SeriesNode
from queries.sql.filters import DISTINCT_ID_KEY
from queries.sql.series import Matcher
from queries.vocabulary import GroupOperator, Operator, PropertyType

Property = tuple[PropertyType, str, int | None]


def may_share_events(question: Question) -> bool:
    """Whether one event might take two different steps of this funnel (semantics E8)."""
    return any(
        may_overlap(question, first, second)
        for second in range(len(question.steps))
        for first in range(second)
    )


def may_overlap(question: Question, first: int, second: int) -> bool:
    """Whether an event might match both steps (0-based)."""
    if not _share_names(question.steps[first], question.steps[second]):
        return False
    return not _exclude_each_other(question, question.node.series[first], question.node.series[second])


def _share_names(first: Matcher, second: Matcher) -> bool:
    if first.names is None or second.names is None:
        return True
    return not set(first.names).isdisjoint(second.names)


def _exclude_each_other(question: Question, first: SeriesNode, second: SeriesNode) -> bool:
    """Both want one of a list of texts in the same property, and no text is in both lists."""
    theirs = _wanted_texts(question, second)
    return any(
        key in theirs and texts.isdisjoint(theirs[key])
        for key, texts in _wanted_texts(question, first).items()
    )


def _wanted_texts(question: Question, step: SeriesNode) -> dict[Property, frozenset[str]]:
    """Property -> the texts it must be one of for the event to take the step."""
    if not isinstance(step, EventsNode) or step.filters is None:
        return {}
    found: dict[Property, frozenset[str]] = {}
    for leaf in _all_required(step.filters):
        if leaf.operator is Operator.EXACT and not leaf.negation and _is_compared_as_text(question, leaf):
            texts = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            if texts and all(isinstance(text, str) for text in texts):
                found[leaf.type, leaf.key, leaf.group_type_index] = frozenset(map(str, texts))
    return found


def _all_required(tree: PropertyGroup | PropertyFilter) -> Sequence[PropertyFilter]:
    """The leaves that all must hold; those below an OR of several need not."""
    if isinstance(tree, PropertyFilter):
        return (tree,)
    if tree.type is GroupOperator.OR and len(tree.values) > 1:
        return ()
    return tuple(leaf for part in tree.values for leaf in _all_required(part))


def _is_compared_as_text(question: Question, leaf: PropertyFilter) -> bool:
    if leaf.type not in (PropertyType.EVENT, PropertyType.PERSON, PropertyType.GROUP):
        return False
    if leaf.key == DISTINCT_ID_KEY:  # a person has several (semantics B7)
        return False
    declared = question.ctx.property_types
    return all(declared.get((scope, leaf.key)) in (None, "String") for scope in ("event", "person", "group"))
