"""Logging in, on the page and over the API, and what a wrong password costs (api M12)."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from insights_service.accounts import logins, services
from tests.api_client import Api

PASSWORD = "correct horse battery"


@pytest.fixture
def email(api: Api, settings: Any) -> str:
    # Hashes are slow on purpose, and here it is the counting that is looked at.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    api.user.set_password(PASSWORD)
    api.user.save()
    return str(api.user.email)


@pytest.fixture
def address() -> Any:
    """An address of its own, so that the tries of other tests do not count."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def test_in_and_out(api: Api, email: str) -> None:
    client = Client()
    home = f"/project/{api.project.pk}/"
    asked = client.get(f"{home}insights/?search=x")
    assert (asked.status_code, asked["Location"]) == (
        302,
        f"/login/?next=%2Fproject%2F{api.project.pk}%2Finsights%2F%3Fsearch%3Dx",
    )
    form = {"email": f" {email.upper()} ", "password": PASSWORD, "next": f"{home}insights/"}
    assert client.post("/login/", form)["Location"] == f"{home}insights/"
    assert client.get("/")["Location"] == home
    assert client.get("/login/")["Location"] == "/"
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get(home).status_code == 302


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil"]
)
def test_the_login_leads_nowhere_else(email: str, wanted: str) -> None:
    answer = Client().post("/login/", {"email": email, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == "/"


def test_a_form_needs_its_token(email: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/login/", {"email": email, "password": PASSWORD})
    assert (answer.status_code, b"out of date" in answer.content) == (403, True)
    token = client.get("/login/").cookies["csrftoken"].value
    form = {"email": email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    assert client.post("/login/", form).status_code == 302


def page_door(client: Client, email: str, password: str, address: str) -> int:
    return client.post("/login/", {"email": email, "password": password}, REMOTE_ADDR=address).status_code


def api_door(client: Client, email: str, password: str, address: str) -> int:
    body = {"email": email, "password": password}
    return client.post("/api/login", body, content_type="application/json", REMOTE_ADDR=address).status_code


@pytest.mark.parametrize(("door", "good"), [(page_door, 302), (api_door, 200)], ids=["page", "api"])
def test_wrong_passwords_are_counted(
    email: str, address: str, door: Any, good: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "TRIES_AT_ONCE", 2)
    client = Client()
    for _ in range(2):  # right ones are not
        assert door(client, email, PASSWORD, address) == good
        client.logout()
    assert [door(client, email, "wrong", address) for _ in range(3)] == [400, 400, 429]
    assert door(client, email, PASSWORD, address) == 429  # also the right one, for a while
    assert door(client, email, PASSWORD, f"{address}0") == good  # its owner, from elsewhere, is let in


def test_one_address_does_not_try_many_accounts(
    address: str, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.setattr(logins, "TRIES_OF_ADDRESS", 2)
    client = Client()
    tries = [page_door(client, f"nobody{number}@example.org", "x", address) for number in range(3)]
    assert tries == [400, 400, 429]


def test_many_addresses_do_not_try_one_account(
    email: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "TRIES_ON_ACCOUNT", 2)
    tries = [page_door(Client(), email.upper(), "x", f"{address}{number}") for number in range(3)]
    assert tries == [400, 400, 429]


def test_the_window_ends(email: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "TRIES_AT_ONCE", 1)
    client = Client()
    assert [page_door(client, email, "x", address) for _ in range(2)] == [400, 429]
    keys = [counter.key for counter in logins._counters(email, address)]
    assert all(0 < cache._cache.get_client().ttl(cache.make_key(key)) <= 300 for key in keys)  # type: ignore[attr-defined]
    cache.delete_many(keys)
    assert page_door(client, email, PASSWORD, address) == 302


def test_the_admin_site_has_no_door_of_its_own(api: Api, email: str) -> None:
    client = Client()
    admin = client.get("/admin/")["Location"]
    login = client.get(admin)
    assert login["Location"] == "/login/?next=%2Fadmin%2F"
    form = {"email": email, "password": PASSWORD, "next": "/admin/"}
    assert client.post(admin, form).status_code == 405
    assert client.post("/login/", form)["Location"] == "/admin/"
    assert client.get(client.get("/admin/")["Location"]).status_code == 403  # known, and not admitted
    services.user_update(user=api.user, changes={"is_staff": True})
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/login/?next=https://evil.example/")["Location"] == "/admin/"


def test_who_is_switched_off_stays_out(api: Api, email: str) -> None:
    services.user_update(user=api.user, changes={"is_active": False})
    assert Client().post("/login/", {"email": email, "password": PASSWORD}).status_code == 400
