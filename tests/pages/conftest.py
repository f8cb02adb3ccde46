"""A project with a few visitors over three days, and what a guest sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.api_client import Answer, Api

DATES = {"date_from": "2024-01-13", "date_to": "2024-01-15"}
COMPUTED = "refresh=force_blocking"


def event(name: str, who: str, moment: str, **properties: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": who, "timestamp": f"2024-01-{moment}:00Z", "properties": properties}


VISITS = [
    event("seen", "u1", "13T08:00", country="DE", **{"$current_url": "/a"}),
    event("seen", "u2", "13T09:00", country="US"),
    event("seen", "u2", "14T09:00", country="US"),
    event("seen", "u3", "15T09:00", country="DE"),
    event("paid", "u1", "13T08:10", price=10),
    event("paid", "u2", "14T10:00", price=20),
    event("paid", "u1", "15T08:30", price=30),
]


@dataclass
class Office:
    """Somebody who shares, and the guests who open what is shared."""

    api: Api

    def insight(self, query: dict[str, Any], **fields: Any) -> dict[str, Any]:
        answer = self.api.post("insights/", {"name": "Numbers", "query": query, **fields})
        assert answer.status == 201, answer.body
        return answer.body

    def share(self, path: str, **settings: Any) -> str:
        """The token of a link that was switched on."""
        return self.api.patch(f"{path}/sharing/", {"enabled": True, **settings}).body["access_token"]

    def share_insight(self, query: dict[str, Any], **fields: Any) -> str:
        return self.share(f"insights/{self.insight(query, **fields)['id']}")

    def open(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """As a guest without a key."""
        options: dict[str, Any] = {"headers": headers}
        if isinstance(body, str):
            options["content_type"] = "application/x-www-form-urlencoded"
            body = body.encode()
        guest = Api(self.api.project, self.api.user, None, self.api.now)
        return guest.call(method, path, body, **options)


@pytest.fixture
def office(api: Api) -> Office:
    return Office(api)


@pytest.fixture
def shop(office: Office) -> Office:
    office.api.capture(VISITS)
    return office


def trends(*events: str, **more: Any) -> dict[str, Any]:
    series = [{"kind": "EventsNode", "event": name} for name in events]
    return {"kind": "TrendsQuery", "series": series, "dateRange": DATES, **more}
