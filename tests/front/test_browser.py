"""The pages in Chromium: the script fills in answers, nothing is wider than the screen, nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from insights.models import Insight
from insights_service import clock
from tests.api_client import make_project
from tests.browser import headless, log_in, look, needs_browser, serving, settled
from tests.front.conftest import TREND, Visitor

pytestmark = needs_browser
PASSWORD = "correct horse battery"


@dataclass
class Desk:
    """Ada at her desk: one browser, logged in, for all tests of this module."""

    driver: WebDriver
    site: str
    visitor: Visitor

    def open(self, path: str = "") -> None:
        self.driver.get(f"{self.site}{path if path.startswith('/') else self.visitor.base + path}")
        settled(self.driver)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def until(self, condition: Any) -> Any:
        return WebDriverWait(self.driver, 20).until(lambda _: condition())

    def insight(self, **fields: Any) -> dict[str, Any]:
        return self.visitor.insight(query={**TREND, "dateRange": {"date_from": "-3d"}}, **fields)


@pytest.fixture(scope="module")
def opened(service: None) -> Iterator[Desk]:
    api = make_project()
    api.now = None  # the browser's requests run on the machine's clock
    api.user.set_password(PASSWORD)
    api.user.save()
    moment = (clock.now() - timedelta(days=1)).isoformat()
    api.capture([{"event": "a", "distinct_id": f"u{number}", "timestamp": moment} for number in range(3)])
    with serving() as site, headless() as driver:
        look(driver)
        log_in(driver, site, api.user.email, PASSWORD)
        yield Desk(driver, site, Visitor(api))


@pytest.fixture
def desk(opened: Desk) -> Iterator[Desk]:
    """The desk; afterwards the browser must have complained about nothing, its policy included."""
    opened.driver.get_log("browser")
    look(opened.driver)
    yield opened
    complaints = [line["message"] for line in opened.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert complaints == []


def test_an_answer_is_filled_in_and_asked_again(desk: Desk) -> None:
    insight = desk.insight(name="Filled in")
    desk.open(f"insights/{insight['short_id']}/")
    assert desk.one(".answer svg.drawing").is_displayed()
    assert desk.one(".people a").text in "0 3"
    field = desk.one("input[name=date_from]")
    field.clear()
    field.send_keys("-14d", Keys.ENTER)
    desk.until(lambda: "date_from=-14d" in desk.driver.current_url)
    settled(desk.driver)
    assert len(desk.all(".people thead th")) == 16  # the name and fifteen days
    before = desk.one(".facts time").get_attribute("datetime")
    desk.one("[data-refresh]").click()
    settled(desk.driver)
    assert desk.one(".facts time").get_attribute("datetime") >= before
    assert "date_from=-14d" in desk.driver.current_url  # the page stayed


def test_tiles_are_filled_in_one_by_one(desk: Desk) -> None:
    board = desk.visitor.dashboard(name="Three tiles")["id"]
    desk.insight(name="One", dashboards=[board])
    bad = desk.insight(name="Two", dashboards=[board])
    Insight.objects.filter(pk=bad["id"]).update(query={"kind": "TrendsQuery", "series": 1})
    desk.open(f"dashboards/{board}/")
    assert len(desk.all(".tile")) == 2
    assert len(desk.all(".tile svg.wide")) == 1
    assert len(desk.all(".tile .note.error")) == 1


def test_a_question_grows_by_the_events_that_are_typed(desk: Desk) -> None:
    desk.open("insights/new/?kind=trends")
    assert len(desk.all("input[name=event]")) == 1
    desk.one("input[name=event]").send_keys("a")
    assert len(desk.all("input[name=event]")) == 2
    desk.one("#question button.main").click()
    desk.until(lambda: desk.all(".answer"))
    settled(desk.driver)
    assert desk.one(".answer svg.drawing").is_displayed()
    assert "date_from" not in desk.driver.current_url  # empty fields stay out of the address


def test_text_is_copied(desk: Desk) -> None:
    desk.open("events/")
    button = desk.one("[data-copy=send]")
    button.click()
    desk.until(lambda: button.text in ("Copied", "Press Ctrl+C"))


def test_deleting_asks_first(desk: Desk) -> None:
    board = desk.visitor.dashboard(name="Kept after all")["id"]
    desk.open(f"dashboards/{board}/")
    desk.one("details > summary").click()
    desk.one("button.danger").click()
    desk.driver.switch_to.alert.dismiss()
    assert desk.visitor.api.get(f"dashboards/{board}/").status == 200
    desk.one("button.danger").click()
    desk.driver.switch_to.alert.accept()
    desk.until(lambda: desk.driver.current_url.endswith("/dashboards/"))
    assert desk.visitor.api.get(f"dashboards/{board}/").status == 404


def test_without_scripts_answers_are_asked_for_by_a_link(desk: Desk) -> None:
    insight = desk.insight(name="Plain")
    desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        desk.driver.get(f"{desk.site}{desk.visitor.base}insights/{insight['short_id']}/?date_from=-5d")
        desk.one(".waiting a").click()
        desk.until(lambda: "wait=1" in desk.driver.current_url)
        assert desk.one(".answer svg.drawing").is_displayed()
    finally:
        desk.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_nothing_is_wider_than_the_screen(desk: Desk) -> None:
    board = desk.visitor.dashboard(name="A dashboard with a name that is rather long " * 3)["id"]
    insight = desk.insight(name="Averylongnamewithoutanyspace" * 5, dashboards=[board])["short_id"]
    paths = ["", "insights/", f"insights/{insight}/", f"insights/{insight}/sharing/", f"dashboards/{board}/"]
    for path in [*paths, "insights/new/", "insights/new/?kind=funnel", "events/", "queries/", "/keys/"]:
        look(desk.driver, width=400)
        desk.open(path)
        for width in (400, 1400):
            look(desk.driver, width=width)
            assert desk.driver.execute_script("return document.documentElement.scrollWidth") <= width, path


def test_dark_when_the_reader_prefers_it(desk: Desk) -> None:
    def ground() -> str:
        return str(desk.driver.execute_script("return getComputedStyle(document.body).backgroundColor"))

    desk.open()
    light = ground()
    look(desk.driver, dark=True)
    assert (light, ground()) == ("rgb(245, 246, 248)", "rgb(14, 17, 22)")


def test_the_keyboard_gets_to_the_content(desk: Desk) -> None:
    desk.open("insights/")
    desk.one("body").send_keys(Keys.TAB)
    skip = desk.driver.switch_to.active_element
    assert skip.text == "Skip to the content"
    skip.send_keys(Keys.ENTER)
    assert desk.driver.switch_to.active_element.get_attribute("id") == "main"
