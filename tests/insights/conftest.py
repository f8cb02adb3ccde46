"""Ada's project with a few calls over HTTP, for every test of saved things."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.accounts_world import World, error_of, key_of

NOW = "2024-03-15T09:30:00Z"


class Desk:
    """Somebody working in one project: paths are below it, time stands still at `now`."""

    def __init__(self, world: World, key: str | None = None, project: Any = None) -> None:
        self.world, self.key, self.now = world, key or world.key, NOW
        self.project = project or world.shop

    @property
    def base(self) -> str:
        return f"/api/projects/{self.project.pk}"

    def call(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        headers = {"X-Test-Now": self.now, **extra.pop("headers", {})}
        return self.world.call(method, self.base + path, body, key=self.key, headers=headers, **extra)

    def get(self, path: str, **extra: Any) -> Any:
        return self.call("GET", path, **extra)

    def post(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self.call("POST", path, {} if body is None else body, **extra)

    def patch(self, path: str, body: Any = None, **extra: Any) -> Any:
        return self.call("PATCH", path, {} if body is None else body, **extra)

    def insight(self, **fields: Any) -> dict[str, Any]:
        """A new insight, as the server shows it."""
        response = self.post("/insights/", fields)
        assert response.status_code == 201, response.content
        return response.json()

    def dashboard(self, **fields: Any) -> dict[str, Any]:
        """A new dashboard, as the server shows it."""
        response = self.post("/dashboards/", fields)
        assert response.status_code == 201, response.content
        return response.json()

    def change(self, insight: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The insight after a PATCH that must work."""
        response = self.patch(f"/insights/{insight['id']}/", fields)
        assert response.status_code == 200, response.content
        return response.json()

    def listed(self, query: str = "") -> list[str]:
        """The names that a list gives, in its order."""
        response = self.get(f"/insights/{query}")
        assert response.status_code == 200, response.content
        return [row["name"] for row in response.json()["results"]]

    def refused(self, response: Any) -> tuple[int, str, str | None]:
        """Status, code and attr of an error in the contract's form."""
        status, _, code, attr = error_of(response)
        return status, code, attr

    def colleague(self, email: str = "bob@example.org", level: int = 1) -> Desk:
        """Somebody else in the same project, with a key for everything."""
        desk = Desk(self.world, key_of(self.world.member(email, level)), self.project)
        desk.now = self.now
        return desk


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk(World.make())
