"""The screenshots of docs, taken from a running demo in headless Chromium.

    ./run status --json | python docs/pictures/screenshots.py [FOLDER]

Makes one insight of every kind in the demo project, puts them on a dashboard, shares what is to be seen, and
photographs the pages in light and dark. The demo's events know no countries, so a few `visit`s with one are
sent. CHROMIUM names the browser.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "One of every kind"
RANGE = {"date_from": "2024-01-01", "date_to": "2024-06-30"}
CHANNEL = {"breakdown": "acquisition_channel", "breakdown_type": "person"}
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
Json = dict[str, Any]


def event(name: str, **more: Any) -> Json:
    return {"kind": "EventsNode", "event": name, "name": name, **more}


def trend(*series: Json, interval: str = "month", display: str = "ActionsLineGraph", **more: Any) -> Json:
    shown = {"dateRange": RANGE, "interval": interval, "trendsFilter": {"display": display}}
    return {"kind": "TrendsQuery", "series": list(series), **shown, **more}


def funnel(viz: str, **more: Any) -> Json:
    steps = [event(name) for name in ("home", "product_view", "add_to_cart", "purchase")]
    return {
        "kind": "FunnelsQuery",
        "dateRange": RANGE,
        "series": steps,
        "funnelsFilter": {"funnelVizType": viz},
        **more,
    }


COUNTRIES = {
    "US": 60,
    "DE": 25,
    "GB": 18,
    "BR": 14,
    "IN": 12,
    "FR": 9,
    "JP": 7,
    "AU": 4,
    "ZA": 2,
    "SG": 2,
    "CA": 8,
    "MX": 5,
}
BY_CHANNEL = {"breakdownFilter": CHANNEL}
BUY = {"id": "purchase", "type": "events"}
# Title, columns and rows of the dashboard's grid, question.
KINDS: list[tuple[str, int, int, Json]] = [
    ("Views and purchases by week", 8, 5, trend(event("product_view"), event("add_to_cart"), event("purchase"), interval="week")),
    ("Purchases", 4, 5, trend(event("purchase"), display="BoldNumber", compareFilter={"compare": True}, dateRange={"date_from": "2024-04-01", "date_to": "2024-06-30"})),
    ("Against the quarter before", 6, 5, trend(event("purchase"), interval="week", compareFilter={"compare": True}, dateRange={"date_from": "2024-04-01", "date_to": "2024-06-30"})),
    ("Purchases by channel, stacked", 6, 5, trend(event("purchase"), display="ActionsBar", **BY_CHANNEL)),
    ("By channel, as areas", 4, 5, trend(event("purchase"), display="ActionsAreaGraph", **BY_CHANNEL)),
    ("By channel, side by side", 4, 5, trend(event("purchase"), display="ActionsUnstackedBar", **BY_CHANNEL)),
    ("Shares of channels", 4, 5, trend(event("purchase"), display="ActionsPie", **BY_CHANNEL)),
    ("Totals of channels", 6, 4, trend(event("purchase"), display="ActionsBarValue", **BY_CHANNEL)),
    ("The same as a table", 6, 4, trend(event("purchase"), display="ActionsTable", **BY_CHANNEL)),
    ("From the home page to a purchase", 8, 6, funnel("steps")),
    ("Time to convert", 4, 6, funnel("time_to_convert")),
    ("The funnel by channel", 8, 6, funnel("steps", breakdownFilter=CHANNEL)),
    ("Conversion by month", 4, 6, funnel("trends", interval="month")),
    ("Do buyers come back?", 7, 6, {"kind": "RetentionQuery", "dateRange": RANGE, "retentionFilter": {"period": "Month", "totalIntervals": 6, "targetEntity": BUY, "returningEntity": BUY}}),
    ("In how many weeks people buy", 5, 6, {"kind": "StickinessQuery", "dateRange": RANGE, "interval": "week", "series": [event("purchase")]}),
    ("Ways through the shop", 8, 7, {"kind": "PathsQuery", "dateRange": RANGE, "pathsFilter": {"includeEventTypes": ["custom_event"], "startPoint": "home", "stepLimit": 4}}),
    ("New, returning and lost visitors", 4, 7, {"kind": "LifecycleQuery", "dateRange": RANGE, "interval": "month", "series": [event("product_view")]}),
    ("Where people are", 7, 6, trend(event("visit"), display="WorldMap", breakdownFilter={"breakdown": "$geoip_country_code", "breakdown_type": "event"})),
    ("Rows of SQL", 5, 6, {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select event, count() as times, count(distinct person_id) as people from events group by event order by times desc limit 8"}}),
]  # fmt: skip
WORDS = "## The shop, first half of 2024\nOne of **every kind** of insight, on a shared dashboard. Text tiles are *Markdown*."


@dataclass
class Demo:
    """The running demo, asked with its key."""

    url: str
    project: int
    key: str

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        url = f"{self.url}/api/projects/{self.project}/{path}"
        return _read(method, url, body, {"Authorization": f"Bearer {self.key}"})

    def visits(self) -> None:
        """The same few events at every run: their ids make them one."""
        batch = [
            {
                "event": "visit",
                "distinct_id": f"visitor {number}",
                "timestamp": "2024-03-01T12:00:00Z",
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"visit {number}")),
                "properties": {"$geoip_country_code": code},
            }
            for number, code in enumerate(code for code, count in COUNTRIES.items() for _ in range(count))
        ]
        token = self.ask("GET", "")["api_token"]
        _read(
            "POST", f"{self.url}/batch/", {"api_key": token, "batch": batch, "historical_migration": True}, {}
        )

    def board(self) -> int:
        """The dashboard with one of every kind; made anew, so that the page is as this file says."""
        for old in self.ask("GET", "dashboards/?limit=200")["results"]:
            if old["name"] == NAME:
                self.ask("PATCH", f"dashboards/{old['id']}/", {"deleted": True, "delete_insights": True})
        board = self.ask("POST", "dashboards/", {"name": NAME, "tiles": [{"text": {"body": WORDS}}]})["id"]
        for title, _, _, query in KINDS:
            self.ask(
                "POST", "insights/?refresh=blocking", {"name": title, "query": query, "dashboards": [board]}
            )
        tiles = self.ask("GET", f"dashboards/{board}/")["tiles"]
        self.ask("PATCH", f"dashboards/{board}/", {"tiles": list(_placed(tiles))})
        return int(board)

    def share(self, thing: str, password: str | None = None) -> str:
        """The token of what is shared now."""
        body = {"enabled": True, "password": password}
        return str(self.ask("PATCH", f"{thing}/sharing/", body)["access_token"])


def _read(method: str, url: str, body: Json | None, headers: dict[str, str]) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, method=method, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)


def _placed(tiles: list[Json]) -> Iterator[Json]:
    """Tiles in rows of twelve columns, the text on top."""
    x, y, high = 0, 2, 0
    sizes = {title: (w, h) for title, w, h, _ in KINDS}
    for tile in tiles:
        if tile["text"]:
            yield {"id": tile["id"], "layouts": {"sm": {"x": 0, "y": 0, "w": 12, "h": 2}}}
            continue
        w, h = sizes[tile["insight"]["name"]]
        if x + w > 12:
            x, y, high = 0, y + high, 0
        yield {"id": tile["id"], "layouts": {"sm": {"x": x, "y": y, "w": w, "h": h}}}
        x, high = x + w, max(high, h)


def photograph(url: str, file: Path, width: int, height: int) -> None:
    """A page as PNG."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            os.environ.get("CHROMIUM", "chromium"),
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            f"--screenshot={file}",
            url,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(file, f"{file.stat().st_size / 1024:.0f} KB")


