"""A saved insight read again and again: the same bytes from memory, and never older ones.

Each row of CHANGES is something that the response depends on. Without the change the response comes from
memory (the first test); with it the next one must say what a process that remembers nothing says.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zlib import compress

import psycopg
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from insights import keeping
from insights.api import fingerprints, kept_responses
from insights.context import Leaning
from insights.models import (
    Dashboard,
    DashboardCollaborator,
    DashboardTile,
    Insight,
    Privilege,
    Restriction,
)
from insights_service import clock, metrics, wsgi
from insights_service.accounts.models import Level, OrganizationMembership, PersonalAPIKey, Project, User
from insights_service.logging import RequestLine
from queries.cache.store import Entry
from tests.api_client import NOW, Answer, Api
from tests.cohorts.people import calculate, make, person, tree
from tests.front_client import FrontClient
from tests.refresh.conftest import Scene, stage, trend

Change = Callable[[Scene], Any]
Changed = Callable[[], Answer]


def rows(model: Any, **values: Any) -> Change:
    """Written past all services, as an administrator's SQL would."""

    def change(scene: Scene) -> None:
        where = {Insight: {"pk": scene.insight_id}, Project: {"pk": scene.api.project.pk}}.get(model)
        where = where or {PersonalAPIKey: {"user": scene.api.user}, User: {"pk": scene.api.user.pk}}.get(
            model
        )
        where = where or {"project": scene.api.project}
        assert model.objects.filter(**where).update(**values)

    return change


def on_dashboard(scene: Scene, **values: Any) -> Dashboard:
    dashboard = Dashboard.objects.create(project=scene.api.project, name="d", **values)
    DashboardTile.objects.create(dashboard=dashboard, insight_id=scene.insight_id)
    return dashboard


def rewritten(scene: Scene) -> None:
    """Another answer at the same instant."""
    key = read(scene).body["filters_hash"]
    kept = keeping.answers().get(scene.api.project.pk, key, now=NOW)
    assert kept is not None
    changed = kept.body.replace(b'"count":1.0', b'"count":7.0')
    keeping.answers().put(scene.api.project.pk, key, Entry(kept.header, compress(changed)))


def dropped(scene: Scene) -> None:
    keeping.answers().drop(scene.api.project.pk, read(scene).body["filters_hash"])


CHANGES: dict[str, Change] = {
    "key revoked": lambda scene: PersonalAPIKey.objects.filter(user=scene.api.user).delete(),
    "key has expired": rows(PersonalAPIKey, expires_at=NOW),
    "scope changed": rows(PersonalAPIKey, scopes=["dashboard:read"]),
    "key limited to another project": rows(PersonalAPIKey, scoped_teams=[0]),
    "user switched off": rows(User, is_active=False),
    "membership removed": lambda scene: OrganizationMembership.objects.filter(user=scene.api.user).delete(),
    "project closed to members": lambda scene: (
        OrganizationMembership.objects.filter(user=scene.api.user).update(level=Level.MEMBER),
        rows(Project, access_control=True)(scene),
    ),
    "project's zone": rows(Project, timezone="Asia/Tokyo"),
    "insight renamed": rows(Insight, name="another"),
    "insight deleted": rows(Insight, deleted=True),
    "insight asks something else": rows(Insight, query=trend("other")),
    "insight was viewed": rows(Insight, last_viewed_at=NOW),
    "its author renamed": rows(User, first_name="Another"),
    "tile added": on_dashboard,
    "tile of a restricted dashboard added": lambda scene: on_dashboard(
        scene, restriction_level=Restriction.ONLY_COLLABORATORS_CAN_EDIT
    ),
    "new answer": lambda scene: scene.ask("retrieve", "force_blocking"),
    "another answer of the same instant": rewritten,
    "answer gone": dropped,
    "run in the background": lambda scene: scene.ask("retrieve", "force_async"),
}


@pytest.fixture
def kept(own_scene: Scene) -> Scene:
    """An insight whose response is kept."""
    own_scene.keep()
    return repeated(own_scene)


def repeated(scene: Scene, path: str = "") -> Scene:
    assert [read(scene, path).status for _ in range(3)] == [200, 200, 200]
    assert is_remembered(scene, path)
    return scene


