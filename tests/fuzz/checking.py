"""Generated requests against the service in this process, compared with the OpenAPI document (api W24).

For every operation, requests that follow the document and requests that break it. No answer may be a 5xx,
and status, content type and body must be among those described. Findings are collected, not raised: one
run shows all of them, each with a command that repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as described

from insights_service.wsgi import application
from tests.api_client import Api, make_project
from tests.journeys import BASE_DAY

CHECKS = [
    schemathesis.checks.not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
    described.response_headers_conformance,
]
# They would end the run: the project, the key or the person it works with would be gone.
EXCLUDED = {
    ("DELETE", "/api/projects/{project_id}/"),
    ("DELETE", "/api/organizations/{organization_id}/projects/{project_id}/"),
    ("PATCH", "/api/users/@me/"),
}
EVENT = "018e1f00-0000-7000-8000-0000000000aa"


@dataclass
class Report:
    """How many requests were made, and what was wrong, one of each kind."""

    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    findings: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def note(self, status: int) -> None:
        self.requests += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def __str__(self) -> str:
        counts = ", ".join(f"{number} x {status}" for status, number in sorted(self.statuses.items()))
        return "\n\n".join([*self.findings.values(), f"{self.requests} requests: {counts}"])


def fuzz(requests: int, number: int = 1, *, only: str = "") -> Report:
    """About so many requests, spread over all operations whose id contains `only`."""
    api = make_project()
    names = _things(api)
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", app=application)
    operations = [
        found.ok()
        for found in schema.get_all_operations()
        if (found.ok().method.upper(), found.ok().path) not in EXCLUDED
        and only in str(found.ok().definition.raw.get("operationId"))
    ]
    report = Report()
    each = max(1, requests // (len(operations) * len(_MODES)))
    for operation in operations:
        for mode in _MODES:
            _ask(operation, mode, each, number, api, names, report)
    return report


_MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def _ask(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    number: int,
    api: Api,
    names: Mapping[str, str],
    report: Report,
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from([True, True, True, False]))
    def one(case: Any, is_real: bool) -> None:
        case.path_parameters = {
            **(case.path_parameters or {}),
            **_path(case.path_parameters or {}, operation.path, names, is_real=is_real),
        }
        response = case.call(headers={"Authorization": f"Bearer {api.key}"})
        report.note(response.status_code)
        for place, text in _wrong(case, response):
            report.findings.setdefault((operation.label, str(response.status_code), place), text)

    try:
        one()
    except Unsatisfiable:
        return  # nothing in this operation that could be wrong


def _wrong(case: Any, response: Any) -> Iterator[tuple[str, str]]:
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield _described(failure, case, response)


def _described(failure: Any, case: Any, response: Any) -> tuple[str, str]:
    assert isinstance(failure, Failure), failure
    text = f"{case.operation.label}: {failure.title}\n{failure.message}\n{response.status_code} {response.text[:600]}"
    return f"{failure.title} {failure.message[:80]}", f"{text}\n{case.as_curl_command()}"


def _path(given: Mapping[str, Any], path: str, names: Mapping[str, str], *, is_real: bool) -> dict[str, str]:
    """The project is always the right one; other names are those of things that exist, most of the time."""
    kind = path.split("{project_id}/")[-1].removeprefix("/api/").split("/")[0]
    found = {name: names.get(name) or names.get(kind, "1") for name in given}
    return found if is_real else {name: found[name] for name in ("project_id",) if name in found}


def _things(api: Api) -> dict[str, str]:
    """One of everything, by the word of the path or the name of the parameter."""
    api.journeys("ann: $pageview@10:00 paid@11:00", "bob: $pageview@12:00")
    event = {"event": "$pageview", "distinct_id": "ann", "timestamp": f"{BASE_DAY}T10:00:00Z"}
    api.capture([{**event, "uuid": EVENT, "properties": {"$browser": "Chrome"}}])
    api.identify("ann", email="ann@example.org")
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}
    made = {
        "insights": ("insights/", {"name": "x", "query": query}),
        "dashboards": ("dashboards/", {"name": "d"}),
        "actions": ("actions/", {"name": "a"}),
        "cohorts": ("cohorts/", {"name": "c"}),
        "annotations": ("annotations/", {"content": "n", "date_marker": f"{BASE_DAY}T00:00:00Z"}),
        "personal_api_keys": ("/api/personal_api_keys/", {"label": "spare", "scopes": ["insight:read"]}),
    }
    names = {word: str(api.post(path, body).body["id"]) for word, (path, body) in made.items()}
    run = api.post("query/", {"query": query, "refresh": "force_async"}).body["query_status"]["id"]
    first = {
        word: str(api.get(f"{word}/").body["results"][0]["id"])
        for word in ("persons", "event_definitions", "property_definitions")
    }
    return {
        **names,
        **first,
        "query": run,
        "events": EVENT,
        "project_id": str(api.project.pk),
        "organization_id": str(api.project.organization_id),
        "organizations": str(api.project.organization_id),
        "user_uuid": str(api.user.uuid),
    }
