"""Drawings: what is on them, that nothing breaks out of them, that they never fail (insights.drawing)."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.drawing import Drawing, State, draw
from insights.drawing.axes import ticks
from insights.drawing.buckets import axis_labels, finished
from insights.drawing.lettering import clipped, text_width
from insights.drawing.look import style
from insights.drawing.numbers import duration, exact, percent, short
from insights.drawing.world import HEIGHT, WIDTH, countries

MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
LABELS = ["Jan 2024", "Feb 2024", "Mar 2024"]


def trends(display: str = "ActionsLineGraph", **more: Any) -> dict[str, Any]:
    wishes = {"display": display, **more}
    return {
        "kind": "InsightVizNode",
        "source": {"kind": "TrendsQuery", "interval": "month", "trendsFilter": wishes},
    }


def series(name: str, *data: float, **more: Any) -> dict[str, Any]:
    action = {"name": name, "order": more.pop("order", 0)}
    return {
        "label": name,
        "action": action,
        "data": list(data),
        "days": MONTHS,
        "labels": LABELS,
        "count": sum(data),
    } | more


def total(name: str, number: float, **more: Any) -> dict[str, Any]:
    return {
        "label": name,
        "action": {"order": 0},
        "data": [],
        "days": [],
        "count": 0,
        "aggregated_value": number,
    } | more


def step(name: str, count: int, seconds: float | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "custom_name": None, "count": count, "average_conversion_time": seconds} | more


def marks(drawing: Drawing, name: str) -> int:
    """Elements of a class."""
    root = ElementTree.fromstring(drawing.picture())
    return sum(name in (one.get("class") or "").split() for one in root.iter())


def texts(drawing: Drawing) -> list[str]:
    return [
        one.text or ""
        for one in ElementTree.fromstring(drawing.picture()).iter()
        if one.tag.endswith("}text")
    ]


def rows(drawing: Drawing) -> list[list[str]]:
    return [[cell.text for cell in row] for row in drawing.table.rows]


TWO = [series("a", 1, 2, 3), series("b", 4, 0, 6, order=1)]
CHANNELS = [total("ads", 60), total("mail", 30), total("$$_posthog_breakdown_null_$$", 10)]
FUNNEL = [step("seen", 200), step("cart", 50, 3600.0), step("paid", 10, 59.4)]
WAYS = [
    {"source": "1_/a_b", "target": "2_/c", "value": 12, "average_conversion_time": 41_500.0},
    {"source": "2_/c", "target": "3_/d", "value": 7, "average_conversion_time": 9_000.0},
]
COHORTS = [
    {
        "date": MONTHS[0],
        "label": "Month 0",
        "values": [
            {"count": 10, "label": "Month 0"},
            {"count": 4, "label": "Month 1", "is_incomplete": True},
        ],
    },
    {
        "date": MONTHS[1],
        "label": "Month 1",
        "values": [
            {"count": 5, "label": "Month 0", "is_incomplete": True},
            {"count": 0, "label": "Month 1", "is_incomplete": True},
        ],
    },
]


@pytest.mark.parametrize(
    ("query", "result", "found"),
    [
        pytest.param(trends(), TWO, {"line": 2, "dot": 6, "hit": 3, "swatch": 2}, id="lines"),
        pytest.param(trends("ActionsLineGraphCumulative"), TWO, {"line": 2}, id="cumulative"),
        pytest.param(trends("ActionsAreaGraph"), TWO, {"area": 2, "line": 2}, id="areas"),
        pytest.param(trends("ActionsBar"), TWO, {"bar": 5, "hit": 3}, id="stacked bars"),
        pytest.param(trends("ActionsUnstackedBar"), TWO, {"bar": 5}, id="bars side by side"),
        pytest.param(trends("ActionsBarValue"), CHANNELS, {"bar": 3}, id="lying bars"),
        pytest.param(trends("ActionsPie"), CHANNELS, {"slice": 3, "swatch": 3}, id="pie"),
        pytest.param(trends("ActionsPie"), [total("all", 5)], {"ring": 1}, id="a pie of one slice"),
        pytest.param(trends("BoldNumber"), [total("all", 1234)], {"number": 1}, id="number"),
        pytest.param(trends("WorldMap"), [total("DE", 4, breakdown_value="DE"), total("SG", 1, breakdown_value=["SG"])], {"s10": 2, "s5": 2}, id="map"),
        pytest.param({"kind": "StickinessQuery"}, [series("a", 5, 2, 1, days=[1, 2, 3])], {"line": 1}, id="stickiness"),
        pytest.param({"kind": "LifecycleQuery", "interval": "month"}, [series("a - new", 1, 2, 3, status="new"), series("a - dormant", 0, -1, -2, status="dormant")], {"new": 4, "dormant": 3}, id="lifecycle"),
        pytest.param({"kind": "LifecycleQuery", "lifecycleFilter": {"toggledLifecycles": ["new"]}}, [series("a - new", 1, 2, 3, status="new"), series("a - dormant", 0, -1, -2, status="dormant")], {"new": 3, "dormant": 0}, id="one status"),
        pytest.param({"kind": "FunnelsQuery"}, FUNNEL, {"track": 3, "bar": 3}, id="funnel"),
        pytest.param({"kind": "FunnelsQuery"}, [[{**one, "breakdown_value": [name]} for one in FUNNEL] for name in ("x", "")], {"bar": 6, "swatch": 2}, id="funnel by value"),
        pytest.param({"kind": "FunnelsQuery", "funnelsFilter": {"funnelVizType": "trends"}}, [{"data": [50.0, 0, 20], "days": MONTHS, "labels": LABELS, "count": 3}], {"line": 1}, id="conversion over time"),
        pytest.param({"kind": "FunnelsQuery", "funnelsFilter": {"funnelVizType": "time_to_convert"}}, {"bins": [[600, 2], [2400, 0], [4200, 1]], "average_conversion_time": 2000.0}, {"bar": 3}, id="times"),
        pytest.param({"kind": "RetentionQuery"}, COHORTS, {"cell": 4}, id="retention"),
        pytest.param({"kind": "RetentionQuery", "retentionFilter": {"display": "ActionsLineGraph"}}, COHORTS, {"line": 2}, id="retention as lines"),
        pytest.param({"kind": "PathsQuery"}, WAYS, {"ribbon": 2, "bar": 3}, id="paths"),
    ],
)  # fmt: skip
def test_every_kind_has_its_marks(query: Any, result: Any, found: dict[str, int]) -> None:
    drawing = draw(query, result, title="x")
    assert drawing.state is State.DRAWN
    assert {name: marks(drawing, name) for name in found} == found
    assert drawing.html.count("<table>") == 1  # the same in words, always
    assert drawing.summary


@pytest.mark.parametrize(
    ("query", "result", "table"),
    [
        (trends(), TWO, [["Jan 2024", "1", "4"], ["Feb 2024", "2", "0"], ["Mar 2024", "3", "6"]]),
        (trends("ActionsTable"), CHANNELS, [["ads", "60"], ["mail", "30"], ["None", "10"]]),
        (
            {"kind": "FunnelsQuery"},
            FUNNEL,
            [
                ["seen", "200", "100%", "–", "–", "–"],
                ["cart", "50", "25.0%", "25.0%", "1h", "–"],
                ["paid", "10", "5.0%", "20.0%", "59s", "–"],
            ],
        ),
        (  # semantics H10, H11, H21
            {"kind": "RetentionQuery", "retentionFilter": {"period": "Month"}},
            COHORTS,
            [["All", "15", "100%", ""], ["Jan 2024", "10", "100%", "40.0%*"], ["Feb 2024", "5", "100%*", ""]],
        ),
        ({"kind": "PathsQuery"}, WAYS, [["1", "/a_b", "/c", "12", "42s"], ["2", "/c", "/d", "7", "9s"]]),
        ({"kind": "HogQLQuery"}, [["x", 1.5, None], [True, {"a": 1}, 7]], [["x", "1.5", "–"], ["true", '{"a": 1}', "7"]]),
    ],
)  # fmt: skip
def test_the_same_numbers_as_a_table(query: Any, result: Any, table: list[list[str]]) -> None:
    assert rows(draw(query, result)) == table


def test_the_period_before_is_dashed_in_the_same_colour() -> None:
    pair = [series("a", 1, 2, 3, compare_label="current"), series("a", 3, 2, 1, compare_label="previous")]
    drawing = draw(trends(), pair)
    assert [(entry.tone, entry.name, entry.is_previous) for entry in drawing.legend] == [
        ("c0", "a", False),
        ("c0", "a (before)", True),
    ]
    assert marks(drawing, "previous") == 2  # the line and its swatch


@pytest.mark.parametrize(
    ("as_of", "unfinished"),
    [(datetime(2024, 3, 20, tzinfo=UTC), 1), (datetime(2024, 4, 1, tzinfo=UTC), 0), (None, 0)],
)
def test_a_bucket_that_is_not_over_is_dashed(as_of: datetime | None, unfinished: int) -> None:
    assert marks(draw(trends(), [series("a", 1, 2, 3)], as_of=as_of), "unfinished") == unfinished


def test_many_series_are_limited() -> None:
    drawing = draw(trends(), [series(f"value {number}", number) for number in range(40)])
    assert marks(drawing, "line") == 25
    assert "and 13 more" in drawing.html
    assert "and 28 more" in texts_of_titles(drawing)[0]


def texts_of_titles(drawing: Drawing) -> list[str]:
    root = ElementTree.fromstring(drawing.svg)
    return [one.text or "" for one in root.iter("title")]


@pytest.mark.parametrize(
    ("query", "result", "options", "state", "words"),
    [
        (trends(), [], {}, State.EMPTY, "No results"),
        (trends(), [series("a")], {}, State.EMPTY, "No results"),
        ({"kind": "RetentionQuery"}, [{"label": "Day 0", "values": [{"count": 0}]}], {}, State.EMPTY, "No results"),
        ({"kind": "FunnelsQuery", "funnelsFilter": {"funnelVizType": "time_to_convert"}}, {"bins": []}, {}, State.EMPTY, "No results"),
        (trends(), None, {"is_waiting": True}, State.WAITING, "Being computed"),
        (trends(), None, {}, State.MISSING, "Not computed yet"),
        (None, None, {}, State.MISSING, "Not computed yet"),
        (trends(), None, {"failure": "Too <big>."}, State.FAILED, "Too &lt;big&gt;."),
    ],
)  # fmt: skip
def test_what_is_said_when_nothing_is_drawn(
    query: Any, result: Any, options: dict[str, Any], state: State, words: str
) -> None:
    drawing = draw(query, result, **options)
    assert drawing.state is state
    assert words in drawing.html
    ElementTree.fromstring(drawing.picture())


def test_numbers_as_the_insight_wants_them() -> None:
    money = trends(aggregationAxisPrefix="€", decimalPlaces=2)
    assert rows(draw(money, [series("a", 1234.5)]))[0] == ["Jan 2024", "€1,234.50"]
    minutes = trends("ActionsTable", aggregationAxisFormat="duration")
    assert rows(draw(minutes, [total("a", 3905)])) == [["a", "1h 5m"]]
    assert (
        rows(draw(trends(aggregationAxisFormat="no such", decimalPlaces=-1), [series("a", 1)]))[0][1] == "1"
    )


# --- escaping --------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</title></svg><script>",
            "]]>",
            "&lt;b&gt;",
            "' onload='x",
            "</style>",
            "{{ 7*7 }}{% now %}",
            "\x00\x08\x1b[31m",
            "\ud800",
            "a" * 3000,
        ]
    ),
    st.text(max_size=60),
)
KINDS: list[Any] = [
    lambda name: (trends(), [series(name, 1, 2), series(name + "2", 1, 3, breakdown_value=[name, None])]),
    lambda name: (trends("ActionsBarValue"), [total(name, 3, breakdown_value=name), total("b", 1)]),
    lambda name: (trends("ActionsPie"), [total(name, 3), total("b", 1)]),
    lambda name: (trends("BoldNumber", aggregationAxisPrefix=name), [total(name, 3)]),
    lambda name: (trends("WorldMap"), [total(name, 3, breakdown_value=name)]),
    lambda name: ({"kind": "FunnelsQuery"}, [[step(name, 3, breakdown_value=[name])], [step(name, 2, breakdown_value=name)]]),
    lambda name: ({"kind": "RetentionQuery"}, [{"date": name, "label": name, "values": [{"count": 3, "label": name}], "breakdown_value": name}]),
    lambda name: ({"kind": "PathsQuery"}, [{"source": f"1_{name}", "target": name, "value": 3}]),
    lambda name: ({"kind": "HogQLQuery"}, [[name, {name: name}, [name]]]),
]  # fmt: skip
TAGS = {"b", "caption", "details", "div", "figure", "i", "li", "p", "span", "strong", "summary", "ul"} | {
    *(
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "svg",
        "desc",
        "title",
        "g",
        "rect",
        "line",
        "path",
        "circle",
    ),
    "text",
}


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


@pytest.mark.parametrize("kind", KINDS)
@given(name=HOSTILE)
@settings(max_examples=30, deadline=None)
def test_no_name_breaks_out(kind: Any, name: str) -> None:
    query, result = kind(name)
    drawing = draw(query, result, title=name, columns=[name] if "HogQL" in query["kind"] else None)
    page = Tags()
    page.feed(drawing.html)
    assert page.tags <= TAGS
    assert not {
        attribute for attribute in page.attributes if attribute.startswith("on") or attribute == "style"
    }
    ElementTree.fromstring(drawing.picture())  # good XML, too


# --- parts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 0, [0, 1]),
        (0, 3, [0, 1, 2, 3]),
        (0, 163, [0, 50, 100, 150, 200]),
        (-20, 80, [-20, 0, 20, 40, 60, 80]),
        (0, 1e9, [0, 2e8, 4e8, 6e8, 8e8, 1e9]),
    ],
)
def test_ticks(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(marks)


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_ticks_enclose_the_numbers(one: float, other: float) -> None:
    marks = ticks(min(one, other), max(one, other))
    slack = (marks[-1] - marks[0]) * 1e-6
    assert marks[0] <= min(one, other, 0) + slack
    assert marks[-1] >= max(one, other, 0) - slack
    assert 2 <= len(marks) <= 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (short(1234567), "1.23M"),
        (short(999), "999"),
        (exact(1234.5), "1,234.5"),
        (exact(0.001234), "0.0012"),
        (exact(-3), "-3"),
        (duration(3905), "1h 5m"),
        (duration(0.25), "0.25s"),
        (duration(90000), "1d 1h"),
        (percent(0.1234), "12.3%"),
        (percent(1), "100%"),
        (percent(0), "0%"),
    ],
)
def test_numbers_as_text(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("days", "interval", "labels"),
    [
        (["2024-03-14", "2024-03-15"], "day", ["14 Mar", "15 Mar"]),
        (["2023-12-31", "2024-01-07"], "week", ["31 Dec 2023", "7 Jan 2024"]),
        (["2024-01-01", "2024-02-01"], "month", ["Jan 2024", "Feb 2024"]),
        (["2024-03-14 10:00:00", "2024-03-14 11:00:00"], "hour", ["10:00", "11:00"]),
        (["2024-03-14 23:00:00", "2024-03-15 00:00:00"], "hour", ["14 Mar 23:00", "15 Mar 00:00"]),
        ([1, 2], "day", ["given", "labels"]),
    ],
)
def test_labels_of_buckets(days: list[Any], interval: str, labels: list[str]) -> None:
    assert axis_labels(days, ["given", "labels"], interval) == labels


def test_buckets_end_in_the_zone_of_the_project() -> None:
    midnight = datetime(2024, 3, 15, 0, 0, tzinfo=UTC)
    days = ["2024-03-14", "2024-03-15"]
    assert finished(days, "day", midnight, "UTC") == 1
    assert finished(days, "day", midnight, "America/New_York") == 0
    assert finished(days, "day", datetime(2024, 3, 15, 16, tzinfo=UTC), "Asia/Tokyo") == 2


@given(st.text(max_size=80), st.floats(40, 300))
def test_clipped_texts_fit(text: str, pixels: float) -> None:
    assert text_width(clipped(text, pixels)) <= pixels


def test_the_world_fits_its_box() -> None:
    assert len(countries()) > 220
    assert all(
        0 <= point[0] <= WIDTH and 0 <= point[1] <= HEIGHT
        for one in countries().values()
        if (point := one.point)
    )


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_styles_of_pictures_know_no_variables(theme: str) -> None:
    assert "var(" not in style(theme)
    assert ".bar" in style(theme)
    assert ("prefers-color-scheme" in style(theme)) is (theme == "auto")
