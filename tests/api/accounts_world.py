"""A small world for tests of the door: an organization, its people, two projects, and calls over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from insights_service.accounts import services
from insights_service.accounts.models import Level, Organization, PersonalAPIKey, Project, User
from insights_service.accounts.services import KeyReach
from insights_service.accounts.tokens import hash_key

PASSWORD = "correct horse battery"


@dataclass
class World:
    """Ada owns Acme with the projects Shop and Blog; `call` speaks with her key for everything."""

    organization: Organization
    owner: User
    shop: Project
    blog: Project
    key: str
    client: Client = field(default_factory=Client)

    @classmethod
    def make(cls) -> World:
        owner = services.user_create(email="ada@example.org", first_name="Ada")
        organization = services.organization_create(name="Acme", owner=owner)
        shop = services.project_create(organization=organization, fields={"name": "Shop"}, creator=owner)
        blog = services.project_create(organization=organization, fields={"name": "Blog"})
        return cls(organization, owner, shop, blog, key_of(owner))

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, **extra: Any) -> Any:
        """One request with Ada's key, or with `key`; a dict or list is sent as JSON, bytes as they are."""
        headers = {"Authorization": f"Bearer {key or self.key}", **extra.pop("headers", {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        extra.setdefault("content_type", "application/json")
        return self.client.generic(method, path, body or b"", headers=headers, **extra)

    def with_password(self) -> World:
        """Let Ada log in; hashing a password is slow on purpose, so only where it is needed."""
        self.owner.set_password(PASSWORD)
        self.owner.save()
        return self

    def keys(self) -> int:
        """How many keys Ada has."""
        return PersonalAPIKey.objects.filter(user=self.owner).count()

    def member(self, email: str = "bob@example.org", level: int = Level.MEMBER) -> User:
        """Another person in Acme."""
        user = services.user_create(email=email)
        services.member_add(organization=self.organization, user=user, level=level)
        return user


def key_of(user: User, *scopes: str, **limits: Any) -> str:
    """The text of a new key; without scopes it may do everything."""
    reach = KeyReach(list(scopes) or ["*"], limits.pop("projects", None), limits.pop("organizations", None))
    return services.key_create(user=user, label="test", reach=reach, **limits)[1]


def stored(text: str) -> PersonalAPIKey:
    """The row of a key."""
    return PersonalAPIKey.objects.get(value_hash=hash_key(text))


def error_of(response: Any) -> tuple[int, str, str, str | None]:
    """Status, type, code and attr of an answer that must have the contract's form (api N1)."""
    body = response.json()
    assert list(body) == ["type", "code", "detail", "attr"], body
    assert body["detail"]
    return response.status_code, body["type"], body["code"], body["attr"]