def read(scene: Scene, path: str = "", **options: Any) -> Answer:
    return scene.api.get(f"insights/{scene.insight_id}/{path}", **options)


def is_remembered(scene: Scene, path: str = "", **options: Any) -> bool:
    """Whether a read asks nothing through Django, which the way to a view always does."""
    with CaptureQueriesContext(connection) as captured:
        read(scene, path, **options)
    return not captured.captured_queries


def afresh(scene: Scene, path: str = "") -> Answer:
    """The same read from a process that remembers nothing."""
    return read(replace(scene, api=replace(scene.api, client=FrontClient())), path)


def told(answer: Answer) -> tuple[int, bytes, str | None]:
    return answer.status, answer.content, answer.headers.get("ETag")


def test_the_same_bytes_and_headers(kept: Scene) -> None:
    again, anew = read(kept), afresh(kept)
    assert told(again) == told(anew)
    own = {"X-Request-Id", "Server-Timing"}
    assert {k: v for k, v in again.headers.items() if k not in own} == {
        k: v for k, v in anew.headers.items() if k not in own
    }


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows_at_once(kept: Scene, change: str) -> None:
    before = read(kept)
    CHANGES[change](kept)
    after, anew = read(kept), afresh(kept)
    assert told(after) == told(anew)
    assert told(after) != told(before)


def test_what_comes_back_is_not_what_it_was(kept: Scene) -> None:
    """A row that has its old contents again is another version of the row."""
    rows(Insight, name="another")(kept)
    rows(Insight, name=None)(kept)
    assert not is_remembered(kept)


def test_filters_of_the_dashboard(own_scene: Scene) -> None:
    dashboard = on_dashboard(own_scene)
    path = f"?from_dashboard={dashboard.pk}"
    own_scene.api.get(f"insights/{own_scene.insight_id}/{path}&refresh=blocking")
    repeated(own_scene, path)
    Dashboard.objects.filter(pk=dashboard.pk).update(filters={"date_from": "-3d"})
    after = read(own_scene, path)
    assert told(after) == told(afresh(own_scene, path))
    assert after.body["query"]["source"]["dateRange"]["date_from"] == "-3d"


def test_a_place_among_collaborators(own_scene: Scene) -> None:
    """api W13, P18."""
    OrganizationMembership.objects.filter(user=own_scene.api.user).update(level=Level.MEMBER)
    dashboard = on_dashboard(own_scene, restriction_level=Restriction.ONLY_COLLABORATORS_CAN_EDIT)
    own_scene.keep()
    repeated(own_scene)
    before = read(own_scene).body["effective_privilege_level"]
    DashboardCollaborator.objects.create(dashboard=dashboard, user=own_scene.api.user)
    after = read(own_scene).body["effective_privilege_level"]
    assert (before, after) == (Privilege.CAN_VIEW, Privilege.CAN_EDIT)


