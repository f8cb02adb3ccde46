"""The elements of an autocaptured click as the answer shows them (semantics F12)."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

_ELEMENT = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+', re.DOTALL)  # up to a `;` that is not in quotes
_HEAD = re.compile(r'([^"]*?)(?::(?=[\w-]+=")|:?$)', re.DOTALL)  # tag.class.class, up to the first attribute
_ATTRIBUTE = re.compile(r'([^="]+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_chain(chain: str) -> list[Json]:
    """The chain (see `queries.sql.elements`) as elements, the clicked one first."""
    return [_element(found[0], order) for order, found in enumerate(_ELEMENT.finditer(chain))]


def _element(text: str, order: int) -> Json:
    found = _HEAD.match(text)
    head, rest = (found[1], text[found.end() :]) if found else (text, "")
    tag, *classes = head.split(".")
    attributes = {name: _ESCAPED.sub(r"\1", value) for name, value in _ATTRIBUTE.findall(rest)}
    return {
        "tag_name": tag or None,
        "attr_class": [name for name in classes if name] or None,
        "text": attributes.get("text"),
        "href": attributes.get("href", attributes.get("attr__href")),
        "attr_id": attributes.get("attr_id", attributes.get("attr__id")),
        "nth_child": _whole(attributes.get("nth-child")),
        "nth_of_type": _whole(attributes.get("nth-of-type")),
        "attributes": {name: value for name, value in attributes.items() if name.startswith("attr__")},
        "order": order,
    }


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
