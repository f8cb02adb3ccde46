"""What a query may use by who asks and where (issue: budgets): the narrowest number holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from insights import context
from insights.context import all_rows, background_limits, limits_of
from insights_service.accounts.models import Project
from insights_service.budgets import Credential, read_budgets
from insights_service.config import get_config
from queries import registry
from queries.context import Limits
from tests.api_client import Api, make_project
from tests.refresh.conftest import in_background
from tests.refresh.slow import KIND, SLOW_KIND, question

MIB = 1024**2
BY_VALUE = {
    "kind": "TrendsQuery",
    "series": [{"kind": "EventsNode", "event": "A"}],
    "breakdownFilter": {"breakdown": "letter", "breakdown_type": "event"},
}
FAILS = {
    "seconds": (question("slow 2"), {"seconds": 1}, 504, "query_timeout", "limit of 1 seconds"),
    "memory": (question("heavy"), {"memory_bytes": 64 * MIB}, 504, "memory_limit", "the limit is 64.00 MiB"),
    "rows to read": (BY_VALUE, {"rows_to_read": 2}, 504, "rows_limit", "limit of 2 rows to read"),
    "result rows": (BY_VALUE, {"result_rows": 2}, 504, "rows_limit", "larger than the limit of 2 rows"),
}


@pytest.fixture
def shop(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Five values of a property, and a kind of query that is as slow as its event says."""
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    api.journeys(*(f'u{letter}: A@10:00{{letter:"{letter}"}}' for letter in "vwxyz"))
    return api


Setting = Callable[[Api, pytest.MonkeyPatch, Any], None]


def on_the_server(api: Api, monkeypatch: pytest.MonkeyPatch, budgets: Any) -> None:
    config = replace(get_config(), query_budgets=read_budgets(budgets))
    monkeypatch.setattr(context, "get_config", lambda: config)


def of_the_project(api: Api, monkeypatch: pytest.MonkeyPatch, budgets: Any) -> None:
    api.project.query_budgets = budgets
    api.project.full_clean()
    api.project.save()


SERVER_OR_PROJECT = pytest.mark.parametrize(
    "put", [pytest.param(on_the_server, id="server"), pytest.param(of_the_project, id="project")]
)


# --- who asks, and whether there was a result --------------------------------------------------------------

Asks = Callable[[Api, Any], bool]


def with_key(api: Api, node: Any) -> bool:
    return api.query(node).status == 200


def with_session(api: Api, node: Any) -> bool:
    return with_key(browser_of(api), node)


def in_a_run(api: Api, node: Any) -> bool:
    started = api.query(node, refresh="force_async").body["query_status"]
    in_background(api, started["id"])
    return api.get(f"query/{started['id']}/").body["query_status"]["results"] is not None


def as_guest(api: Api, node: Any) -> bool:
    """Guests are told that it failed and nothing else (api Q10)."""
    made = api.post("insights/", {"query": {"kind": "InsightVizNode", "source": node}}).body
    api.patch(f"insights/{made['id']}/sharing/", {"enabled": True})
    token = api.get(f"insights/{made['id']}/sharing/").body["access_token"]
    guest = replace(api, key=None, client=Client())
    shown = guest.get(f"insights/{made['id']}/", {"sharing_access_token": token, "refresh": "force_blocking"})
    return shown.status == 200 and shown.body["result"] is not None


def browser_of(api: Api) -> Api:
    """The same user, logged in."""
    browser = replace(api, key=None, client=Client())
    browser.client.force_login(api.user)
    return browser


ASKERS: dict[str, Asks] = {
    "key": with_key,
    "session": with_session,
    "shared": as_guest,
    "background": in_a_run,
}


# --- over HTTP ---------------------------------------------------------------------------------------------


@SERVER_OR_PROJECT
@pytest.mark.parametrize("limit", FAILS)
def test_each_number(shop: Api, monkeypatch: pytest.MonkeyPatch, put: Setting, limit: str) -> None:
    node, budget, status, code, words = FAILS[limit]
    put(shop, monkeypatch, {"key": budget})
    answer = shop.post("query/", {"query": node, "refresh": "force_blocking"})
    assert answer.error == (status, code, None)
    assert words in answer.body["detail"]
    assert "Narrow the date range" in answer.body["detail"]


@SERVER_OR_PROJECT
@pytest.mark.parametrize("row", ["all", *Credential])
def test_each_credential(shop: Api, monkeypatch: pytest.MonkeyPatch, put: Setting, row: str) -> None:
    put(shop, monkeypatch, {row: {"result_rows": 2}})
    # Each asks something of his own: what one has computed is there for all.
    hit = {
        name
        for days, (name, ask) in enumerate(ASKERS.items(), start=10)
        if not ask(shop, {**BY_VALUE, "dateRange": {"date_from": f"-{days}d"}})
    }
    # The run in the background is asked for with a key.
    assert hit == {"all": set(ASKERS), "key": {"key", "background"}}.get(row, {row})


