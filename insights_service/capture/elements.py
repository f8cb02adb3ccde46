"""The elements of an autocaptured click -> the chain text that action matching reads. Pure.

One element is `tag.class1.class2:attr__href="..."nth-child="1"text="..."`, elements are joined by `;`,
the clicked one first (semantics B22). Quotes inside values are escaped by a backslash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Keys of an element on the wire -> attribute names of the chain, in this order of preference.
_NAMED = {
    "$el_text": "text",
    "text": "text",
    "nth_child": "nth-child",
    "nth_of_type": "nth-of-type",
    "href": "href",
    "attr_id": "attr_id",
}
_TEXT_LENGTH = 400
_HREF_LENGTH = 2048


def elements_chain(properties: Mapping[str, Any]) -> str:
    """The chain of an event: as sent in `$elements_chain`, else made from the list `$elements`; else ''."""
    if "$elements_chain" not in properties and "$elements" not in properties:
        return ""
    chain = properties.get("$elements_chain")
    if isinstance(chain, str) and chain:
        return chain
    elements = properties.get("$elements")
    if not isinstance(elements, list):
        return ""
    return ";".join(_element(element) for element in elements if isinstance(element, dict))


def _element(element: Mapping[str, Any]) -> str:
    attributes = _attributes(element)
    classes = "".join(f".{name}" for name in sorted(_classes(element)))
    written = "".join(f'{key}="{_quoted(value)}"' for key, value in sorted(attributes.items()))
    return f"{_name(element.get('tag_name'))}{classes}:{written}"


def _attributes(element: Mapping[str, Any]) -> dict[str, str]:
    found = {
        key: str(value)
        for key, value in element.items()
        if key.startswith("attr__") and value is not None and key != "attr__class"
    }
    for key, name in _NAMED.items():
        if element.get(key) is not None:
            found.setdefault(name, str(element[key]))
    if "attr__id" in found:
        found.setdefault("attr_id", found["attr__id"])
    if "attr__href" in found:
        found.setdefault("href", found["attr__href"])
    found["text"] = found.get("text", "")[:_TEXT_LENGTH]
    found["href"] = found.get("href", "")[:_HREF_LENGTH]
    return {key: value for key, value in found.items() if value}


def _classes(element: Mapping[str, Any]) -> list[str]:
    given = element.get("attr_class") or element.get("attr__class") or element.get("$el_class") or []
    words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return [name for word in words if (name := _name(word))]


def _name(value: object) -> str:
    """Tag or class name without the characters that separate parts of a chain."""
    return "".join(c for c in str(value or "") if c not in '";:. ') if value else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
