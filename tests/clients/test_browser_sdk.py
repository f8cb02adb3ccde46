"""posthog-js in a page, as a visitor's browser runs it: pageview, autocapture, identify (api X)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.api_client import Api
from tests.browser import headless, needs_browser

pytestmark = needs_browser
PAGE = """<!doctype html><title>Shop</title><link rel=icon href=data:,>
<script src=/sdk.js></script>
<script>
posthog.init(%(token)s, {api_host: %(host)s, person_profiles: 'always', disable_session_recording: true,
    disable_surveys: true, capture_pageleave: false, opt_out_useragent_filter: true});
</script>
<main><button id=buy class="big red">Buy now</button></main>"""


@contextmanager
def site(page: str, script: bytes) -> Iterator[str]:
    """A page and its script on a socket of their own, another origin than the server's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_script = self.path == "/sdk.js"
            body = script if is_script else page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_browser_sdk(live: Api, url: str, node_modules: Path) -> None:
    script = (node_modules / "posthog-js/dist/array.full.no-external.js").read_bytes()
    page = PAGE % {"token": json.dumps(live.project.api_token), "host": json.dumps(url)}
    with site(page, script) as shop, headless() as driver:
        driver.get(f"{shop}/shop?x=1")
        # Clicks count once the SDK has asked the server whether they may.
        WebDriverWait(driver, 30).until(
            lambda page: page.execute_script("return posthog.autocapture.isEnabled")
        )
        driver.find_element(By.ID, "buy").click()
        driver.execute_script("posthog.identify('ann', {plan: 'pro'}); posthog.capture('bought', {price: 5})")

        def seen(_: Any) -> set[str]:
            rows = live.get("events/").body["results"]
            names = {row["event"] for row in rows}
            return names if names >= {"$pageview", "$autocapture", "$identify", "bought"} else set()

        WebDriverWait(driver, 30).until(seen)
        complaints = [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    rows = {row["event"]: row for row in live.get("events/").body["results"]}
    assert complaints == []
    assert rows["$pageview"]["properties"]["$current_url"] == f"{shop}/shop?x=1"
    assert rows["bought"]["properties"]["price"] == 5
    assert "button.big.red" in rows["$autocapture"]["elements_chain"]
    assert 'text="Buy now"' in rows["$autocapture"]["elements_chain"]
    [person] = live.get("persons/").body["results"]
    assert "ann" in person["distinct_ids"]
    assert len(person["distinct_ids"]) == 2
    assert person["properties"]["plan"] == "pro"
    clicked = {"kind": "TrendsQuery", "series": [{"kind": "ActionsNode", "id": _action(live), "math": "dau"}]}
    assert live.query(clicked).result[0]["count"] == 1.0


def _action(api: Api) -> int:
    """Whoever clicked the button, found in what the SDK sent."""
    step = {"event": "$autocapture", "selector": "main > button.red", "text": "Buy now"}
    return int(api.post("actions/", {"name": "bought", "steps": [step]}).body["id"])
