"""The stylesheet of drawings, for pictures that have to bring theirs along.

One source: `static/insights/drawing.css`, whose colours are variables. Programs that turn SVG into pixels
know no variables, so each rule is written out with the colours of a theme.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STYLESHEET = Path(__file__).parents[1] / "static" / "insights" / "drawing.css"
THEMES = re.compile(r"/\* (light|dark) \*/[^{]*\{(?:\s*:root[^{]*\{)?(?P<body>[^}]*)\}", re.S)
VARIABLE = re.compile(r"--([\w-]+):\s*([^;]+);")
MARKS = re.compile(r"/\* marks \*/(.*?)/\* end of marks \*/", re.S)
USED = re.compile(r"var\(--([\w-]+)\)")


@cache
def style(theme: str) -> str:
    """The rules for marks in the colours of `light` or `dark`; for `auto` both, dark behind its query."""
    if theme == "auto":
        return f"{_rules('light')}@media (prefers-color-scheme: dark){{{_rules('dark')}}}"
    return _rules(theme)


@cache
def _rules(theme: str) -> str:
    text = STYLESHEET.read_text(encoding="utf-8")
    colours = dict(_colours(text)["light"]) | _colours(text)[theme]
    marks = MARKS.search(text)
    assert marks is not None, "drawing.css has lost its marks"
    rules = re.sub(r"/\*.*?\*/", "", marks[1], flags=re.S)
    rules = USED.sub(lambda use: colours[use[1]], rules)
    return " ".join(rules.split())


def _colours(text: str) -> dict[str, dict[str, str]]:
    return {found[1]: dict(VARIABLE.findall(found["body"])) for found in THEMES.finditer(text)}
