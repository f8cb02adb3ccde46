"""Actions as series: steps, urls and elements (semantics B15-B24, K14-K17)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api, make_project

CHAIN = (
    'button.btn.primary:attr__class="btn primary"href="/buy"nth-child="1"nth-of-type="2"text="Sign; up \\"now\\"";'
    'div.card:attr_id="main"attr__data-x="a.b"nth-child="3";'
    'section:text="outer";body;html'
)
PLAIN_CHAIN = 'a.link:href="/away"text="Leave";div.btn;body'


@pytest.fixture(scope="module")
def site(service: None) -> Api:
    """Clicks with elements, page views with urls, and other events."""
    api = make_project()
    events: list[dict[str, Any]] = [
        _event("click", "$autocapture", {"$elements_chain": CHAIN, "$current_url": "https://x.io/a/"}),
        _event("leave", "$autocapture", {"$elements_chain": PLAIN_CHAIN, "$current_url": "https://x.io/a"}),
        _event("bare", "$autocapture", {}),
        _event("home", "$pageview", {"$current_url": "https://x.io/"}),
        _event("shop", "$pageview", {"$current_url": "https://x.io/Shop?id=7"}),
        _event("nowhere", "$pageview", {}),
        _event("paid", "paid", {"amount": 5, "$current_url": "https://x.io/"}),
        _event("odd", "odd", {"$elements_chain": CHAIN}),
    ]
    api.capture(events)
    return api


def _event(who: str, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": name,
        "distinct_id": who,
        "properties": properties,
        "timestamp": "2024-01-10T12:00:00Z",
    }


def matching(api: Api, *steps: dict[str, Any]) -> set[str]:
    """Who did an action of these steps."""
    made = api.post("actions/", {"steps": list(steps)})
    assert made.status == 201, made.body
    found = trend_of(api, made.body["id"], breakdown="distinct_id", breakdown_type="hogql")
    return {series["breakdown_value"] for series in found if series["count"]}


def trend_of(api: Api, action: int, **parameters: Any) -> Any:
    return api.calculate("trend", actions=[{"id": action}], date_from="2024-01-01", **parameters).result


def click(**more: Any) -> dict[str, Any]:
    return {"event": "$autocapture", **more}


URLS = [
    # B18: contains by default, case-sensitive, % and _ are wildcards; a missing url never matches
    ({"event": "$pageview", "url": "x.io"}, {"home", "shop"}),
    ({"event": "$pageview", "url": "shop"}, set()),
    ({"event": "$pageview", "url": "Shop"}, {"shop"}),
    ({"event": "$pageview", "url": "io/%id"}, {"shop"}),
    ({"event": "$pageview", "url": "%"}, {"home", "shop"}),
    ({"event": "$pageview", "url": ""}, {"home", "shop", "nowhere"}),
    ({"event": "$pageview", "url": "https://x.io/", "url_matching": "exact"}, {"home"}),
    ({"event": "$pageview", "url": "https://x.io", "url_matching": "exact"}, set()),  # K16
    ({"event": "$pageview", "url": "/[a-zA-Z]+", "url_matching": "regex"}, {"home", "shop"}),
    ({"event": "$pageview", "url": r"/\w+\?", "url_matching": "regex"}, {"shop"}),
    ({"event": "$pageview", "url": ".*", "url_matching": "regex"}, {"home", "shop"}),
]


@pytest.mark.parametrize(("step", "who"), URLS)
def test_urls(site: Api, step: dict[str, Any], who: set[str]) -> None:
    assert matching(site, step) == who


SELECTORS = [
    ("button", {"click"}),
    ("div", {"click", "leave"}),
    (".btn", {"click", "leave"}),
    ("button.btn", {"click"}),
    ("button.primary.btn", {"click"}),  # order does not matter
    ("button.btn.other", set()),
    ("div .btn", {"click"}),  # an ancestor at any distance
    ("body .btn", {"click", "leave"}),
    ("section > .btn", set()),  # not its parent
    ("div > .btn", {"click"}),
    ("body > .btn", {"leave"}),
    ("html > body > section > div.card > button", {"click"}),
    ("html body button", {"click"}),
    ("button div", set()),
    ("#main .btn", {"click"}),
    ('[id="main"] > button', {"click"}),
    ("[id='main']", {"click"}),
    ('[data-x="a.b"] button', {"click"}),
    ('[data-x="ab"]', set()),
    ('[href="/buy"]', {"click"}),
    ("button:nth-child(1)", {"click"}),
    ("button:nth-child(2)", set()),
    ("button:nth-of-type(2)", {"click"}),
    ("*", {"click", "leave"}),
    ("div *", {"click", "leave"}),
    ("div > * > button", {"click"}),  # "> *" says nothing and is dropped
    ("> * > button", {"click"}),
    ("butto", set()),
    ("btn", set()),
]


@pytest.mark.parametrize(("selector", "who"), SELECTORS)
def test_selectors(site: Api, selector: str, who: set[str]) -> None:
    """B22."""
    assert matching(site, click(selector=selector)) == who


ELEMENTS = [
    (click(), {"click", "leave", "bare"}),
    (click(tag_name="body"), {"click", "leave"}),  # B21: any element
    (click(tag_name="html"), {"click"}),
    (click(tag_name="htm"), set()),
    # B20: exact by default, and any element's text
    (click(text='Sign; up "now"'), {"click"}),
    (click(text="sign; up"), set()),
    (click(text="outer"), {"click"}),
    (click(text="SIGN; UP", text_matching="contains"), {"click"}),
    (click(text="^Sign.*now", text_matching="regex"), {"click"}),
    (click(href="/buy"), {"click"}),
    (click(href="/BUY", href_matching="contains"), {"click"}),
    (click(href="^/(buy|away)$", href_matching="regex"), {"click", "leave"}),
    (click(href="/buy", text="Leave"), set()),  # B15: all of a step
    # B19: elements count on autocaptured events only
    ({"event": "odd", "selector": "a.nothing"}, {"odd"}),
    ({"selector": "a.nothing", "url": "x.io/a"}, {"click", "leave"}),
]


@pytest.mark.parametrize(("step", "who"), ELEMENTS)
def test_elements(site: Api, step: dict[str, Any], who: set[str]) -> None:
    assert matching(site, step) == who


def test_steps_are_alternatives(site: Api) -> None:
    """B15, K14: an event that fits two steps counts once."""
    steps = [{"event": "paid"}, {"event": "$pageview", "url": "Shop"}, {"event": "paid"}]
    assert matching(site, *steps) == {"paid", "shop"}
    made = site.post("actions/", {"steps": steps}).body["id"]
    assert trend_of(site, made)[0]["count"] == 2


def test_a_step_without_an_event_takes_any(site: Api) -> None:
    """B17."""
    assert matching(site, {"url": "https://x.io/", "url_matching": "exact"}) == {"home", "paid"}


def test_filters_of_steps(site: Api) -> None:
    """B23, K15: beside the same property in the question."""
    big = {"event": "paid", "properties": [{"key": "amount", "value": 3, "operator": "gt"}]}
    assert matching(site, big) == {"paid"}
    made = site.post("actions/", {"steps": [big]}).body["id"]
    small = [{"key": "amount", "value": 3, "operator": "lt"}]
    assert trend_of(site, made, properties=small)[0]["count"] == 0


def test_no_steps_match_nothing(site: Api) -> None:
    """B16."""
    assert matching(site) == set()


def test_unknown_and_deleted_actions(site: Api) -> None:
    """B16, B24, K17: a trend has no series for them."""
    made = site.post("actions/", {"steps": [{"event": "paid"}]}).body["id"]
    assert site.patch(f"actions/{made}/", {"deleted": True}).status == 200
    for action in (made, 10_000_000):
        assert trend_of(site, action) == []


LEAVES = [
    # C28: without a chain positive operators fail and negative ones hold
    ({"key": "tag_name", "value": ["button"]}, {"click", "odd"}),
    ({"key": "tag_name", "value": ["button"], "operator": "is_not"}, {"leave", "bare", "home", "shop", "nowhere", "paid"}),
    ({"key": "selector", "value": "div > .btn"}, {"click", "odd"}),
    ({"key": "text", "value": "leave", "operator": "icontains"}, {"leave"}),
    ({"key": "text", "value": "Leave", "operator": "is_not"}, {"click", "bare", "home", "shop", "nowhere", "paid", "odd"}),
    ({"key": "text", "operator": "is_set"}, {"click", "leave", "odd"}),
    ({"key": "href", "value": "^/", "operator": "regex"}, {"click", "leave", "odd"}),
    ({"key": "href", "value": "(", "operator": "not_regex"}, set()),  # C22
    ({"key": "href", "value": []}, set()),  # C5: an empty list matches nothing here
    ({"key": "href", "value": [], "operator": "is_not"}, {"click", "leave", "bare", "home", "shop", "nowhere", "paid", "odd"}),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "who"), LEAVES)
def test_element_filters(site: Api, leaf: dict[str, Any], who: set[str]) -> None:
    found = site.trend(
        None,
        properties=[{"type": "element", **leaf}],
        date_from="2024-01-01",
        breakdown="distinct_id",
        breakdown_type="hogql",
    )
    assert {series["breakdown_value"] for series in found if series["count"]} == who
