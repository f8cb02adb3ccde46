"""One place knows the time; a test may hold it for a request and for the tasks that request sends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from insights_service import clock, middleware
from insights_service.celery import CarryingTask, _carry, app
from insights_service.config import get_config
from insights_service.middleware import RequestLog, TestClock

INSTANT = datetime(2024, 3, 15, 9, 30, tzinfo=UTC)


def _tell_time(request: HttpRequest) -> HttpResponse:
    return HttpResponse(clock.now().isoformat())


def _asked_at(text: str, view: object = _tell_time) -> HttpResponseBase:
    return TestClock(view)(RequestFactory().get("/", headers={"X-Test-Now": text}))  # type: ignore[arg-type]


def test_time_runs_outside_and_stands_inside() -> None:
    before = datetime.now(UTC)
    with clock.frozen(INSTANT):
        assert clock.now() == clock.held() == INSTANT
        with clock.frozen(None):
            assert clock.now() >= before
    assert clock.now() >= before and clock.held() is None


def test_an_instant_is_kept_in_utc_and_needs_an_offset() -> None:
    with clock.frozen(INSTANT.astimezone(timezone(timedelta(hours=2)))):
        assert clock.now().tzinfo is UTC and clock.now() == INSTANT
    with pytest.raises(ValueError, match="offset"), clock.frozen(INSTANT.replace(tzinfo=None)):
        pass


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2024-03-15T09:30:00Z", INSTANT, id="Z"),
        pytest.param("2024-03-15T11:30:00+02:00", INSTANT, id="offset"),
        pytest.param("2024-03-15T09:30:00", INSTANT, id="no offset is UTC"),
        pytest.param("2024-03-15", INSTANT.replace(hour=0, minute=0), id="a day"),
    ],
)
def test_the_header_sets_the_time_of_the_request(text: str, instant: datetime) -> None:
    assert _asked_at(text).content.decode() == instant.isoformat()  # type: ignore[attr-defined]
    assert clock.held() is None


def test_an_unreadable_header_is_an_error_of_the_caller() -> None:
    response = _asked_at("yesterday")
    assert response.status_code == 400
    assert b'"attr": "X-Test-Now"' in response.content  # type: ignore[attr-defined]


def test_a_stream_is_made_at_the_same_instant() -> None:
    def view(request: HttpRequest) -> StreamingHttpResponse:
        def chunks() -> Iterator[str]:
            for _ in range(2):
                yield clock.now().isoformat()

        return StreamingHttpResponse(chunks())

    parts = list(_asked_at("2024-03-15T09:30:00Z", view).streaming_content)  # type: ignore[attr-defined]
    assert parts == [INSTANT.isoformat().encode()] * 2
    assert clock.held() is None


def test_without_the_setting_the_header_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(get_config(), test_clock=False)
    monkeypatch.setattr(middleware, "get_config", lambda: config)
    answered = datetime.fromisoformat(_asked_at("2024-03-15T09:30:00Z").content.decode())  # type: ignore[attr-defined]
    assert answered > INSTANT
    assert _asked_at("nonsense").status_code == 200


def test_a_task_sees_the_time_and_the_request_of_its_sender() -> None:
    seen = {}

    class Look(CarryingTask):  # type: ignore[misc]
        name = "tests.look"

        def run(self) -> None:
            seen["now"] = clock.now()

    headers: dict[str, str] = {}
    with clock.frozen(INSTANT):
        _carry(headers=headers)
    task = app.register_task(Look())
    task.push_request(headers=None, **headers)
    task()
    assert seen["now"] == INSTANT


def test_every_answer_names_its_request() -> None:
    view = RequestLog(lambda request: HttpResponse("ok"))
    mine = view(RequestFactory().get("/", headers={"X-Request-Id": "abc-1"}))
    other = view(RequestFactory().get("/", headers={"X-Request-Id": "two\nlines"}))
    assert mine.headers["X-Request-Id"] == "abc-1"
    assert len(other.headers["X-Request-Id"]) == 36