def main() -> None:
    status = json.load(sys.stdin)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    demo = Demo(status["url"], status["project_id"], status["personal_api_key"])
    demo.visits()
    board = demo.board()
    tiles = demo.ask("GET", f"dashboards/{board}/")["tiles"]
    insight = {tile["insight"]["name"]: tile["insight"]["id"] for tile in tiles if tile["insight"]}
    whole = demo.share(f"dashboards/{board}")
    single = demo.share(f"insights/{insight['Views and purchases by week']}")
    embedded = demo.share(f"insights/{insight['From the home page to a purchase']}")
    closed = demo.share(f"insights/{insight['Purchases']}", "secret")
    for file, path, width, height in [
        ("shared-dashboard-light", f"shared/{whole}?theme=light", 1280, 4260),
        ("shared-dashboard-dark", f"shared/{whole}?theme=dark", 1280, 4260),
        ("shared-insight-light", f"shared/{single}?theme=light", 1000, 660),
        ("shared-insight-dark", f"shared/{single}?theme=dark", 1000, 660),
        ("embedded", f"embedded/{embedded}?theme=light&whitelabel", 640, 480),
        ("shared-phone", f"shared/{single}?theme=light&detailed", 500, 900),
        ("shared-password", f"shared/{closed}?theme=light", 640, 420),
    ]:
        photograph(f"{demo.url}/{path}", folder / f"{file}.png", width, height)


if __name__ == "__main__":
    main()
