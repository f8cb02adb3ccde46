"""A real browser without a window, and a real server for it to look at.

Debian's `chromium` and `chromium-driver`; `.ci/run` installs them where it may. Where there is no browser,
tests that need one are skipped and say so.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
# --no-sandbox: CI runs as root, where Chromium's own sandbox refuses to start.
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs the packages chromium and chromium-driver"
)


@contextmanager
def headless() -> Iterator[WebDriver]:
    """A browser with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for switch in SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: WebDriver, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
    """The size of the window, and what its user prefers."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def settled(driver: WebDriver, seconds: float = 20) -> None:
    """Wait until the page is there and its script has filled in everything that takes time."""
    is_quiet = "return document.readyState === 'complete' && !document.querySelector('.loading')"
    WebDriverWait(driver, seconds).until(lambda page: page.execute_script(is_quiet))


def log_in(driver: WebDriver, site: str, email: str, password: str) -> None:
    """Through the page."""
    driver.get(f"{site}/login/")
    driver.find_element(By.NAME, "email").send_keys(email)
    driver.find_element(By.NAME, "password").send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "main button").click()
    WebDriverWait(driver, 20).until(lambda page: "/login/" not in page.current_url)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[str]:
    """The service on a port of this machine; its address, without a final slash."""
    from insights_service.wsgi import application

    server = make_server("127.0.0.1", 0, application, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
