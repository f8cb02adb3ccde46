"""Pictures of insights: for who has a key, for guests, and for one customer."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import pytest

from insights.drawing import Theme, draw
from insights.rasterize import to_png
from tests.pages.conftest import COMPUTED, DATES, Office, trends

PNG = b"\x89PNG\r\n\x1a\n"


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("spelling", [".svg?", "/?format=svg&"])
def test_an_insight_as_svg(shop: Office, spelling: str) -> None:
    insight = shop.insight(trends("seen"), name="Visits")
    answer = shop.api.get(f"insights/{insight['id']}{spelling}{COMPUTED}")
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    root = ElementTree.fromstring(answer.content)
    assert "Visits" in [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert ("prefers-color-scheme" in answer.body) is True
    dark = shop.api.get(f"insights/{insight['id']}{spelling}theme=dark")
    assert "prefers-color-scheme" not in dark.body


def test_an_insight_as_png(shop: Office) -> None:
    insight = shop.insight(trends("seen"))
    answer = shop.api.get(f"insights/{insight['id']}.png?{COMPUTED}")
    assert answer.headers["Content-Type"] == "image/png"
    assert size(answer.content)[0] == 1200


def test_what_was_not_computed_says_so(office: Office) -> None:
    insight = office.insight(trends("seen"))
    for more in ("", "?basic=true"):
        assert "Not computed yet" in office.api.get(f"insights/{insight['id']}.svg{more}").body


def test_errors_are_json(office: Office) -> None:
    assert office.api.get("insights/99999.png").error == (404, "not_found", None)
    assert office.api.get("insights.svg").status == 404  # a list is no picture


def test_text_is_in_the_pixels() -> None:
    """A machine without fonts draws letters too: more ink with words than without."""
    empty, words = (
        to_png(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><text y="20">{text}</text></svg>'
        )
        for text in ("", "Größe Δ Цена 12 ▲")
    )
    assert len(words) > len(empty) * 3


@pytest.mark.parametrize("theme", [Theme.LIGHT, Theme.DARK])
def test_every_theme_becomes_pixels(theme: Theme) -> None:
    drawing = draw({"kind": "HogQLQuery"}, [["x", 1]], title="T", columns=["a", "b"])
    assert size(to_png(drawing.picture(theme)))[0] == 1200


def test_a_dashboard_as_one_picture(shop: Office) -> None:
    board = shop.api.post("dashboards/", {"name": "Board"}).body["id"]
    for name in ("One", "Two", "Three"):
        shop.insight(trends("seen"), name=name, dashboards=[board])
    answer = shop.open(f"/shared/{shop.share(f'dashboards/{board}')}.svg?{COMPUTED}")
    root = ElementTree.fromstring(answer.content)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if text in ("Board", "One", "Two", "Three")] == [
        "Board",
        "One",
        "Two",
        "Three",
    ]


def test_a_customer_sees_his_rows_also_on_the_page(shop: Office) -> None:
    """Signed embed tokens fix a row filter (docs/api/sharing.md)."""
    query = trends("seen", trendsFilter={"display": "BoldNumber"}, dateRange=DATES)
    insight = shop.insight(query)
    link = f"insights/{insight['id']}/sharing"
    plain = shop.share(f"insights/{insight['id']}")
    embed = {"properties": [{"key": "country", "value": "US"}]}
    token = shop.api.post(f"{link}/embed_token/", embed).body["access_token"]
    assert ">4</text>" in shop.open(f"/shared/{plain}?{COMPUTED}").body
    body = shop.open(f"/embedded/{token}?{COMPUTED}").body
    assert ">2</text>" in body
    assert plain not in body
    assert '"US"' not in body


def test_a_token_also_reads_pictures(shop: Office) -> None:
    """api Q10"""
    insight = shop.insight(trends("seen"))
    path = f"/api/projects/{shop.api.project.pk}/insights/{insight['id']}"
    token = shop.share(f"insights/{insight['id']}")
    for suffix in ("svg", "png"):
        assert shop.open(f"{path}.{suffix}?sharing_access_token={token}").status == 200
        assert shop.open(f"{path}.{suffix}?sharing_access_token=nonsense").status == 401
        assert shop.open(f"{path}.{suffix}").status == 401


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_forms_that_only_one_insight_has(shop: Office, form: str) -> None:
    """A form that a route does not have is a 404, not an error of ours (api M3)."""
    insight = shop.insight({"kind": "HogQLQuery", "query": "select 1 as a"})
    path = f"insights/{insight['id']}/"
    token = shop.share(f"insights/{insight['id']}")
    for where in (
        "insights/?",
        f"{path}?basic=true&",
        f"{path}activity/?",
        f"{path}?sharing_access_token={token}&",
    ):
        answer = (
            shop.open(f"/api/projects/{shop.api.project.pk}/{where}format={form}")
            if "token" in where
            else shop.api.get(f"{where}format={form}")
        )
        assert answer.status == 404, where
