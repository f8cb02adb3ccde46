"""The README's picture, drawn from a running demo: `./run status --json | python docs/pictures/draw.py`.

Asks the trend endpoint for purchases by month and writes a bar chart as SVG, readable in light and dark.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

QUESTION = {
    "events": [{"id": "purchase"}],
    "interval": "month",
    "date_from": "2024-01-01",
    "date_to": "2024-06-30",
}
WIDTH, HEIGHT, BAR, GAP, FOOT = 560, 240, 64, 22, 34


def main() -> None:
    status = json.load(sys.stdin)
    request = urllib.request.Request(
        f"{status['url']}/api/projects/{status['project_id']}/insights/trend/",
        data=json.dumps(QUESTION).encode(),
        headers={
            "Authorization": f"Bearer {status['personal_api_key']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request) as response:
        series = json.load(response)["result"][0]
    (Path(__file__).parent / "purchases.svg").write_text(chart(series["labels"], series["data"]))


def chart(labels: list[str], data: list[float]) -> str:
    """One bar per bucket with its number above and its label below."""
    scale = (HEIGHT - FOOT - 40) / max([*data, 1])
    columns = enumerate(zip(labels, data, strict=True))
    parts = [bar(place, label, number, scale) for place, (label, number) in columns]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' aria-label="Purchases by month of 2024">'
        "<style>text{font:13px sans-serif;text-anchor:middle;fill:#444}"
        "rect{fill:#3b6fd4}@media(prefers-color-scheme:dark){text{fill:#ccc}rect{fill:#7aa2f0}}</style>"
        f"{''.join(parts)}</svg>\n"
    )


def bar(place: int, label: str, number: float, scale: float) -> str:
    left, tall = 24 + place * (BAR + GAP), number * scale
    middle, floor = left + BAR / 2, HEIGHT - FOOT
    return (
        f'<rect x="{left}" y="{floor - tall:.1f}" width="{BAR}" height="{tall:.1f}" rx="4"/>'
        f'<text x="{middle}" y="{floor - tall - 8:.1f}">{number:g}</text>'
        f'<text x="{middle}" y="{HEIGHT - 12}">{label}</text>'
    )


if __name__ == "__main__":
    main()