def test_a_change_while_the_response_is_made(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed after the fingerprint was taken and before the rows are read, and changed back afterwards."""
    own_scene.keep()
    read(own_scene)
    take = kept_responses.fingerprint_of

    def take_and_change(wanted: fingerprints.Rows) -> fingerprints.Fingerprint | None:
        fingerprint = take(wanted)
        rows(Insight, name="meanwhile")(own_scene)
        return fingerprint

    with monkeypatch.context() as patched:
        patched.setattr(kept_responses, "fingerprint_of", take_and_change)
        assert read(own_scene).body["name"] == "meanwhile"
    rows(Insight, name=None)(own_scene)
    assert read(own_scene).body["name"] is None


@pytest.mark.parametrize("statement", ["SNAPSHOT", "FINGERPRINT"])
def test_without_postgres_the_way_says_so(
    kept: Scene, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """A statement that fails is no answer; the request goes its way."""
    somebody_writes()
    monkeypatch.setattr(fingerprints, statement, "SELECT 1 FROM nothing")
    assert not is_remembered(kept)
    assert read(kept).status == 200


def an_action(api: Api) -> tuple[dict[str, Any], Changed]:
    made = api.post("actions/", {"name": "a", "steps": [{"event": "A"}]}).body["id"]
    return (
        {"series": [{"kind": "ActionsNode", "id": made}]},
        lambda: api.patch(f"actions/{made}/", {"steps": [{"event": "B"}]}),
    )


def a_cohort(api: Api) -> tuple[dict[str, Any], Changed]:
    made = make(api, filters=tree(person("plan", "pro")))
    calculate(api, made)
    cohort = [{"type": "cohort", "key": "id", "value": made}]

    def change() -> Answer:
        answer = api.patch(f"cohorts/{made}/", {"filters": tree(person("plan", "free"))})
        calculate(api, made)
        return answer

    return {"properties": cohort}, change


def a_property_type(api: Api) -> tuple[dict[str, Any], Changed]:
    definitions = api.get("property_definitions/", {"type": "event"}).body["results"]
    made = next(each["id"] for each in definitions if each["name"] == "price")
    dear = [{"key": "price", "value": "2024-01-09", "operator": "is_date_after"}]
    return (
        {"properties": dear},
        lambda: api.patch(f"property_definitions/{made}/", {"property_type": "String"}),
    )


@pytest.mark.parametrize("definition", [an_action, a_cohort, a_property_type])
def test_a_definition_that_the_question_names_is_changed(
    api: Api, definition: Callable[[Api], tuple[dict[str, Any], Changed]]
) -> None:
    """semantics B15, C4: the old result is never shown as that of the new question."""
    api.journeys('u1: A@10:00{price:"2024-01-10"}', "u2: B@10:00 B@11:00")
    api.identify("u1", plan="pro")
    api.identify("u2", plan="free")
    named, change = definition(api)
    scene = stage(api, "A")
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}], **named}
    assert api.patch(f"insights/{scene.insight_id}/", {"query": query}).status == 200
    first = scene.ask("retrieve", "blocking").body
    before = read(repeated(scene)).body
    assert (before["result"], before["is_cached"]) == (first["result"], True)
    assert change().status == 200
    after = read(scene)
    assert told(after) == told(afresh(scene))
    assert (after.body["result"], after.body["is_cached"]) == (None, False)
    assert after.body["filters_hash"] != before["filters_hash"]
    computed = scene.ask("retrieve", "blocking").body
    assert computed["is_cached"] is False
    assert read(scene).body["result"] == computed["result"]


def somebody_writes() -> None:
    """A transaction that has nothing to do with the insight."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")


