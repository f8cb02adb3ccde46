"""Pictures of the pages, light and dark: `./run status --json | .venv/bin/python -m docs.pictures.pages`.

Needs Chromium (`tests/browser.py`). Looks at a running demo whose password is known (the first start's), and
writes `docs/pictures/<page>-<light|dark>.webp`. `--only insight` makes those of one page.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser import headless, log_in, look, settled

FOLDER = Path(__file__).parent
WIDTH, HIGHEST = 1280, 1500
END_OF_PAGE = "return document.querySelector('main > :last-child').getBoundingClientRect().bottom"
# Page -> path below the project; `{insight}` and `{dashboard}` are the first of the demo.
PAGES = {
    "front-insights": "insights/",
    "front-dashboard": "dashboards/{dashboard}/",
    "front-insight": "insights/{insight}/",
    "front-ask": "insights/new/?kind=trends&ask=1&event=purchase&breakdown=platform&interval=week"
    "&display=ActionsBar&date_from=2024-02-01&date_to=2024-06-30",
    "front-sharing": "insights/{insight}/sharing/",
    "front-queries": "queries/",
    "front-keys": "/keys/",
}
# Long enough to be seen among the running queries.
SLOW = {
    "kind": "HogQLQuery",
    "query": "SELECT count() FROM events AS a CROSS JOIN events AS b CROSS JOIN events AS c",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of the names of the pictures to make")
    wanted = parser.parse_args().only
    status = json.load(sys.stdin)
    things = {
        "insight": ask(status, "insights/?basic=true&search=channel")["results"][0]["short_id"],
        "dashboard": ask(status, "dashboards/")["results"][0]["id"],
    }
    ask(status, f"insights/{things['insight']}/sharing/", {"enabled": True}, "PATCH")
    with headless() as driver:
        if wanted in "front-login":
            shoot(driver, "front-login", f"{status['url']}/login/")
        log_in(driver, status["url"], status["email"], status["password"])
        for name, path in PAGES.items():
            if wanted in name:
                below = "" if path.startswith("/") else f"/project/{status['project_id']}/"
                with_runs(status, name)
                shoot(driver, name, status["url"] + below + path.format(**things))


def shoot(driver: WebDriver, name: str, url: str) -> None:
    """One page in both schemes, as high as it is, up to a limit."""
    for scheme in ("light", "dark"):
        look(driver, width=WIDTH, dark=scheme == "dark")
        driver.get(url)
        settled(driver)
        bottom = driver.execute_script(END_OF_PAGE)
        look(driver, width=WIDTH, height=max(520, min(int(bottom) + 24, HIGHEST)), dark=scheme == "dark")
        taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 85})
        (FOLDER / f"{name}-{scheme}.webp").write_bytes(base64.b64decode(taken["data"]))


def with_runs(status: dict[str, Any], name: str) -> None:
    """For the picture of running queries, something that runs."""
    if name != "front-queries":
        return
    for body in ({"client_query_id": "nightly-export"}, {"refresh": "force_async"}):
        question = {"query": SLOW, **body}
        threading.Thread(target=ask, args=(status, "query/", question), daemon=True).start()
    time.sleep(1)


def ask(status: dict[str, Any], path: str, body: Any = None, method: str | None = None) -> Any:
    """One request to the API with the demo's key."""
    request = urllib.request.Request(
        f"{status['url']}/api/projects/{status['project_id']}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {status['personal_api_key']}",
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


if __name__ == "__main__":
    main()
