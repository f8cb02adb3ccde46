"""Projects, organizations, the caller and his keys over HTTP (api W6-W10)."""

from __future__ import annotations

import uuid

import pytest

from insights_service.accounts import services
from insights_service.accounts.models import Level, PersonalAPIKey, Project
from insights_service.accounts.services import MAX_KEYS_PER_USER
from insights_service.persons.models import GroupType
from tests.api.accounts_world import PASSWORD, World, error_of, key_of, stored

pytestmark = pytest.mark.django_db

BASIC = [
    "id",
    "uuid",
    "organization",
    "api_token",
    "name",
    "completed_snippet_onboarding",
    "has_completed_onboarding_for",
    "ingested_event",
    "is_demo",
    "timezone",
    "access_control",
]
FULL = [
    *BASIC,
    "created_at",
    "updated_at",
    "app_urls",
    "anonymize_ips",
    "test_account_filters",
    "test_account_filters_default_checked",
    "path_cleaning_filters",
    "data_attributes",
    "person_display_name_properties",
    "correlation_config",
    "week_start_day",
    "primary_dashboard",
    "has_group_types",
    "group_types",
    "effective_membership_level",
    "person_on_events_querying_enabled",
    "human_friendly_comparison_periods",
    "aggregate_users_by_distinct_id",
    "person_properties_mode",
]


@pytest.fixture
def world() -> World:
    return World.make()


# Projects


def test_the_list_of_projects(world):
    body = world.call("GET", "/api/projects/").json()
    assert list(body) == ["count", "next", "previous", "results"]
    assert [one["name"] for one in body["results"]] == ["Shop", "Blog"]
    assert list(body["results"][0]) == BASIC
    assert body["results"][0]["api_token"].startswith("phc_")


def test_a_project(world):
    GroupType.objects.create(project=world.shop, group_type="organization", group_type_index=0)
    body = world.call("GET", f"/api/projects/{world.shop.pk}/").json()
    assert list(body) == FULL
    assert body["effective_membership_level"] == Level.OWNER
    assert body["has_group_types"] is True
    assert body["group_types"][0]["group_type"] == "organization"
    assert list(body["group_types"][0]) == [
        "group_type",
        "group_type_index",
        "name_singular",
        "name_plural",
        "created_at",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/api/projects/{id}",
        "/api/projects/{id}/",
        "/api/projects/{id}.json",
        "/api/projects/{id}.json/",
        "/api/projects/@current/",
        "/api/environments/{id}/",
        "/api/environments/@current",
        "/api/organizations/@current/projects/{id}",
        "/api/organizations/{organization}/projects/{id}/",
    ],
)
def test_every_spelling_of_a_project(world, path):
    response = world.call("GET", path.format(id=world.shop.pk, organization=world.organization.pk))
    assert (response.status_code, response.json()["name"]) == (200, "Shop")


LEAF = {"key": "email", "type": "person", "operator": "not_icontains", "value": "@ours.io"}
RULE = {"regex": r"/user/\d+", "alias": "/user/:id", "order": 1}


@pytest.mark.parametrize(
    "field, value, answered",
    [
        ("name", "Store", "Store"),
        ("name", 5, "5"),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("week_start_day", 1, 1),
        ("week_start_day", "0", 0),
        ("week_start_day", None, None),
        ("test_account_filters", [LEAF], [LEAF]),
        ("test_account_filters", [], []),
        (
            "test_account_filters",
            '[{"key": "plan", "value": "x"}]',
            [{"key": "plan", "value": "x"}],
        ),
        ("test_account_filters_default_checked", True, True),
        ("path_cleaning_filters", [RULE], [RULE]),
        (
            "path_cleaning_filters",
            [{"regex": " a ", "alias": ""}],
            [{"regex": " a ", "alias": ""}],
        ),
        ("anonymize_ips", "true", True),
        ("app_urls", ["https://shop.example"], ["https://shop.example"]),
        ("access_control", 1, True),
        ("primary_dashboard", 7, 7),
        ("primary_dashboard", None, None),
        ("aggregate_users_by_distinct_id", True, True),
        ("person_properties_mode", "on_events", "on_events"),
        ("person_display_name_properties", ["email"], ["email"]),
        ("data_attributes", ["data-id"], ["data-id"]),
        ("correlation_config", {"excluded_events": ["x"]}, {"excluded_events": ["x"]}),
    ],
)
def test_settings_are_stored(world, field, value, answered):
    response = world.call("PATCH", "/api/projects/@current/", {field: value})
    assert (response.status_code, response.json()[field]) == (200, answered)
    assert world.call("GET", "/api/projects/@current/").json()[field] == answered


