"""Conditions on the clicked element and its ancestors (semantics B19-B22, C28).

`elements_chain` lists elements leaf first, joined by `;`, each `tag.class.class:name="value"name="value"`
with quotes inside values escaped by a backslash. Conditions split the chain into elements and test each
one, because the order of classes and attributes is the sender's and values may hold any character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from queries.context import Matching, ProjectContext
from queries.errors import InvalidQuery
from queries.properties import PATTERNS, PropertyFilter
from queries.sql.fragment import FALSE, TRUE, Sql, all_of, any_of, bind, join, not_, sql
from queries.sql.operators import OPERATORS, Comparison, compare, is_pattern, values_of
from queries.sql.selectors import Part, read_selector
from queries.vocabulary import Operator

# One element: anything up to the next `;` that is not inside quotes.
_ELEMENT = r'(?s)(?:[^;"]|"(?:[^"\\]|\\.)*")+'
_ELEMENTS = sql("extractAll(elements_chain, {element})", element=bind(_ELEMENT))
# A name follows the head's colon or the quote that closes the value before it.
_VALUE = r'(?s)[:"]{names}="((?:[^"\\]|\\.)*)"'
_UNESCAPED = r"(?s)\\(.)"
_NAMES = {"text": "text", "href": "(?:attr__)?href"}


def element_condition(leaf: PropertyFilter, ctx: ProjectContext) -> Sql:
    """A filter of type element on an event; without a chain only negative operators hold (C28)."""
    if leaf.value == ():  # C5: an empty list matches nothing here
        return TRUE if OPERATORS[leaf.operator].when_missing else FALSE
    if leaf.key in _NAMES:
        return _values_condition(leaf, ctx)
    if leaf.key not in _WHOLE:
        raise InvalidQuery(f'"{leaf.key}" is not a key of elements.', attr="key")
    some = any_of(_WHOLE[leaf.key](str(value)) for value in values_of(leaf.value))
    return not_(some) if leaf.operator is Operator.IS_NOT else some


def selector_condition(selector: str) -> Sql:
    """Some element of the chain meets the selector, with the ancestors it asks for (semantics B22)."""
    parts = read_selector(selector)
    return TRUE if not parts else _ancestry(parts)


def tag_condition(tag: str) -> Sql:
    """Some element has this tag (semantics B21)."""
    return _some_element(_has_tag(tag))


def text_condition(text: str, matching: Matching) -> Sql:
    """The text of some element matches (semantics B20)."""
    return _matching_value(element_values("text"), text, matching)


def href_condition(href: str, matching: Matching) -> Sql:
    """The first href of the chain matches (semantics B20)."""
    return _matching_value(element_values("href"), href, matching)


def element_values(key: str) -> Sql:
    """Array of the non-empty texts, or of the first href, of an event's elements; leaf first."""
    pattern = bind(_VALUE.replace("{names}", _NAMES[key]))
    raw = sql("extractAll(elements_chain, {pattern})", pattern=pattern)
    if key == "href":
        raw = sql("arraySlice({raw}, 1, 1)", raw=raw)
    return sql(
        "arrayMap(raw -> replaceRegexpAll(raw, {escape}, '\\\\1'), arrayFilter(raw -> raw != '', {raw}))",
        escape=bind(_UNESCAPED),
        raw=raw,
    )


def _values_condition(leaf: PropertyFilter, ctx: ProjectContext) -> Sql:
    """Positive operators: some value meets it; negative ones: every value does (semantics C5, C28)."""
    condition = compare(Comparison(sql("found"), leaf, None, ctx))
    if condition == FALSE and leaf.operator in PATTERNS:  # C22
        return FALSE
    values = element_values(leaf.key)
    if OPERATORS[leaf.operator].when_missing:
        return sql("NOT arrayExists(found -> NOT ({condition}), {v})", condition=condition, v=values)
    return sql("arrayExists(found -> {condition}, {v})", condition=condition, v=values)


_MATCHINGS: dict[Matching, str] = {
    "exact": "found = {wanted}",
    "contains": "positionCaseInsensitiveUTF8(found, {wanted}) > 0",
    "regex": "match(found, {wanted})",
}


def _matching_value(values: Sql, wanted: str, matching: Matching) -> Sql:
    if matching == "regex" and not is_pattern(wanted):
        return FALSE
    condition = sql(_MATCHINGS[matching], wanted=bind(wanted))
    return sql("arrayExists(found -> {condition}, {values})", condition=condition, values=values)


# --- whole elements ---------------------------------------------------------------------------------


def _some_element(condition: Sql) -> Sql:
    return sql("arrayExists(element -> {condition}, {all})", condition=condition, all=_ELEMENTS)


def _ancestry(parts: tuple[Part, ...]) -> Sql:
    """`parts` leaf first. Elements become the letters of the parts they meet, then one pattern decides."""
    if len(parts) == 1:
        return _some_element(_meets(parts[0]))
    letters = [chr(ord("a") + place) for place in range(len(parts))]
    tests = join(
        ", ",
        (
            sql("if({meets}, {letter}, '')", meets=_meets(part), letter=bind(letter))
            for part, letter in zip(parts, letters, strict=True)
        ),
    )
    return sql(
        "match(arrayStringConcat(arrayMap(element -> concat({tests}, ';'), {all})), {pattern})",
        tests=tests,
        all=_ELEMENTS,
        pattern=bind(_ancestry_pattern(parts, letters)),
    )


def _ancestry_pattern(parts: tuple[Part, ...], letters: list[str]) -> str:
    pattern = f"{letters[0]}[^;]*;"
    for inner, letter in zip(parts, letters[1:], strict=False):
        between = "" if inner.is_child else "(?:[^;]*;)*"
        pattern += f"{between}[^;]*{letter}[^;]*;"
    return pattern


def _meets(part: Part) -> Sql:
    conditions = [] if part.tag in (None, "*") else [_has_tag(str(part.tag))]
    conditions += [_has_class(name) for name in part.classes]
    conditions += [_has_attribute(name, value) for name, value in part.attributes]
    return all_of(conditions)


def _has_tag(tag: str) -> Sql:
    return _element_matches(rf"^{re.escape(tag)}(?:[.:]|$)")


def _has_class(name: str) -> Sql:
    # Everything before the first quote is the head and the name of the first attribute. Senders leave
    # the characters that separate parts out of class names.
    kept = "".join(letter for letter in name if letter not in '";:. ')
    spelled = "|".join(re.escape(text) for text in dict.fromkeys((name, kept)))
    return _element_matches(rf'^[^"]*\.(?:{spelled})(?:[.:]|$)')


_ATTRIBUTES = {"id": "attr_(?:_)?id", "href": "(?:attr__)?href"}
_OWN_NAMES = frozenset({"text", "nth-child", "nth-of-type"})


def _has_attribute(name: str, value: str) -> Sql:
    written = _ATTRIBUTES.get(name) or (name if name in _OWN_NAMES else f"attr__{re.escape(name)}")
    # Some senders double a backslash inside a value, some do not.
    escaped = re.escape(value).replace('"', '\\\\"').replace("\\\\", "\\\\{1,2}")
    return _element_matches(rf'(?s)[:"]{written}="{escaped}"')


def _element_matches(pattern: str) -> Sql:
    return sql("match(element, {pattern})", pattern=bind(pattern))


_WHOLE: dict[str, Callable[[str], Sql]] = {"tag_name": tag_condition, "selector": selector_condition}
