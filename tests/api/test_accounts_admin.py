"""The admin site and the commands of accounts: secrets are shown once, rules hold there too."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command

from insights_service.accounts.models import Level, Organization, PersonalAPIKey, Project, User
from tests.api.accounts_world import World, stored

pytestmark = pytest.mark.django_db

MODELS = ["organization", "project", "user", "personalapikey"]


@pytest.fixture
def world() -> World:
    return World.make()


@pytest.fixture
def desk(world, client) -> Any:
    world.owner.is_staff = world.owner.is_superuser = True
    world.owner.save()
    client.force_login(world.owner)
    return client


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("page", ["", "?q=a", "add/", "{pk}/change/"])
def test_every_page_opens(world, desk, model, page):
    things = {
        "organization": world.organization,
        "project": world.shop,
        "user": world.owner,
        "personalapikey": stored(world.key),
    }
    path = f"/admin/accounts/{model}/{page}".format(pk=things[model].pk)
    response = desk.get(path)
    assert response.status_code == 200
    assert world.key not in response.content.decode()
    assert stored(world.key).value_hash not in response.content.decode()


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_key_made_in_the_admin_is_shown_once(world, desk):
    form = {"user": world.owner.pk, "label": "by hand", "scopes": '["insight:read"]'}
    response = desk.post(
        "/admin/accounts/personalapikey/add/",
        {**form, "scoped_teams": "null", "scoped_organizations": "null"},
    )
    assert response.status_code == 302
    value = next(text for text in messages_of(response) if "phx_" in text).split()[3]
    assert (
        world.call("GET", "/api/personal_api_keys/", key=value).status_code == 403
    )  # it works, in its scope
    assert stored(value).label == "by hand"


def test_a_rule_that_is_broken_in_the_admin_is_a_message(world, desk):
    form = {"user": world.owner.pk, "label": "x", "scopes": '["*"]', "scoped_teams": "[999]"}
    response = desk.post("/admin/accounts/personalapikey/add/", {**form, "scoped_organizations": "null"})
    assert response.status_code == 200
    assert messages_of(response) == ['Invalid pk "999" - object does not exist.']
    assert world.keys() == 1


def test_actions_replace_secrets(world, desk):
    chosen = {"_selected_action": [world.shop.pk], "action": "rotate_tokens"}
    desk.post("/admin/accounts/project/", chosen)
    assert Project.objects.get(pk=world.shop.pk).api_token != world.shop.api_token
    chosen = {"_selected_action": [stored(world.key).pk], "action": "roll"}
    response = desk.post("/admin/accounts/personalapikey/", chosen)
    assert world.call("GET", "/api/projects/").status_code == 401
    value = next(text for text in messages_of(response) if "phx_" in text).split()[-1]
    assert world.call("GET", "/api/projects/", key=value).status_code == 200


def test_a_user_is_made_by_e_mail(desk):
    form = {"email": "New@example.org", "usable_password": "true"}
    response = desk.post(
        "/admin/accounts/user/add/", {**form, "password1": "dk3-lla-wuq", "password2": "dk3-lla-wuq"}
    )
    assert response.status_code == 302
    assert User.objects.get(email__iexact="new@example.org").check_password("dk3-lla-wuq")


def run(command: str, *args: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, *args, "--json", stdout=out, **options)
    return json.loads(out.getvalue())


def test_the_commands_make_a_working_account(client):
    organization = run("create_organization", "Kowalski & Söhne")
    assert organization["slug"] == "kowalski-sohne"
    user = run("create_user", "Ada@Example.org", "--organization", "kowalski-sohne", "--level", "owner")
    project = run(
        "create_project",
        "Shop",
        "--organization",
        organization["organization_id"],
        "--timezone",
        "Europe/Berlin",
        "--week-start",
        "monday",
    )
    key = run(
        "create_key", "ada@example.org", "--scope", "project:read", "--project", str(project["project_id"])
    )
    seen = client.get(
        "/api/projects/@current", headers={"Authorization": f"Bearer {key['personal_api_key']}"}
    )
    body = seen.json()
    assert (body["api_token"], body["timezone"], body["week_start_day"]) == (
        project["project_token"],
        "Europe/Berlin",
        1,
    )
    assert body["effective_membership_level"] == Level.OWNER
    login = client.post(
        "/api/login",
        {"email": "ada@example.org", "password": user["password"]},
        content_type="application/json",
    )
    assert login.status_code == 200


def test_plain_output_has_a_line_per_fact(world):
    out = io.StringIO()
    call_command("create_key", "ada@example.org", "--days", "1", stdout=out)
    lines = dict(line.split(": ", 1) for line in out.getvalue().splitlines())
    assert list(lines) == ["personal_api_key", "label", "scopes", "expires_at"]
    assert (lines["label"], lines["scopes"]) == ("command line", "*")


def test_a_password_from_standard_input_is_not_printed(monkeypatch, world):
    monkeypatch.setattr("sys.stdin", io.StringIO("wuq-dk3-lla\n"))
    assert list(run("create_user", "bob@example.org", "--password-stdin")) == ["user_id", "email"]
    assert User.objects.get(email="bob@example.org").check_password("wuq-dk3-lla")


def test_two_organizations_of_one_name_have_two_slugs():
    assert run("create_organization", "Twin")["slug"] != run("create_organization", "Twin")["slug"]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["create_organization", ""], "1 to 64 characters"),
        (["create_organization", "x", "--owner", "nobody@example.org"], "There is no user"),
        (["create_project", "x", "--organization", "nope"], "There is no organization"),
        (["create_project", "x", "--organization", "{slug}", "--timezone", "Mars"], "no IANA time zone"),
        (["create_user", "x"], "no e-mail address"),
        (["create_user", "ADA@example.org"], "already a user"),
        (["create_user", "bob@example.org", "--organization", "nope"], "no organization"),
        (["create_key", "nobody@example.org"], "There is no user"),
        (["create_key", "ada@example.org", "--scope", "insight"], "Invalid scope: insight."),
        (["create_key", "ada@example.org", "--project", "999"], 'Invalid pk "999"'),
        (["create_key", "ada@example.org", "--days", "0"], "1 to 36500"),
        (["create_key", "ada@example.org", "--label", "x" * 41], "1 to 40 characters"),
    ],
)
def test_commands_complain_in_a_sentence(world, arguments, complaint):
    before = (User.objects.count(), Organization.objects.count(), PersonalAPIKey.objects.count())
    with pytest.raises(CommandError, match=complaint):
        call_command(*(part.format(slug=world.organization.slug) for part in arguments))
    assert before == (User.objects.count(), Organization.objects.count(), PersonalAPIKey.objects.count())