@pytest.mark.parametrize(
    "body, code, attr",
    [
        ({"name": ""}, "blank", "name"),
        ({"name": None}, "null", "name"),
        ({"name": []}, "invalid_input", "name"),
        ({"name": "x" * 201}, "max_length", "name"),
        ({"timezone": "Mars/Olympus"}, "invalid_choice", "timezone"),
        ({"timezone": "utc"}, "invalid_choice", "timezone"),
        ({"timezone": "../../etc/passwd"}, "invalid_choice", "timezone"),
        ({"timezone": None}, "null", "timezone"),
        ({"week_start_day": 2}, "invalid_choice", "week_start_day"),
        ({"week_start_day": []}, "invalid_choice", "week_start_day"),
        ({"test_account_filters": {}}, "not_a_list", "test_account_filters"),
        ({"test_account_filters": "x"}, "not_a_list", "test_account_filters"),
        ({"test_account_filters": [5]}, "invalid_input", "test_account_filters__0"),
        ({"test_account_filters": [None]}, "null", "test_account_filters__0"),
        (
            {"test_account_filters": [LEAF, {**LEAF, "operator": "like"}]},
            "invalid_choice",
            "test_account_filters__1__operator",
        ),
        ({"test_account_filters": [{"value": "x"}]}, "required", "test_account_filters__0__key"),
        ({"path_cleaning_filters": [{"alias": "x"}]}, "required", "path_cleaning_filters__0__regex"),
        (
            {"path_cleaning_filters": [{"regex": "(", "alias": "x"}]},
            "invalid_input",
            "path_cleaning_filters__0__regex",
        ),
        (
            {"path_cleaning_filters": [{"regex": "(?=x)", "alias": "x"}]},
            "invalid_input",
            "path_cleaning_filters__0__regex",
        ),
        ({"anonymize_ips": "maybe"}, "invalid_input", "anonymize_ips"),
        ({"anonymize_ips": None}, "null", "anonymize_ips"),
        ({"app_urls": ["x", {}]}, "invalid_input", "app_urls__1"),
        ({"primary_dashboard": 3_000_000_000}, "max_value", "primary_dashboard"),
        ({"primary_dashboard": "x"}, "invalid_input", "primary_dashboard"),
        ({"person_properties_mode": "maybe"}, "invalid_choice", "person_properties_mode"),
        ({"correlation_config": []}, "invalid_input", "correlation_config"),
    ],
)
def test_settings_that_are_refused(world, body, code, attr):
    before = Project.objects.filter(pk=world.shop.pk).values().get()
    response = world.call("PATCH", "/api/projects/@current/", body)
    assert error_of(response) == (400, "validation_error", code, attr)
    assert Project.objects.filter(pk=world.shop.pk).values().get() == before


def test_read_only_and_unknown_keys_are_ignored(world):
    body = {"id": 99, "api_token": "phc_mine", "organization": str(uuid.uuid4()), "is_demo": True, "x": 1}
    answer = world.call("PATCH", "/api/projects/@current/", body).json()
    shop = world.shop
    assert (answer["id"], answer["api_token"], answer["is_demo"]) == (shop.pk, shop.api_token, False)


def test_the_person_mode_is_shown_twice(world):
    answer = world.call("PATCH", "/api/projects/@current/", {"person_properties_mode": "on_events"}).json()
    assert answer["person_on_events_querying_enabled"] is True


