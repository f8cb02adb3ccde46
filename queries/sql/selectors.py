"""The part of CSS that actions select elements with (semantics B22).

Descendants (a space), children (`>`), tags, `.class`, `#id`, `[name="value"]`, `:nth-child(n)`,
`:nth-of-type(n)` and `*`. Anything else is an InvalidQuery that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from queries.errors import InvalidQuery

MAX_PARTS = 20
_TOKEN = re.compile(
    r"""(?P<tag>\*|(?:[^\W\d]|-|\\.)(?:[\w-]|\\.)*)
    | \.(?P<class>(?:[\w-]|\\.)+)
    | \#(?P<id>(?:[\w-]|\\.)+)
    | \[\s*(?P<name>[\w:@.-]+)\s*(?:=\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'
        |(?P<bare>[^\]"'\s]+))\s*)\]
    | :(?P<place>nth-child|nth-of-type)\(\s*(?P<number>\d+)\s*\)
    | (?P<child>\s*>\s*)
    | (?P<space>\s+)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one element must be. `is_child`: its parent, not just any ancestor, must meet the next part."""

    tag: str | None = None
    classes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    is_child: bool = False


def read_selector(text: str) -> tuple[Part, ...]:
    """The parts, leaf first; empty for an empty selector."""
    # Written by hand or by recorders; they say nothing about the element (B22).
    cleaned = re.sub(r">\s*\*\s*>\s*|>\s*\*(?=\s|$)", "", text).strip()
    if not cleaned:
        return ()
    parts: list[Part] = []
    part = Part()
    for kind, name, value in _tokens(cleaned):
        if kind in ("child", "space"):
            parts.append(_closed(part, kind == "child", text))
            part = Part()
        else:
            part = _extended(part, kind, name, value)
    parts.append(_closed(part, False, text))
    if len(parts) > MAX_PARTS:
        raise InvalidQuery(f"A selector has at most {MAX_PARTS} parts.", attr="selector")
    # "a > b": the > stands behind a, but it is b's parent that must be a.
    children = [False, *(parent.is_child for parent in parts[:-1])]
    linked = [Part(p.tag, p.classes, p.attributes, c) for p, c in zip(parts, children, strict=True)]
    return tuple(reversed(linked))


def _tokens(text: str) -> Iterator[tuple[str, str, str]]:
    """(kind, attribute name, value) of each token."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidQuery(
                f'The selector "{text[:100]}" is not understood at position {position + 1}.', attr="selector"
            )
        position = match.end()
        yield _token(match)


def _token(match: re.Match[str]) -> tuple[str, str, str]:
    found = {key: value for key, value in match.groupdict().items() if value is not None}
    if "name" in found:
        value = found.get("double", found.get("single", found.get("bare", "")))
        return "attribute", found["name"], _unescaped(value)
    if "place" in found:
        return "attribute", found["place"], found["number"]
    if "id" in found:
        return "attribute", "id", _unescaped(found["id"])
    (kind, value), *_ = found.items()
    return kind, "", _unescaped(value)


def _extended(part: Part, kind: str, name: str, value: str) -> Part:
    if kind == "tag":
        return Part(value, part.classes, part.attributes)
    if kind == "class":
        return Part(part.tag, (*part.classes, value), part.attributes)
    return Part(part.tag, part.classes, (*part.attributes, (name, value)))


def _closed(part: Part, is_child: bool, text: str) -> Part:
    if part == Part():
        raise InvalidQuery(f'The selector "{text[:100]}" has an empty part.', attr="selector")
    return Part(part.tag, part.classes, part.attributes, is_child)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
