"""A client of the service as a test sees it: one project, one key, answers as plain JSON."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from django.test import Client

from insights_service.accounts import services
from insights_service.accounts.models import Project, User
from insights_service.accounts.services import KeyReach
from tests.front_client import FrontClient
from tests.journeys import BASE_DAY, journeys

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)


@dataclass
class Answer:
    """Status, headers and parsed body of one response."""

    status: int
    body: Any
    headers: Mapping[str, str]
    content: bytes

    @property
    def result(self) -> Any:
        """`result` of a calculation endpoint or an insight, `results` of the query endpoint."""
        assert self.status in (200, 201), (self.status, self.body)
        return self.body["result"] if "result" in self.body else self.body["results"]

    @property
    def error(self) -> tuple[int, str, str | None]:
        """(status, code, attr) of an error in the contract's form."""
        assert set(self.body) == {"type", "code", "detail", "attr"}, self.body
        return self.status, self.body["code"], self.body["attr"]


@dataclass
class Api:
    """`get/post/patch/put/delete(path, body)` below `/api/projects/<id>/`; a path with a leading slash is
    absolute. `now` travels as X-Test-Now; None lets time run."""

    project: Project
    user: User
    key: str | None
    now: datetime | None = NOW
    client: Client = field(default_factory=FrontClient)

    # --- calls ----------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        if self.now is not None:
            headers.setdefault("X-Test-Now", self.now.isoformat())
        if not path.startswith("/"):
            path = f"/api/projects/{self.project.pk}/{path}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        options.setdefault("content_type", "application/json")
        response = self.client.generic(method, path, data, headers=headers, **options)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        is_json = "json" in response.get("Content-Type", "")
        return Answer(
            response.status_code,
            json.loads(content) if content and is_json else content.decode(errors="replace"),
            dict(response.items()),
            content,
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> Answer:
        if params:
            options["query_params"] = {
                k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()
            }
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("PATCH", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("DELETE", path, body, **options)

    # --- events ---------------------------------------------------------------------------------------

    def journeys(self, *lines: str, day: date = BASE_DAY) -> None:
        """Capture the events of the notation (`tests.journeys`)."""
        self.capture(journeys(*lines, day=day))

    def capture(self, events: Sequence[Mapping[str, Any]], path: str = "/batch/") -> Answer:
        """Send events as an SDK does; they are durable and visible when this returns."""
        answer = replace(self, key=None).post(
            path, {"api_key": self.project.api_token, "batch": list(events), "historical_migration": True}
        )
        assert answer.status == 200, answer.body
        return answer

    def identify(self, distinct_id: str, *, anonymous: str | None = None, **properties: Any) -> None:
        """Set person properties, and link an anonymous id."""
        link = {"$anon_distinct_id": anonymous} if anonymous else {}
        self.capture(
            [{"event": "$identify", "distinct_id": distinct_id, "properties": link, "$set": properties}]
        )

    # --- questions ------------------------------------------------------------------------------------

    def query(self, node: Mapping[str, Any], **options: Any) -> Answer:
        """POST /query/, always computed anew."""
        return self.post("query/", {"query": node, "refresh": "force_blocking", **options})

    def calculate(self, endpoint: str, **parameters: Any) -> Answer:
        """POST /insights/<endpoint>/, always computed anew."""
        return self.post(f"insights/{endpoint}/", {"refresh": "force_blocking", **parameters})

    def trend(self, *series: Any, **parameters: Any) -> Any:
        """`result` of the trend endpoint; a series is an event name or an entity."""
        return self.calculate("trend", events=[entity(s) for s in series], **parameters).result

    def settings(self, **fields: Any) -> None:
        """Change the project."""
        services.project_update(project=self.project, changes=fields)
        self.project.refresh_from_db()


def entity(series: Any) -> Any:
    return {"id": series} if isinstance(series, str) or series is None else series


def make_project(**fields: Any) -> Api:
    """A new organization, user, key and project."""
    user = services.user_create(email=f"{secrets.token_hex(8)}@example.org", first_name="Ada")
    organization = services.organization_create(name=f"Org {secrets.token_hex(4)}", owner=user)
    project = services.project_create(
        organization=organization, fields={"name": "Shop", **fields}, creator=user
    )
    reach = KeyReach(["*"], None, None)
    return Api(project, user, services.key_create(user=user, label="test", reach=reach)[1])
