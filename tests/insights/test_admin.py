"""The admin pages of saved things open, whatever is in the tables."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from insights.models import ActivityLog, Annotation
from insights_service.accounts.models import User
from tests.insights.conftest import NOW, Desk


@pytest.fixture
def full(desk: Desk) -> Desk:
    """One of everything."""
    board = desk.dashboard(name="d", tiles=[{"text": {"body": "t"}}])["id"]
    insight = desk.insight(name="x", dashboards=[board], query={"kind": "TrendsQuery", "series": []})
    desk.patch(f"/insights/{insight['id']}/sharing/", {"enabled": True})
    desk.post("/actions/", {"name": "a"})
    desk.post("/cohorts/", {"name": "c"})
    Annotation.objects.create(project=desk.project, content="c", created_at=NOW)
    return desk


def test_every_page_opens(full: Desk) -> None:
    operator = User.objects.create_superuser(email="root@example.org")
    client = Client()
    client.force_login(operator)
    for model in [model for model in admin.site._registry if model._meta.app_label == "insights"]:
        place = f"/admin/insights/{model._meta.model_name}/"
        assert client.get(place).status_code == 200, place
        one = model.objects.order_by("pk").first()
        assert client.get(f"{place}{one.pk}/change/").status_code == 200, place
        assert client.get(f"{place}add/").status_code == 403, place
    record = ActivityLog.objects.latest("created_at")
    assert client.post(f"/admin/insights/activitylog/{record.pk}/delete/").status_code == 403