def runs_of_the_fingerprint() -> int:
    """How often this thread's connection has run it, always as the one statement that was prepared."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
            ["%FROM accounts_personalapikey key%"],
        )
        ((runs,),) = cursor.fetchall()
    return int(runs)


def test_the_rows_are_compared_only_after_somebody_wrote(kept: Scene) -> None:
    """And planned once: that takes several times as long as running it, and Django prepares nothing."""
    assert is_remembered(kept)
    before = runs_of_the_fingerprint()
    assert is_remembered(kept)
    assert runs_of_the_fingerprint() == before
    somebody_writes()
    assert is_remembered(kept)
    assert is_remembered(kept)
    assert runs_of_the_fingerprint() == before + 1


def test_inside_a_transaction_nothing_is_kept(kept: Scene) -> None:
    """Its own changes are in no snapshot."""
    with transaction.atomic():
        rows(Insight, name="another")(kept)
        assert read(kept).body["name"] == "another"
        transaction.set_rollback(True)
    assert read(kept).body["name"] is None


def test_a_transaction_that_ends_later_than_others(kept: Scene) -> None:
    """One that began first, while others ended: the response is old until it commits, and new from then on."""
    with psycopg.connect(**connection.get_connection_params()) as other:  # type: ignore[arg-type]
        other.execute("UPDATE insights_insight SET name = 'later' WHERE id = %s", [kept.insight_id])
        somebody_writes()
        assert read(kept).body["name"] is None
        assert is_remembered(kept)
        other.commit()
        assert read(kept).body["name"] == "later"


def test_a_kept_answer_grows_old(kept: Scene) -> None:
    """api R9: after a week it is gone; time alone changes nothing else."""
    kept.api.now = NOW + timedelta(minutes=30)
    assert is_remembered(kept)
    kept.api.now = NOW + timedelta(days=7, seconds=1)
    with clock.frozen(kept.api.now):
        PersonalAPIKey.objects.filter(user=kept.api.user).update(last_used_at=clock.now())
    repeated_body = read(kept).body
    assert (repeated_body["result"], repeated_body["is_cached"]) == (None, False)


def test_the_use_of_a_key_is_noted(kept: Scene) -> None:
    """api M13."""
    kept.api.now = NOW + timedelta(hours=2)
    read(kept)
    assert PersonalAPIKey.objects.get(user=kept.api.user).last_used_at == kept.api.now


def test_a_client_that_has_it(kept: Scene) -> None:
    tag = {"If-None-Match": read(kept).headers["ETag"]}
    assert is_remembered(kept, headers=tag)
    again = read(kept, headers=tag)
    assert (again.status, again.content, "Content-Type" in again.headers) == (304, b"", False)
    assert read(kept, headers={"If-None-Match": '"other"'}).status == 200


def test_another_caller_has_another_response(kept: Scene) -> None:
    """api N4: nobody is answered from what somebody else was sent."""
    assert read(replace(kept, api=replace(kept.api, key="phx_wrong"))).status == 401
    assert read(replace(kept, api=replace(kept.api, key=None))).status == 401
    assert "text/csv" in read(kept, headers={"Accept": "text/csv"}).headers["Content-Type"]


@pytest.mark.parametrize("mode", ["blocking", "async", "lazy_async", "force_blocking", "force_async"])
def test_modes_that_depend_on_the_time_are_not_kept(kept: Scene, mode: str) -> None:
    for _ in range(3):
        read(kept, f"?refresh={mode}")
    assert not is_remembered(kept, f"?refresh={mode}")


def test_every_table_that_is_read_is_in_the_fingerprint(kept: Scene) -> None:
    """Whoever makes the response depend on one more table must add it to the statement."""
    with CaptureQueriesContext(connection) as captured:
        afresh(kept)
    read_from = {
        table
        for statement in captured.captured_queries
        for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', statement["sql"])
    }
    assert len(read_from) >= 6
    assert read_from <= set(re.findall(r"(?:FROM|JOIN) (\w+)", fingerprints.FINGERPRINT))


def test_the_memory_is_bounded() -> None:
    memory = kept_responses.Memory(max_bytes=3 * kept_responses.OVERHEAD_BYTES)
    leaning = Leaning(definitions=False, property_types=False, group_types=False)
    seen = kept_responses.Seen(kept_responses.MadeOf(fingerprints.Rows("", 1, 1, leaning), ""))
    for name in (b"1", b"2", b"3", b"1", b"4"):
        memory.put(name, seen)
    assert [memory.get(name) is not None for name in (b"1", b"2", b"3", b"4")] == [True, False, True, True]


def test_it_stands_in_front_of_the_service() -> None:
    """The clients of these tests have the same in front of them (`tests.front_client`)."""
    assert isinstance(wsgi.application, kept_responses.KeptResponses)
    assert isinstance(wsgi.application.application, WSGIHandler)


def test_what_is_sent_again_is_logged_and_counted(kept: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Like an answer that went its way: same line, same counters, an id of its own."""
    logger = logging.getLogger("insights.requests")
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, logger.name)
    try:
        lines, counted = [], []
        for answer_of in (read, afresh):
            caplog.clear()
            figures = answers_counted()
            answer = (
                answer_of(kept, headers={"X-Request-Id": "abc"}) if answer_of is read else answer_of(kept)
            )
            (record,) = caplog.records
            fields = json.loads(RequestLine().format(record))
            assert fields["request_id"] == answer.headers["X-Request-Id"]
            lines.append(
                {name: fields[name] for name in fields if name not in ("ms", "request_id", "timestamp")}
            )
            counted.append([now - then for now, then in zip(answers_counted(), figures, strict=True)])
    finally:
        logger.removeHandler(caplog.handler)
    assert lines[0] == lines[1]
    assert counted[0] == counted[1] == [1, 1]


def answers_counted() -> list[float]:
    """Requests answered with 200, of all routes, and answers of the cache."""
    samples = [sample for metric in metrics.REQUESTS.collect() for sample in metric.samples]
    fine = [
        sample.value
        for sample in samples
        if sample.name.endswith("_total") and sample.labels["status"] == "200"
    ]
    return [sum(fine), metrics.ANSWERS.labels("force_cache", "cache")._value.get()]
