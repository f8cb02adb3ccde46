"""Saved sets of persons over HTTP; who is in them is tested with the calculation (api W15)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from insights.models import Cohort
from tests.insights.conftest import Desk

KEYS = """
    id name description groups deleted filters query is_calculating created_by created_at last_calculation
    errors_calculating count is_static
"""
DID = {
    "type": "behavioral",
    "key": "buy",
    "event_type": "events",
    "value": "performed_event",
    "time_value": 30,
    "time_interval": "day",
}
PRO = {"type": "person", "key": "plan", "value": "pro", "operator": "exact"}


def tree(*values: Any, word: str = "AND") -> dict[str, Any]:
    return {"properties": {"type": word, "values": list(values)}}


def member_of(cohort: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": cohort}


def make(desk: Desk, **fields: Any) -> dict[str, Any]:
    response = desk.post("/cohorts/", fields)
    assert response.status_code == 201, response.content
    return response.json()


def test_a_new_cohort(desk: Desk) -> None:
    cohort = make(desk, name="buyers", filters=tree(DID, PRO))
    assert list(cohort) == KEYS.split()
    assert cohort["filters"] == tree(DID, PRO)
    assert (cohort["is_calculating"], cohort["count"], cohort["last_calculation"]) == (True, None, None)
    assert desk.get("/cohorts/").json()["results"][0]["id"] == cohort["id"]
    assert desk.get(f"/cohorts/{cohort['id']}/").json()["name"] == "buyers"


PLACE = "filters__properties__values__0__"


@pytest.mark.parametrize(
    ("leaf", "code", "attr"),
    [
        # api W15: what is missing is named
        ({**DID, "time_value": None}, "required", f"{PLACE}time_value"),
        ({**DID, "key": ""}, "required", f"{PLACE}key"),
        ({**DID, "value": "performed_event_multiple"}, "required", f"{PLACE}operator_value"),
        ({**DID, "value": "performed_event_sequence"}, "required", f"{PLACE}seq_event"),
        ({**DID, "value": "dreamt"}, "invalid_choice", f"{PLACE}value"),
        ({**DID, "time_interval": "fortnight"}, "invalid_choice", f"{PLACE}time_interval"),
        ({**DID, "event_type": "actions", "key": "x"}, "invalid_input", f"{PLACE}key"),
        ({"type": "event", "key": "a", "value": "b"}, "invalid_choice", f"{PLACE}type"),
        ({"type": "person", "key": "plan"}, "required", f"{PLACE}value"),
        ("x", "invalid_input", PLACE.removesuffix("__")),
        # semantics B26, B27
        (member_of(99), "does_not_exist", "filters__properties"),
        ({**PRO, "negation": True}, "invalid_input", "filters__properties"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_definitions(desk: Desk, method: str, leaf: Any, code: str, attr: str) -> None:
    path = "/cohorts/" if method == "POST" else f"/cohorts/{make(desk, name='kept')['id']}/"
    assert desk.refused(desk.call(method, path, {"filters": tree(leaf)})) == (400, code, attr)


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"name": "x" * 401}, "max_length", "name"),
        ({"filters": "x"}, "invalid_input", "filters"),
        ({"filters": {"properties": 3}}, "invalid_input", "filters__properties"),
        ({"groups": {}}, "not_a_list", "groups"),
        ({"groups": ["x"]}, "invalid_input", "groups__0"),
        ({"groups": [{}]}, "invalid_input", "groups__0"),
        ({"groups": [{"properties": 3}]}, "invalid_input", "groups__0__properties"),
        ({"is_static": "maybe"}, "invalid_input", "is_static"),
        ({"_create_static_person_ids": "x"}, "not_a_list", "_create_static_person_ids"),
        ({"csv": "x"}, "invalid_input", "csv"),
    ],
)
def test_bad_values(desk: Desk, body: Any, code: str, attr: str) -> None:
    assert desk.refused(desk.post("/cohorts/", body)) == (400, code, attr)


OLD_LEAF = {"type": "person", "key": "plan", "value": "pro"}


@pytest.mark.parametrize(
    ("group", "leaves"),
    [
        (
            {"properties": [{"key": "plan", "value": "pro"}]},
            [{"type": "person", "key": "plan", "value": "pro"}],
        ),
        ({"properties": {"plan": "pro"}}, [{"type": "person", "key": "plan", "value": "pro"}]),
        ({"event_id": "buy", "days": 30}, [DID]),
        (
            {"action_id": 3, "days": 7, "count": 2, "count_operator": "lte"},
            [
                {**DID, "key": 3, "event_type": "actions", "time_value": 7}
                | {"value": "performed_event_multiple", "operator": "lte", "operator_value": 2}
            ],
        ),
    ],
)
def test_the_oldest_form_is_read(desk: Desk, group: Any, leaves: Any) -> None:
    cohort = make(desk, groups=[group])
    assert cohort["groups"] == [group]
    assert cohort["filters"]["properties"] == {"type": "OR", "values": [{"type": "AND", "values": leaves}]}


def test_circles_are_refused(desk: Desk) -> None:
    """semantics B26"""
    first = make(desk, filters=tree(PRO))["id"]
    second = make(desk, filters=tree(member_of(first)))["id"]
    third = make(desk, filters=tree(PRO, member_of(str(second))))["id"]
    for target in (first, third):
        response = desk.patch(f"/cohorts/{first}/", {"filters": tree(member_of(target))})
        assert desk.refused(response) == (400, "invalid_input", "filters__properties")
    assert desk.patch(f"/cohorts/{third}/", {"filters": tree(member_of(first))}).status_code == 200


def test_cohorts_of_other_projects_are_unknown(desk: Desk) -> None:
    blog = Desk(desk.world, project=desk.world.blog)
    foreign = make(blog, filters=tree(PRO))["id"]
    assert desk.refused(desk.post("/cohorts/", {"filters": tree(member_of(foreign))}))[1] == "does_not_exist"
    assert desk.get(f"/cohorts/{foreign}/").status_code == 404


def test_only_a_new_definition_is_calculated_anew(desk: Desk) -> None:
    cohort = make(desk, name="x", filters=tree(PRO))
    Cohort.objects.update(is_calculating=False)
    path = f"/cohorts/{cohort['id']}/"
    assert desk.patch(path, {"name": "y"}).json()["is_calculating"] is False
    assert desk.patch(path, {"filters": tree(DID)}).json()["is_calculating"] is True


def test_soft_delete(desk: Desk) -> None:
    path = f"/cohorts/{make(desk, name='x')['id']}/"
    assert desk.patch(path, {"deleted": True}).json()["deleted"] is True
    assert desk.get(path).status_code == 404
    assert desk.get("/cohorts/").json()["count"] == 0
    assert desk.patch(path, {"deleted": False}).json()["deleted"] is False
    response = desk.call("DELETE", path)
    assert (response.status_code, response.content) == (405, b"")


def test_a_static_cohort_from_a_list(desk: Desk) -> None:
    cohort = make(desk, is_static=True, _create_static_person_ids=["u1", " u2", "", "u1", 3])
    assert cohort["is_static"] is True
    assert Cohort.objects.get(project=desk.project).static_source == ["u1", "u2", "3"]


@pytest.mark.parametrize(
    "text", ["distinct_id,name\r\nu1,Ann\r\n\r\nu2,Bo\r\n", "u1\nu2\n", '\ufeffEmail\n"u1"\nu2']
)
def test_a_static_cohort_from_a_file(desk: Desk, text: str) -> None:
    upload = SimpleUploadedFile("people.csv", text.encode(), content_type="text/csv")
    headers = {"Authorization": f"Bearer {desk.key}"}
    fields = {"name": "x", "is_static": "true", "csv": upload}
    response = desk.world.client.post(f"{desk.base}/cohorts/", fields, headers=headers)
    assert response.status_code == 201, response.content
    assert Cohort.objects.get(project=desk.project).static_source == ["u1", "u2"]


def test_a_file_that_is_no_text(desk: Desk) -> None:
    upload = SimpleUploadedFile("people.csv", b"\xff\xfe\x00", content_type="text/csv")
    headers = {"Authorization": f"Bearer {desk.key}"}
    response = desk.world.client.post(f"{desk.base}/cohorts/", {"csv": upload}, headers=headers)
    assert desk.refused(response) == (400, "invalid_input", "csv")
