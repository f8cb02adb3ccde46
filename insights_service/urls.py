"""The whole URL space on one page.

Every path stands here once, with its final slash. The same path without the slash, with `.json` or
`.csv`, and below `/api/environments/` answers too: `spelling.CanonicalPathMiddleware` folds them before
routing (api M1-M3). Fixed words win over ids (api M6), see `routers.ApiRouter`.
"""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from insights.api import activity, calculations, dashboards, query, sharing
from insights.api.actions import ActionViewSet
from insights.api.cohorts import CohortViewSet
from insights.api.insights import InsightViewSet
from insights.api.public import EmbeddedView, SharedView
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
project_router.view("query/<str:query_id>", query.QueryStatusView, "query-status")
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
project_router.register("cohorts", CohortViewSet, basename="cohorts")

urlpatterns = [
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/schema/swagger-ui/", SwaggerView.as_view(), name="swagger-ui"),
    path("api/schema/redoc/", RedocView.as_view(), name="redoc"),
    path("api/projects/<str:project_id>/", include(project_router.urls)),
    path("api/", include(root_router.urls)),
    # Before credentials are looked at (api M.4); nothing below /api/ may come after this line.
    re_path(r"^api/", errors.endpoint_not_found),
    path("shared/<str:access_token>/", SharedView.as_view(), name="shared"),
    path("embedded/<str:access_token>/", EmbeddedView.as_view(), name="embedded"),
    path("", include("insights_service.capture.urls")),
    path("", include("insights_service.health")),
    path("admin/", admin.site.urls),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.endpoint_not_found
handler500 = errors.server_error
