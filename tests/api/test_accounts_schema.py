"""The description of the API (api W24)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from openapi_spec_validator import validate

from insights_service import errors
from insights_service.accounts.api.serializers import ProjectSerializer
from insights_service.accounts.permissions import ApiView
from insights_service.accounts.scopes import ALL_SCOPES, OBJECTS
from insights_service.openapi import SECURITY_SCHEMES


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = io.StringIO()
    call_command("spectacular", stdout=out)
    return yaml.safe_load(out.getvalue())


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_made_without_a_warning():
    call_command("spectacular", "--fail-on-warn", stdout=io.StringIO())


def test_the_document_is_valid(document):
    validate(document)


@pytest.mark.parametrize(
    "operation_id, method, path, scope",
    [
        ("projects_list", "get", "/api/projects/", "project:read"),
        ("projects_retrieve", "get", "/api/projects/{project_id}/", "project:read"),
        ("projects_create", "post", "/api/projects/", "project:write"),
        ("projects_partial_update", "patch", "/api/projects/{project_id}/", "project:write"),
        ("users_me_retrieve", "get", "/api/users/@me/", "user:read"),
        ("organizations_list", "get", "/api/organizations/", "organization:read"),
        ("personal_api_keys_list", "get", "/api/personal_api_keys/", "personal_api_key:read"),
        (
            "personal_api_keys_roll_create",
            "post",
            "/api/personal_api_keys/{id}/roll/",
            "personal_api_key:write",
        ),
    ],
)
def test_operations_have_plain_names_and_their_scope(document, operation_id, method, path, scope):
    operation = document["paths"][path][method]
    assert operation["operationId"] == operation_id
    assert f"`{scope}`" in operation["description"]
    assert operation["x-required-scopes"] == [scope]


def test_every_operation_says_who_may_call_it_and_how_it_fails(document):
    for path, method, operation in operations(document):
        place = f"{method} {path}"
        responses = operation["responses"]
        assert {"400", "401", "403", "404", "default"} <= responses.keys(), place
        error = responses["400"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/Error"}, place
        if not operation.get("security"):
            assert path in ("/api/login/", "/api/logout/"), place
            continue
        assert set(operation["x-required-scopes"]) <= set(ALL_SCOPES), place
        assert operation["x-required-scopes"], place


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_projects_are_named_by_text(document):
    """The reference page says so: `@current` is no number."""
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] == "project_id":
                assert parameter["schema"] == {"type": "string"}, f"{method} {path}"


def test_the_ways_to_identify_oneself(document):
    assert document["components"]["securitySchemes"] == SECURITY_SCHEMES


def test_every_api_view_declares_scopes_or_is_public():
    """A view without scopes is closed to keys; no route should be that by mistake."""
    for view in api_views():
        assert view.public or view.scopes or list(view.required_scopes), view
        assert {*view.scopes.values(), *view.required_scopes} <= set(ALL_SCOPES), view


def api_views() -> set[type[ApiView]]:
    from django.urls import get_resolver

    found: set[type[ApiView]] = set()
    waiting = list(get_resolver().url_patterns)
    while waiting:
        pattern = waiting.pop()
        waiting += getattr(pattern, "url_patterns", [])
        view = getattr(getattr(pattern, "callback", None), "cls", None)
        if view is not None and issubclass(view, ApiView):
            found.add(view)
    return found


@pytest.mark.parametrize(
    "path, accept, content_type",
    [
        ("/api/schema", "*/*", "application/vnd.oai.openapi"),
        ("/api/schema/?format=json", "*/*", "application/vnd.oai.openapi+json"),
        ("/api/schema/", "application/json", "application/json"),
        ("/api/schema.json", "*/*", "application/vnd.oai.openapi+json"),
    ],
)
def test_the_description_is_public(client, path, accept, content_type):
    response = client.get(path, headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"].startswith(content_type)
    assert b"projects_list" in response.content


@pytest.mark.parametrize("path", ["/api/schema/swagger-ui/", "/api/schema/redoc"])
def test_the_pages_work_offline(client, path):
    html = client.get(path).content.decode()
    assert re.findall(r'(?:src|href)="(https?:)?//', html) == []
    assert "/static/drf_spectacular_sidecar/" in html


def test_the_page_about_accounts_names_everything(document):
    page = (Path(__file__).parents[2] / "docs" / "api" / "accounts.md").read_text()
    objects = re.search(r"Objects: `([a-z_ ]+)`", page)
    assert objects and objects[1].split() == list(OBJECTS)
    for code in {row.code for row in errors.TABLE.values() if row.code}:
        assert re.search(rf"[` ]{code}[` ]", page), code
    for name in ProjectSerializer().get_fields():
        field = ProjectSerializer().fields[name]
        assert field.read_only or f"`{name}`" in page, name
