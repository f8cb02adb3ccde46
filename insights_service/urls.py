"""The whole URL space on one page.

Every path stands here once, with its final slash. The same path without the slash, with `.json` or
`.csv`, and below `/api/environments/` answers too: `spelling.CanonicalPathMiddleware` folds them before
routing (api M1-M3). Fixed words win over ids (api M6), see `routers.ApiRouter`.
"""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from insights.admin import running_queries
from insights.api import (
    activity,
    calculations,
    dashboards,
    definitions,
    events,
    groups,
    people,
    persons,
    query,
    query_stream,
    sharing,
)
from insights.api.actions import ActionViewSet
from insights.api.annotations import AnnotationViewSet
from insights.api.cohorts import CohortViewSet
from insights.api.insights import InsightViewSet
from insights.api.public import EmbeddedView, SharedView
from insights.front.door import not_found
from insights.front.views.session import AdminDoor
from insights_service import errors
from insights_service.accounts.api.organizations import OrganizationsViewSet
from insights_service.accounts.api.personal_api_keys import PersonalAPIKeysViewSet
from insights_service.accounts.api.projects import OrganizationProjectsViewSet, ProjectsViewSet
from insights_service.accounts.api.session import LoginView, LogoutView
from insights_service.accounts.api.users import MeView
from insights_service.routers import ApiRouter
from insights_service.schema_views import RedocView, SchemaView, SwaggerView

# Below /api/
root_router = ApiRouter()
root_router.view("login", LoginView)
root_router.view("logout", LogoutView)
root_router.view("users/@me", MeView)
root_router.register("projects", ProjectsViewSet, basename="projects")
root_router.register("organizations", OrganizationsViewSet, basename="organizations")
root_router.register(
    r"organizations/(?P<organization_id>[^/]+)/projects",
    OrganizationProjectsViewSet,
    basename="organization-projects",
)
root_router.register("personal_api_keys", PersonalAPIKeysViewSet, basename="personal-api-keys")

# Below /api/projects/<project_id>/
project_router = ApiRouter()
project_router.view("query", query.QueryView)
project_router.view("query/check_auth_for_async", query.CheckAuthView)
project_router.view("query/convert", query.ConvertView)
project_router.view("query/<str:query_id>", query.QueryStatusView, "query-status")
project_router.view("query/<str:query_id>/stream", query_stream.QueryStreamView, "query-stream")
project_router.view("insights/trend", calculations.TrendView)
project_router.view("insights/funnel", calculations.FunnelView)
project_router.view("insights/funnel/correlation", calculations.CorrelationView)
project_router.view("insights/path", calculations.PathView)
project_router.view("insights/retention", calculations.RetentionView)
project_router.view("insights/activity", activity.InsightsActivityView)
project_router.view("insights/<str:insight_id>/activity", activity.InsightActivityView, "insight-activity")
project_router.view("insights/<str:insight_id>/sharing", sharing.InsightSharingView, "insight-sharing")
project_router.view(
    "insights/<str:insight_id>/sharing/refresh", sharing.InsightSharingRefreshView, "insight-sharing-refresh"
)
project_router.view(
    "insights/<str:insight_id>/sharing/embed_token", sharing.InsightEmbedTokenView, "insight-embed-token"
)
project_router.register("insights", InsightViewSet, basename="insights")
project_router.view("dashboards/activity", activity.DashboardsActivityView)
project_router.view(
    "dashboards/<str:dashboard_id>/activity", activity.DashboardActivityView, "dashboard-activity"
)
project_router.view(
    "dashboards/<str:dashboard_id>/sharing", sharing.DashboardSharingView, "dashboard-sharing"
)
project_router.view(
    "dashboards/<str:dashboard_id>/sharing/refresh",
    sharing.DashboardSharingRefreshView,
    "dashboard-sharing-refresh",
)
project_router.view(
    "dashboards/<str:dashboard_id>/sharing/embed_token",
    sharing.DashboardEmbedTokenView,
    "dashboard-embed-token",
)
project_router.view(
    "dashboards/<str:dashboard_id>/collaborators", dashboards.CollaboratorsView, "collaborators"
)
project_router.view(
    "dashboards/<str:dashboard_id>/collaborators/<uuid:user_uuid>",
    dashboards.CollaboratorView,
    "collaborator",
)
project_router.register("dashboards", dashboards.DashboardViewSet, basename="dashboards")
project_router.register("actions", ActionViewSet, basename="actions")
project_router.register("annotations", AnnotationViewSet, basename="annotations")
project_router.view("cohorts/<str:cohort_id>/persons", persons.CohortPersonsView, "cohort-persons")
project_router.register("cohorts", CohortViewSet, basename="cohorts")
project_router.view("persons/values", persons.PersonValuesView)
project_router.register("persons", persons.PersonViewSet, basename="persons")
project_router.view("groups_types", groups.GroupTypesView)
project_router.view("groups_types/update_metadata", groups.GroupTypesMetadataView)
project_router.view("groups/find", groups.GroupFindView)
project_router.register("groups", groups.GroupViewSet, basename="groups")
project_router.view("events", events.EventsView)
project_router.view("events/values", definitions.EventValuesView)
project_router.view("events/<str:event_id>", events.EventView, "event")
project_router.register("event_definitions", definitions.EventDefinitionViewSet, basename="event-definitions")
project_router.register(
    "property_definitions", definitions.PropertyDefinitionViewSet, basename="property-definitions"
)

# People behind a number: below /api/projects/<project_id>/persons/, and as the peer's bare /api/person/
# for the caller's current project (api S6).
people_router = ApiRouter()
people_router.view("trends", people.TrendPeopleView, "people-trends")
people_router.view("stickiness", people.StickinessPeopleView, "people-stickiness")
people_router.view("lifecycle", people.LifecyclePeopleView, "people-lifecycle")
people_router.view("funnel", people.FunnelPeopleView, "people-funnel")
people_router.view("funnel/correlation", people.CorrelationPeopleView, "people-correlation")
people_router.view("path", people.PathPeopleView, "people-path")
people_router.view("retention", people.RetentionPeopleView, "people-retention")
project_router.view("actions/people", people.TrendPeopleView, "actions-people")

urlpatterns = [
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/schema/swagger-ui/", SwaggerView.as_view(), name="swagger-ui"),
    path("api/schema/redoc/", RedocView.as_view(), name="redoc"),
    path("api/projects/<str:project_id>/persons/", include(people_router.urls)),
    path("api/projects/<str:project_id>/", include(project_router.urls)),
    path("api/person/", include(people_router.urls), {"project_id": "@current"}),
    path("api/", include(root_router.urls)),
    # Before credentials are looked at (api M.4); nothing below /api/ may come after this line.
    re_path(r"^api/", errors.endpoint_not_found),
    path("shared/<str:access_token>/", SharedView.as_view(), name="shared"),
    path("embedded/<str:access_token>/", EmbeddedView.as_view(), name="embedded"),
    path("", include("insights_service.capture.urls")),
    path("", include("insights_service.health")),
    path("admin/login/", AdminDoor.as_view()),
    path("admin/running-queries/", admin.site.admin_view(running_queries), name="running_queries"),
    path("admin/", admin.site.urls),
    path("", include("insights.front.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = not_found
handler500 = errors.server_error