@pytest.mark.parametrize(
    "path", ["/api/projects/", "/api/organizations/@current/projects/", "/api/environments"]
)
def test_a_project_is_made(world, path):
    response = world.call("POST", path, {"name": "Third", "timezone": "Asia/Kathmandu"})
    body = response.json()
    assert (response.status_code, list(body), body["name"]) == (201, FULL, "Third")
    assert body["organization"] == str(world.organization.pk)
    assert body["effective_membership_level"] == Level.OWNER


def test_a_project_made_from_nothing_has_defaults(world):
    body = world.call("POST", "/api/projects/").json()
    assert (body["name"], body["timezone"], body["week_start_day"]) == ("Default project", "UTC", None)


@pytest.mark.parametrize(
    "method, path, body",
    [
        ("POST", "/api/projects/", {}),
        ("PATCH", "/api/projects/{shop}/", {"name": "x"}),
        ("DELETE", "/api/projects/{shop}/", None),
        ("POST", "/api/projects/{shop}/reset_token/", None),
        ("POST", "/api/organizations/@current/projects/", {}),
    ],
)
def test_members_may_not_administer(world, method, path, body):
    key = key_of(world.member())
    response = world.call(method, path.format(shop=world.shop.pk), body, key=key)
    assert error_of(response) == (403, "authentication_error", "permission_denied", None)


def test_an_administrator_of_a_project_may_not_remove_it(world):
    bob = world.member()
    world.shop.explicit_memberships.create(user=bob, level=Level.ADMIN)
    path, key = f"/api/projects/{world.shop.pk}/", key_of(bob)
    assert world.call("PATCH", path, {"name": "x"}, key=key).status_code == 200
    assert world.call("DELETE", path, key=key).status_code == 403


def test_a_key_for_some_projects_makes_no_others(world):
    key = key_of(world.owner, projects=[world.shop.pk])
    assert error_of(world.call("POST", "/api/projects/", {}, key=key))[0] == 403