def test_another_project_has_its_own(shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_project()
    other.journeys(*(f'u{letter}: A@10:00{{letter:"{letter}"}}' for letter in "vwxyz"))
    of_the_project(shop, monkeypatch, {"all": {"result_rows": 2}})
    assert (with_key(shop, BY_VALUE), with_key(other, BY_VALUE)) == (False, True)


def test_what_is_kept_is_shown_to_everybody(shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.query(BY_VALUE)
    of_the_project(shop, monkeypatch, {"all": {"rows_to_read": 1}})
    answer = shop.post("query/", {"query": BY_VALUE})
    assert (answer.status, answer.body["is_cached"]) == (200, True)


def test_a_failure_says_nothing_to_who_may_use_more(shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed run is not repeated for the same asker (api R11); another credential has another budget."""
    of_the_project(shop, monkeypatch, {"key": {"result_rows": 2}})
    browser = browser_of(shop)
    asked = {"query": BY_VALUE, "refresh": "async"}
    first = shop.post("query/", asked).body["query_status"]
    in_background(shop, first["id"])
    again = shop.post("query/", asked).body["query_status"]
    assert (again["complete"], again["error"]) == (True, True)
    assert "limit of 2 rows" in again["error_message"]
    fresh = browser.post("query/", asked).body["query_status"]
    assert (fresh["complete"], fresh["error"]) == (False, False)
    in_background(shop, fresh["id"])
    assert len(browser.get(f"query/{fresh['id']}/").body["query_status"]["results"]["results"]) == 5


def test_members_of_a_cohort_are_no_result(shop: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    of_the_project(shop, monkeypatch, {"all": {"result_rows": 1}})
    assert all_rows(background_limits(shop.project)).result_rows is None


# --- which number ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "project", "credential", "expected"),
    [
        pytest.param({}, {}, "key", (60, None), id="nothing set"),
        pytest.param({"all": {"seconds": 20}}, {}, "key", (20, None), id="for all"),
        pytest.param({"all": {"seconds": 20}, "key": {"seconds": 30}}, {}, "key", (20, None), id="narrowest"),
        pytest.param({"all": {"seconds": 90}}, {}, "key", (60, None), id="never wider than the server"),
        pytest.param({"key": {"seconds": 20}}, {"key": {"seconds": 40}}, "key", (20, None), id="nor project"),
        pytest.param({"key": {"seconds": 20}}, {"all": {"seconds": 5}}, "key", (5, None), id="project"),
        pytest.param({"session": {"seconds": 20}}, {}, "key", (60, None), id="not his"),
        pytest.param({"all": {"rows_to_read": 7}}, {"key": {"seconds": 9}}, "key", (9, 7), id="each number"),
    ],
)  # fmt: skip
def test_the_narrowest_holds(
    monkeypatch: pytest.MonkeyPatch, server: Any, project: Any, credential: str, expected: Any
) -> None:
    config = replace(get_config(), query_budgets=read_budgets(server))
    monkeypatch.setattr(context, "get_config", lambda: config)
    found = limits_of(Project(query_budgets=project), Credential(credential))
    assert (found.timeout_seconds, found.rows_to_read) == expected


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        ({}, 600),
        ({"background": {"seconds": 100}}, 100),
        ({"shared": {"seconds": 10}}, 10),
        ({"key": {"seconds": 10}}, 600),
    ],
    ids=str,
)
def test_a_run_in_the_background(budgets: Any, expected: float) -> None:
    found: Limits = background_limits(Project(query_budgets=budgets), Credential.SHARED)
    assert found.timeout_seconds == expected


@pytest.mark.parametrize(
    ("budgets", "words"),
    [
        ([], "must be an object"),
        ({"keys": {}}, "has a row 'keys'; rows are all, key, session, shared, background"),
        ({"key": 5}, "must have an object in key"),
        ({"key": {"time": 5}}, "has key.time; there are seconds, memory_bytes"),
        ({"key": {"seconds": 0}}, "must have a whole number from 1 in key.seconds"),
        ({"key": {"seconds": True}}, "must have a whole number"),
        ({"key": {"memory_bytes": 1}}, "must have a whole number from 67108864 in key.memory_bytes"),
    ],
    ids=str,
)
def test_a_wrong_table(budgets: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Project._meta.get_field("query_budgets").run_validators(budgets or [1])
    with pytest.raises(ValueError, match=words):
        read_budgets(budgets)


COMMANDS = [
    ([], {}),
    (["shared.seconds=10", "all.result_rows=5"], {"shared": {"seconds": 10}, "all": {"result_rows": 5}}),
    (["shared.seconds=20"], {"shared": {"seconds": 20}, "all": {"result_rows": 5}}),
    (["shared.seconds=", "key.seconds="], {"all": {"result_rows": 5}}),
]


def test_the_command_shows_and_changes_the_table(api: Api) -> None:
    for changes, table in COMMANDS:
        shown = StringIO()
        call_command("query_budgets", str(api.project.pk), *changes, stdout=shown)
        api.project.refresh_from_db()
        assert json.loads(shown.getvalue()) == api.project.query_budgets == table


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("shared", '"shared" is no change'),
        ("guests.seconds=1", "rows are all, key, session, shared, background"),
        ("all.hours=1", "there are seconds, memory_bytes"),
        ("all.seconds=0", "a whole number from 1 in all.seconds"),
        ("all.seconds=-1", "is no whole number"),
    ],
)
def test_the_command_says_what_is_wrong(api: Api, change: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("query_budgets", str(api.project.pk), change)
    api.project.refresh_from_db()
    assert api.project.query_budgets == {}
