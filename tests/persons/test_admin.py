"""The admin site shows persons and names, and lets nobody change them past the services."""

from __future__ import annotations

import pytest
from django.test import Client

from insights_service.persons.models import PropertyDefinition
from tests.api_client import Api
from tests.capture.test_identity import said

PAGES = ["ingestionwarning", "person", "grouptype", "group", "eventdefinition", "propertydefinition"]


@pytest.fixture
def admin(api: Api) -> Client:
    api.capture(
        [
            said("A", "u", plan="pro", **{"$set": {"age": 3}}),
            said("A", " "),
            said("$groupidentify", "u", **{"$group_type": "org", "$group_key": "x"}),
        ]
    )
    api.user.is_staff = api.user.is_superuser = True
    api.user.save()
    client = Client()
    client.force_login(api.user)
    return client


@pytest.mark.parametrize("page", PAGES)
def test_lists(admin: Client, page: str) -> None:
    assert admin.get(f"/admin/persons/{page}/").status_code == 200
    assert admin.get(f"/admin/persons/{page}/add/").status_code == 403


def test_a_type_can_be_declared(admin: Client, api: Api) -> None:
    """semantics C4"""
    row = PropertyDefinition.objects.get(project=api.project, name="plan")
    answer = admin.post(f"/admin/persons/propertydefinition/{row.pk}/change/", {"declared_type": "Numeric"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.declared_type, row.inferred_type, row.is_numerical) == ("Numeric", "String", True)
