"""SVG -> PNG, for link previews. The fonts are ours, so that every machine makes the same picture."""

from __future__ import annotations

import re
from pathlib import Path

import resvg_py

FONTS = sorted(str(path) for path in (Path(__file__).parent / "fonts").glob("*.otf"))
FAMILY = "Inter"
WIDTH = 1200  # pixels; what previews of links are made for
# Letters that our fonts do not have; the machine's own are asked for them, which takes a moment longer.
FOREIGN = re.compile("[^\u0000-\u052f\u1e00-\u1eff\u2000-\u25ff]")


def to_png(svg: str, *, width: int = WIDTH) -> bytes:
    """The picture, `width` pixels wide. It loads nothing that the SVG may point to."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=width,
            font_files=FONTS,
            font_family=FAMILY,
            sans_serif_family=FAMILY,
            skip_system_fonts=FOREIGN.search(svg) is None,
        )
    )