def test_a_project_is_removed(world):
    response = world.call("DELETE", f"/api/projects/{world.shop.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    assert world.call("GET", f"/api/projects/{world.shop.pk}/").status_code == 404
    assert world.call("GET", "/api/projects/@current/").json()["name"] == "Blog"


def test_the_token_is_replaced(world):
    body = world.call("POST", f"/api/projects/{world.shop.pk}/reset_token/").json()
    assert body["api_token"].startswith("phc_")
    assert body["api_token"] != world.shop.api_token


# Pages (api M17, M18)

AT = "http://testserver/api/projects/"


@pytest.mark.parametrize(
    "query, names, next_link, previous_link",
    [
        ("", ["Shop", "Blog", "C"], None, None),
        ("limit=2", ["Shop", "Blog"], f"{AT}?limit=2&offset=2", None),
        ("limit=1&offset=1", ["Blog"], f"{AT}?limit=1&offset=2", f"{AT}?limit=1"),
        ("limit=1&offset=2&a=b", ["C"], None, f"{AT}?a=b&limit=1&offset=1"),
        ("limit=0", ["Shop", "Blog", "C"], None, None),
        ("limit=-1&offset=-1", ["Shop", "Blog", "C"], None, None),
        ("limit=x&offset=x", ["Shop", "Blog", "C"], None, None),
        ("limit=1e9&offset=1.5", ["Shop", "Blog", "C"], None, None),
        ("limit=99999999999999999999", ["Shop", "Blog", "C"], None, None),
        ("offset=99999999999999999999", [], None, ...),
    ],
)
def test_pages(world, query, names, next_link, previous_link):
    services.project_create(organization=world.organization, fields={"name": "C"})
    response = world.call("GET", f"/api/projects?{query}")
    body = response.json()
    assert (body["count"], [one["name"] for one in body["results"]]) == (3, names)
    assert body["next"] == next_link
    assert previous_link is ... or body["previous"] == previous_link


def test_links_keep_the_alias_the_caller_chose(world):
    body = world.call("GET", "/api/environments?limit=1").json()
    assert body["next"] == "http://testserver/api/environments/?limit=1&offset=1"


# Organizations


def test_organizations(world):
    body = world.call("GET", "/api/organizations/").json()
    assert (body["count"], body["results"][0]["name"]) == (1, "Acme")
    one = world.call("GET", f"/api/organizations/{world.organization.pk}/").json()
    assert one == world.call("GET", "/api/organizations/@current").json() == body["results"][0]
    assert list(one) == ["id", "name", "slug", "created_at", "membership_level", "projects"]
    assert (one["slug"], one["membership_level"]) == (world.organization.slug, 15)
    assert [list(project) for project in one["projects"]] == [BASIC, BASIC]


@pytest.mark.parametrize("tail", ["", "projects/", "projects/{shop}/"])
@pytest.mark.parametrize(
    "name, status", [("x", 404), ("00000000-0000-0000-0000-000000000000", 404), ("{other}", 403)]
)
def test_organizations_of_others(world, name, status, tail):
    other = services.organization_create(name="Other")
    path = f"/api/organizations/{name}/{tail}".format(other=other.pk, shop=world.shop.pk)
    assert error_of(world.call("GET", path))[0] == status


def test_a_project_is_found_in_its_own_organization_only(world):
    other = services.organization_create(name="Other", owner=world.owner)
    response = world.call("GET", f"/api/organizations/{other.pk}/projects/{world.shop.pk}/")
    assert error_of(response) == (404, "invalid_request", "not_found", None)


def test_the_list_costs_the_same_for_any_number_of_organizations(world, django_assert_num_queries):
    for number in range(3):
        other = services.organization_create(name=f"Org {number}", owner=world.owner)
        services.project_create(organization=other, fields={})
    world.call("GET", "/api/organizations/")
    with django_assert_num_queries(4):  # key, count, organizations, projects
        world.call("GET", "/api/organizations/")


# The caller


def test_me(world):
    body = world.call("GET", "/api/users/@me/").json()
    assert list(body) == [
        "id",
        "uuid",
        "distinct_id",
        "first_name",
        "last_name",
        "email",
        "is_email_verified",
        "date_joined",
        "is_staff",
        "has_password",
        "hedgehog_config",
        "team",
        "organization",
        "organizations",
    ]
    assert (body["email"], body["first_name"], body["has_password"]) == ("ada@example.org", "Ada", False)
    assert (body["team"]["id"], list(body["team"])) == (world.shop.pk, BASIC)
    assert body["organization"] == body["organizations"][0]
    assert list(body["organization"]) == ["id", "name", "slug", "membership_level"]


def test_somebody_without_a_place(world):
    eve = services.user_create(email="eve@example.org")
    body = world.call("GET", "/api/users/@me/", key=key_of(eve)).json()
    assert (body["team"], body["organization"], body["organizations"]) == (None, None, [])


def test_the_current_project_changes_with_its_organization(world):
    other = services.organization_create(name="Other", owner=world.owner)
    project = services.project_create(organization=other, fields={"name": "There"})
    body = world.call("PATCH", "/api/users/@me/", {"set_current_team": project.pk}).json()
    assert (body["team"]["name"], body["organization"]["name"]) == ("There", "Other")
    body = world.call(
        "PATCH", "/api/users/@me/", {"set_current_organization": str(world.organization.pk)}
    ).json()
    assert body["organization"]["name"] == "Acme"


@pytest.mark.parametrize(
    "body, code, attr",
    [
        ({"first_name": None}, "null", "first_name"),
        ({"first_name": "x" * 151}, "max_length", "first_name"),
        ({"set_current_team": 999}, "does_not_exist", "set_current_team"),
        ({"set_current_team": "x"}, "invalid_input", "set_current_team"),
        ({"set_current_team": 10**12}, "max_value", "set_current_team"),
        ({"set_current_organization": "x"}, "invalid_input", "set_current_organization"),
        ({"set_current_organization": str(uuid.UUID(int=0))}, "does_not_exist", "set_current_organization"),
        ({"password": "short"}, "invalid_input", "password"),
        ({"password": "password1"}, "invalid_input", "password"),
        ({"hedgehog_config": "x"}, "invalid_input", "hedgehog_config"),
    ],
)
def test_what_the_caller_may_not_become(world, body, code, attr):
    assert error_of(world.call("PATCH", "/api/users/@me/", {"last_name": "L", **body})) == (
        400,
        "validation_error",
        code,
        attr,
    )
    world.owner.refresh_from_db()
    assert world.owner.last_name == ""


def test_the_password_needs_the_old_one(world):
    world.with_password()
    new = {"password": "another long secret"}
    refused = world.call("PATCH", "/api/users/@me/", {**new, "current_password": "wrong", "first_name": "X"})
    assert error_of(refused) == (400, "validation_error", "invalid_input", "current_password")
    world.client.force_login(world.owner)
    accepted = world.client.patch(
        "/api/users/@me/", {**new, "current_password": PASSWORD}, content_type="application/json"
    )
    assert accepted.status_code == 200
    assert world.client.get("/api/users/@me/").status_code == 200  # the session that did it goes on
    world.owner.refresh_from_db()
    assert world.owner.check_password("another long secret")
    assert world.owner.first_name == "Ada"


# Keys

KEY = [
    "id",
    "label",
    "value",
    "mask_value",
    "created_at",
    "last_used_at",
    "user_id",
    "scopes",
    "scoped_teams",
    "scoped_organizations",
]


def make(world: World, key: str | None = None, **fields) -> object:
    return world.call("POST", "/api/personal_api_keys/", {"label": "new", "scopes": ["*"], **fields}, key=key)


def test_a_key_is_shown_once(world):
    made = make(world, scopes=["insight:read", "insight:read"], scoped_teams=[world.shop.pk])
    body = made.json()
    assert (made.status_code, list(body)) == (201, KEY)
    assert body["value"].startswith("phx_")
    assert body["mask_value"] == f"phx_...{body['value'][-4:]}"
    assert (body["scopes"], body["scoped_teams"], body["scoped_organizations"]) == (
        ["insight:read"],
        [world.shop.pk],
        [],
    )
    again = world.call("GET", f"/api/personal_api_keys/{body['id']}").json()
    assert again == {**body, "value": None}
    listed = world.call("GET", "/api/personal_api_keys").json()
    assert [one["value"] for one in listed] == [None, None]


def test_a_form_can_make_a_key(world):
    body = b'label=form&scopes=["insight:read"]&scoped_teams=[%d]' % world.shop.pk
    made = world.call(
        "POST", "/api/personal_api_keys/", body, content_type="application/x-www-form-urlencoded"
    )
    assert (made.status_code, made.json()["scopes"]) == (201, ["insight:read"])


@pytest.mark.parametrize(
    "fields, code, attr",
    [
        ({"label": None}, "null", "label"),
        ({"label": ""}, "blank", "label"),
        ({"label": "x" * 41}, "max_length", "label"),
        ({"scopes": None}, "null", "scopes"),
        ({"scopes": "insight:read"}, "not_a_list", "scopes"),
        ({"scopes": [1]}, "invalid_input", "scopes"),
        ({"scopes": [[]]}, "invalid_input", "scopes__0"),
        ({"scopes": ["insight"]}, "invalid_input", "scopes"),
        ({"scopes": ["insight:delete"]}, "invalid_input", "scopes"),
        ({"scopes": ["insights:read"]}, "invalid_input", "scopes"),
        ({"scoped_teams": ["x"]}, "invalid_input", "scoped_teams__0"),
        ({"scoped_teams": [999]}, "does_not_exist", "scoped_teams"),
        ({"scoped_teams": 1}, "not_a_list", "scoped_teams"),
        ({"scoped_organizations": ["x"]}, "invalid_input", "scoped_organizations__0"),
        ({"scoped_organizations": [str(uuid.UUID(int=0))]}, "does_not_exist", "scoped_organizations"),
    ],
)
def test_keys_that_are_refused(world, fields, code, attr):
    response = make(world, **fields)
    assert error_of(response) == (400, "validation_error", code, attr)
    assert world.keys() == 1


def test_an_empty_scope_list_is_refused(world):
    assert error_of(make(world, scopes=[]))[0::3] == (400, "scopes")


@pytest.mark.parametrize("missing", ["label", "scopes"])
def test_label_and_scopes_are_required(world, missing):
    body = {"label": "x", "scopes": ["*"]}
    del body[missing]
    response = world.call("POST", "/api/personal_api_keys/", body)
    assert error_of(response) == (400, "validation_error", "required", missing)


def test_the_refusal_of_a_scope_names_it(world):
    assert make(world, scopes=["insights:read"]).json()["detail"] == "Invalid scope: insights:read"


def test_at_most_ten_keys(world):
    for _ in range(MAX_KEYS_PER_USER - 1):
        assert make(world).status_code == 201
    assert error_of(make(world)) == (400, "validation_error", "invalid_input", None)


def test_a_key_changes_and_rolls_and_ends(world):
    made = make(world).json()
    path = f"/api/personal_api_keys/{made['id']}/"
    changed = world.call("PATCH", path, {"scopes": ["insight:read", "user:read"]}).json()
    assert (changed["label"], changed["scopes"], changed["value"]) == (
        "new",
        ["insight:read", "user:read"],
        None,
    )
    rolled = world.call("POST", f"{path}roll/").json()
    assert rolled["value"] not in (None, made["value"])
    assert world.call("GET", "/api/users/@me/", key=made["value"]).status_code == 401
    assert world.call("GET", "/api/users/@me/", key=rolled["value"]).status_code == 200
    assert world.call("DELETE", path).status_code == 204
    assert world.call("GET", "/api/users/@me/", key=rolled["value"]).status_code == 401
    assert world.call("GET", path).status_code == 404


@pytest.mark.parametrize("name", ["x", "{other}", "%00", "1"])
def test_keys_of_others_are_not_there(world, name):
    bob_key = stored(key_of(world.member()))
    path = f"/api/personal_api_keys/{name.format(other=bob_key.pk)}/"
    assert error_of(world.call("GET", path)) == (404, "invalid_request", "not_found", None)


def test_the_key_of_the_request(world):
    body = world.call("GET", "/api/personal_api_keys/@current").json()
    assert body["mask_value"] == f"phx_...{world.key[-4:]}"
    world.client.force_login(world.owner)
    assert world.client.get("/api/personal_api_keys/@current").status_code == 404


def test_an_old_key_without_scopes_may_do_everything(world):
    PersonalAPIKey.objects.filter(user=world.owner).update(scopes=None)
    body = world.call("GET", "/api/personal_api_keys/@current").json()
    assert (body["scopes"], body["scoped_teams"]) == (["*"], [])


WEAK = ["personal_api_key:write", "insight:read"]


@pytest.mark.parametrize(
    "fields, status",
    [
        pytest.param({"scopes": ["insight:read"], "scoped_teams": ["{shop}"]}, 201, id="no more than itself"),
        pytest.param({"scopes": ["insight:write"], "scoped_teams": ["{shop}"]}, 403, id="a scope it lacks"),
        pytest.param({"scopes": ["*"], "scoped_teams": ["{shop}"]}, 403, id="everything"),
        pytest.param({"scopes": ["insight:read"]}, 403, id="all projects"),
        pytest.param(
            {"scopes": ["insight:read"], "scoped_teams": ["{shop}", "{blog}"]}, 403, id="another project"
        ),
    ],
)
def test_a_key_makes_no_stronger_key(world, fields, status):
    weak = key_of(world.owner, *WEAK, projects=[world.shop.pk])
    names = {"{shop}": world.shop.pk, "{blog}": world.blog.pk}
    places = {"scoped_teams": [names[name] for name in fields.get("scoped_teams", [])]}
    assert make(world, key=weak, **{**fields, **places}).status_code == status


@pytest.mark.parametrize("method, tail", [("PATCH", ""), ("DELETE", ""), ("POST", "roll/")])
def test_a_key_takes_over_no_stronger_key(world, method, tail):
    path = f"/api/personal_api_keys/{stored(world.key).pk}/{tail}"
    assert error_of(world.call(method, path, {}, key=key_of(world.owner, *WEAK)))[0] == 403


def test_a_key_makes_no_key_that_outlives_it(world):
    from datetime import timedelta

    from insights_service import clock

    until = clock.now() + timedelta(days=1)
    made = make(world, key=key_of(world.owner, "*", expires_at=until)).json()
    assert stored(made["value"]).expires_at == until
