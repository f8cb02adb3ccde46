"""Public links in a browser: what the page is made of, who may frame it, what it keeps to itself (api Q.2)."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from tests.pages.conftest import COMPUTED, Office, event, trends

TEXT = ("name", "content", "property")


class Document(HTMLParser):
    """The tags of a page with their attributes, and its title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    def meta(self, name: str) -> str | None:
        wanted = [one for one in self.all("meta") if name in (one.get("name"), one.get("property"))]
        return wanted[0]["content"] if wanted else None


def page_of(office: Office, path: str) -> Document:
    answer = office.open(path)
    assert answer.status == 200, answer.body
    return Document(answer.body)


# --- the page --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["shared", "embedded"])
def test_headers(shop: Office, frame: str) -> None:
    """api Q7"""
    token = shop.share_insight(trends("seen"))
    answer = shop.open(f"/{frame}/{token}?{COMPUTED}", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    headers = answer.headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "frame-ancestors *" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert {"X-Frame-Options", "Set-Cookie"}.isdisjoint(headers)


def test_nothing_inline_and_nothing_from_elsewhere(shop: Office) -> None:
    page = page_of(shop, f"/shared/{shop.share_insight(trends('seen'))}?{COMPUTED}")
    assert [one.get("src") for one in page.all("script")] == ["/static/insights/drawing.js"]
    assert not page.all("style")
    assert not [one for _, one in page.found if "style" in one or any(name.startswith("on") for name in one)]
    styles = [one["href"] for one in page.all("link") if one["rel"] == "stylesheet"]
    assert styles == ["/static/insights/drawing.css", "/static/insights/shared.css"]
    for path in (*styles, "/static/insights/drawing.js"):
        assert shop.open(str(path)).status == 200


def test_previews_know_title_words_and_picture(shop: Office) -> None:
    token = shop.share_insight(trends("seen"), name="Visits", description="Of the shop")
    page = page_of(shop, f"/shared/{token}/?{COMPUTED}")
    assert (page.meta("og:title"), page.meta("og:description")) == ("Visits", "Of the shop")
    assert page.meta("og:image") == f"http://testserver/shared/{token}.png"
    picture = shop.open(f"/shared/{token}.png")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/png")


@pytest.mark.parametrize(
    ("options", "there", "gone"),
    [
        ("", ["<h1>Numbers", 'class="legend"', "Computed", "Insights server", "CSV"], [" open"]),
        ("noHeader", [], ["<h1>"]),
        ("legend=false", [], ['class="legend"']),
        ("whitelabel&hideExtraDetails=1", [], ["Insights server", "Computed", "CSV"]),
        ("detailed", ["<details", ' open="'], []),
        ("theme=dark", ['data-theme="dark"'], []),
        ("theme=%22%3E%3Cscript%3E", [], ["data-theme", "<script>"]),
    ],
)
def test_options(shop: Office, options: str, there: list[str], gone: list[str]) -> None:
    token = shop.share_insight(trends("seen", "paid"))
    body = shop.open(f"/shared/{token}?{COMPUTED}&{options}").body
    assert [text for text in there if text not in body] == []
    assert [text for text in gone if text in body] == []


def test_wrong_links_have_a_page(office: Office) -> None:
    answer = office.open("/shared/nonsense", Accept="text/html")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in answer.body
    assert office.open("/shared/nonsense", Accept="application/json").error == (404, "not_found", None)
    assert office.open("/shared/nonsense.png").error == (404, "not_found", None)


def test_a_bad_parameter_is_said_on_the_page(office: Office) -> None:
    answer = office.open(f"/shared/{office.share_insight(trends('seen'))}?refresh=maybe")
    assert (answer.status, "force_blocking" in answer.body) == (400, True)


# --- refresh (api Q9) ------------------------------------------------------------------------------------


def test_a_page_without_numbers_asks_again_by_itself(shop: Office) -> None:
    token = shop.share_insight(trends("seen"))
    waiting = page_of(shop, f"/shared/{token}?theme=dark")  # force_cache acts as lazy_async
    refresh = [one["content"] for one in waiting.all("meta") if one.get("http-equiv") == "refresh"]
    assert refresh == [f"3; url=/shared/{token}?theme=dark"]
    shop.open(f"/shared/{token}?{COMPUTED}")
    done = page_of(shop, f"/shared/{token}")
    assert not [one for one in done.all("meta") if one.get("http-equiv")]


def test_guests_do_not_compute_what_is_fresh(shop: Office) -> None:
    """force_blocking acts as blocking."""
    path = f"/shared/{shop.share_insight(trends('seen'))}.json?{COMPUTED}"
    assert shop.open(path).body["insight"]["is_cached"] is False
    assert shop.open(path).body["insight"]["is_cached"] is True


# --- passwords -------------------------------------------------------------------------------------------


@pytest.fixture
def quick_hashes(settings: Any) -> None:
    """Hashing slowly is not what these tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.usefixtures("quick_hashes")
def test_a_protected_page(shop: Office) -> None:
    token = shop.share_insight(trends("seen"), name="Visits")
    link = f"insights/{shop.api.get('insights/').body['results'][0]['id']}/sharing/"
    shop.api.patch(link, {"password": "pass&wörd"})
    path = f"/shared/{token}/?{COMPUTED}"
    closed = shop.open(path)
    assert (closed.status, "Basic" in str(closed.headers)) == (401, False)
    assert 'type="password"' in closed.body
    assert "Visits" not in closed.body
    for wrong in (urlencode({"password": "nonsense"}), "password=", ""):
        assert shop.open(path, "POST", wrong).status == 401
    opened = shop.open(path, "POST", urlencode({"password": "pass&wörd"}))
    assert (opened.status, "<h1>Visits</h1>" in opened.body) == (200, True)
    assert "Set-Cookie" not in opened.headers
    # The page's own links need no password, for an hour and until it is changed.
    picture = next(one["href"] for one in Document(opened.body).all("a") if ".png" in str(one["href"]))
    assert token not in str(picture)
    assert shop.open(str(picture)).status == 200
    shop.api.now += timedelta(minutes=61)
    assert shop.open(str(picture)).status == 404
    shop.api.now -= timedelta(minutes=61)
    shop.api.patch(link, {"password": "another"})
    assert shop.open(str(picture)).status == 404


@pytest.mark.usefixtures("quick_hashes")
def test_only_so_many_wrong_passwords(office: Office) -> None:
    token = office.share_insight(trends("seen"))
    link = f"insights/{office.api.get('insights/').body['results'][0]['id']}/sharing/"
    office.api.patch(link, {"password": "right"})
    path = f"/shared/{token}/"
    statuses = [office.open(path, "POST", "password=wrong").status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert office.open(path, "POST", "password=right").status == 429


def test_posts_are_for_passwords(office: Office) -> None:
    token = office.share_insight(trends("seen"))
    assert office.open(f"/shared/{token}/", "POST", "password=x").status == 405


# --- dashboards ------------------------------------------------------------------------------------------


def board(office: Office, *queries: dict[str, Any], **fields: Any) -> tuple[int, str]:
    made = office.api.post("dashboards/", {"name": "Board", **fields}).body["id"]
    for number, query in enumerate(queries):
        office.insight(query, name=f"Tile {number}", dashboards=[made])
    return made, office.share(f"dashboards/{made}")


def test_a_failing_tile_fails_alone(shop: Office) -> None:
    sql = {"kind": "HogQLQuery", "query": "select throwIf(1) from nowhere_secret"}
    _, token = board(shop, trends("seen"), sql)
    answer = shop.open(f"/shared/{token}?{COMPUTED}")
    assert "<desc>seen: " in answer.body
    assert "This insight could not be computed." in answer.body
    assert "nowhere_secret" not in answer.body


def test_tiles_stand_where_they_were_put(shop: Office) -> None:
    made, token = board(shop, trends("seen"), trends("paid"), tiles=[{"text": {"body": "Look **here**"}}])
    tiles = shop.api.get(f"dashboards/{made}/").body["tiles"]
    places = [(0, 9, 12), (0, 0, 4), (4, 0, 8)]
    layouts = [
        {"id": tile["id"], "layouts": {"sm": {"x": x, "y": y, "w": w, "h": 5}}}
        for tile, (x, y, w) in zip(tiles, places, strict=True)
    ]
    shop.api.patch(f"dashboards/{made}/", {"tiles": layouts})
    page = page_of(shop, f"/shared/{token}?{COMPUTED}")
    assert [one["class"] for one in page.all("section")] == ["tile w4 x0", "tile w8 x4", "tile w12 x0"]
    assert page.meta("og:title") == "Board"


@pytest.mark.parametrize(
    "layouts",
    [{"sm": {"x": -1, "w": "wide", "h": None}}, {"sm": [1]}, {"sm": {"x": 99, "y": 1e300, "w": 99}}],
)
def test_odd_layouts_do_no_harm(shop: Office, layouts: dict[str, Any]) -> None:
    made, token = board(shop, trends("seen"))
    tile = shop.api.get(f"dashboards/{made}/").body["tiles"][0]["id"]
    assert shop.api.patch(f"dashboards/{made}/", {"tiles": [{"id": tile, "layouts": layouts}]}).status == 200
    assert shop.open(f"/shared/{token}").status == 200


def test_words_are_markdown_without_html(office: Office) -> None:
    body = "# Head\n<img src=x onerror=alert(1)> [a](javascript:alert(1)) [b](https://example.org) ![c](https://x.org/i.png)"
    _, token = board(office, tiles=[{"text": {"body": body}}])
    page = page_of(office, f"/shared/{token}")
    assert not page.all("img")
    assert [(one["href"], one.get("rel")) for one in page.all("a")][:1] == [
        ("https://example.org", "noopener noreferrer nofollow")
    ]


def test_an_empty_dashboard(office: Office) -> None:
    _, token = board(office)
    assert "There is nothing on this dashboard yet." in office.open(f"/shared/{token}").body
    for suffix in ("svg", "png"):
        assert office.open(f"/shared/{token}.{suffix}").status == 200


# --- what stays inside -----------------------------------------------------------------------------------

SECRET = "ada@example.org"
FILTER = [{"key": "email", "value": SECRET, "operator": "is_not", "type": "person"}]


@pytest.mark.parametrize("suffix", ["", ".json", ".csv", ".svg"])
def test_no_filter_sql_or_foreign_id_leaves(shop: Office, suffix: str) -> None:
    action = shop.api.post("actions/", {"name": "Seen it", "steps": [{"event": "seen"}]}).body["id"]
    series = [
        {"kind": "ActionsNode", "id": action, "properties": FILTER},
        {"kind": "EventsNode", "event": "seen", "math": "hogql", "math_hogql": f"countIf(1 = 1) + countIf('{SECRET}' = '')"},
    ]  # fmt: skip
    breakdown = {"breakdown": f"if('{SECRET}' = '', 'x', 'y')", "breakdown_type": "hogql"}
    query = {**trends(), "series": series, "properties": FILTER, "breakdownFilter": breakdown}
    funnel = {
        "kind": "FunnelsQuery",
        "series": series[:1] * 2,
        "funnelsFilter": {"funnelAggregateByHogQL": f"concat('{SECRET}')"},
    }
    sql = {
        "kind": "HogQLQuery",
        "query": f"select count() as n, countIf(event != '{SECRET}') from events where event != '{SECRET}'",
    }
    _, token = board(shop, query, funnel, sql, filters={"properties": FILTER}, description="d")
    answer = shop.open(f"/shared/{token}{suffix}?{COMPUTED}")
    assert answer.status == 200
    for text in (SECRET, "example.org", "countIf", "from events", shop.api.user.email):
        assert text not in unescape(answer.content.decode())
    if suffix == ".json":
        found = [one["insight"] for one in answer.body["dashboard"]["tiles"]]
        assert found[0]["result"][0]["action"]["id"] is None
        assert {"id", "breakdown"}.isdisjoint(_keys(found[0]["query"]))


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


HOSTILE = st.one_of(
    st.sampled_from(['<script>alert(1)</script>', '"><svg onload=x>', "</title><b>", "{% now %}{{ x }}", "&amp;"]),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40),
)  # fmt: skip


@given(names=st.lists(HOSTILE, min_size=4, max_size=4, unique=True))
@tries(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],  # a failure shows its names; making them smaller takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_hostile_names_stay_text(office: Office, names: list[str]) -> None:
    """Names of insights and events are whatever somebody sent."""
    office.api.capture([event(name, "u", "15T08:00") for name in names])
    title, about = (f"<em>{name}" for name in names[:2])
    token = office.share_insight(trends(*names), name=title, description=about)
    page = Document(office.open(f"/shared/{token}?{COMPUTED}").body)
    assert {tag for tag, _ in page.found} <= TAGS
    assert not [one for _, one in page.found if any(key.startswith("on") for key in one)]
    assert (page.meta("og:title"), page.meta("og:description")) == (title.strip(), about.strip())


TAGS = {
    *("html", "head", "meta", "title", "link", "script", "body", "main", "header", "h1", "p", "section", "footer"),
    *("nav", "a", "span", "figure", "svg", "desc", "g", "line", "path", "circle", "rect", "text", "details"),
    *("summary", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "strong", "ul", "li", "i", "b"),
}  # fmt: skip
