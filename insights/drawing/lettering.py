"""How wide a text will be, roughly, and where it has to be cut.

Nobody measures text on a server; widths of a usual sans-serif, in parts of the font size, are near enough
to leave room for labels and to cut long ones.
"""

from __future__ import annotations

import unicodedata

SIZE = 12  # pixels, of all text that has no class of its own
WIDTHS = (
    ("ijl.,:;'|!()[] ", 0.31),
    ('frtI-/\\"*', 0.39),
    ("mwMW@%", 0.92),
    ("ABCDEFGHJKLNOPQRSTUVXYZ&#+<>=_", 0.70),
)
USUAL, WIDE = 0.58, 1.05
ELLIPSIS = "…"

_width = {character: width for characters, width in WIDTHS for character in characters}


def text_width(text: str, size: float = SIZE) -> float:
    """Pixels of one line of text."""
    return size * sum(_of(character) for character in text)


def clipped(text: str, pixels: float, size: float = SIZE) -> str:
    """The text on one line, with an ellipsis where it does not fit."""
    line = " ".join(text[:400].split())
    if text_width(line, size) <= pixels:
        return line
    room, kept = pixels / size - USUAL * 1.6, 0
    for character in line:
        room -= _of(character)
        if room < 0:
            break
        kept += 1
    return line[:kept].rstrip() + ELLIPSIS


def _of(character: str) -> float:
    if character in _width:
        return _width[character]
    return WIDE if unicodedata.east_asian_width(character) in "WF" else USUAL
