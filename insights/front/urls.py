"""The paths of the pages."""

from __future__ import annotations

from django.urls import include, path

from insights.front.views import (
    asking,
    dashboards,
    events,
    insights,
    keys,
    people,
    runs,
    session,
    sharing,
)

app_name = "front"

of_project = [
    path("", dashboards.Home.as_view(), name="home"),
    path("insights/", insights.InsightList.as_view(), name="insights"),
    path("insights/new/", asking.New.as_view(), name="new"),
    path("insights/new/answer/", asking.NewAnswer.as_view(), name="new-answer"),
    path("insights/<str:insight_id>/", insights.InsightPage.as_view(), name="insight"),
    path("insights/<str:insight_id>/answer/", insights.InsightAnswer.as_view(), name="insight-answer"),
    path("insights/<str:insight_id>/change/", insights.InsightChange.as_view(), name="insight-change"),
    path("insights/<str:insight_id>/activity/", insights.InsightActivity.as_view(), name="insight-activity"),
    path("insights/<str:insight_id>/people/", people.People.as_view(), name="people"),
    path("insights/<str:insight_id>/sharing/", sharing.InsightSharing.as_view(), name="insight-sharing"),
    path("dashboards/", dashboards.DashboardList.as_view(), name="dashboards"),
    path("dashboards/<str:dashboard_id>/", dashboards.DashboardPage.as_view(), name="dashboard"),
    path(
        "dashboards/<str:dashboard_id>/change/", dashboards.DashboardChange.as_view(), name="dashboard-change"
    ),
    path("dashboards/<str:dashboard_id>/tiles/<int:tile_id>/", dashboards.Tile.as_view(), name="tile"),
    path(
        "dashboards/<str:dashboard_id>/sharing/", sharing.DashboardSharing.as_view(), name="dashboard-sharing"
    ),
    path("events/", events.Events.as_view(), name="events"),
    path("events/latest/", events.Latest.as_view(), name="latest-events"),
    path("queries/", runs.Runs.as_view(), name="queries"),
]

urlpatterns = [
    path("", session.Start.as_view(), name="start"),
    path("login/", session.Login.as_view(), name="login"),
    path("logout/", session.Logout.as_view(), name="logout"),
    path("projects/", session.Projects.as_view(), name="projects"),
    path("keys/", keys.Keys.as_view(), name="keys"),
    path("keys/<uuid:key_id>/", keys.Key.as_view(), name="key"),
    path("project/<str:project_id>/", include(of_project)),
]
