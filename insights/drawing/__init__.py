"""Results as pictures: SVG and HTML text from a query node and its result. Pure: no Django, no clock, no I/O.

    drawing = draw(query, result, title="Purchases", as_of=last_refresh, timezone="Europe/Berlin")
    drawing.html      # the figure for a page: picture (or table), legend, and the numbers as a table
    drawing.svg       # the marks alone, for a page that brings its own legend
    drawing.picture() # a file of its own: title, marks and legend, with its style inside (previews, PNG)

`query` is a node or a wrapper around one (api U), `result` what the API answers for it (api V). A result of
None is "not computed"; pass `failure` (a sentence) or `is_waiting` to say why. Nothing that is asked or
answered can break out of the text: everything is escaped, and styles are classes of
`static/insights/drawing.css`, so a page needs neither inline styles nor scripts. `drawing.js` beside it turns
the `<title>` of marks into quicker tooltips.
"""

from insights.drawing.draw import Drawing, draw
from insights.drawing.drawing import Cell, Entry, State, Table
from insights.drawing.picture import Theme

__all__ = ["Cell", "Drawing", "Entry", "State", "Table", "Theme", "draw"]
