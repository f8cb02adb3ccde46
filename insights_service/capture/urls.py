"""Routes of the intake, each with and without its final slash (api X1, X9)."""

from __future__ import annotations

from django.urls import re_path

from insights_service.capture.views import (
    FLAGS,
    REMOTE_CONFIG,
    CaptureV1View,
    CaptureView,
    ConfigScriptView,
    FixedView,
)

urlpatterns = [
    re_path(r"^(?:capture|e|track|batch)/?$", CaptureView.as_view(), name="capture"),
    re_path(r"^i/v0/e/?$", CaptureView.as_view(answer={"status": "Ok"})),
    re_path(r"^engage/?$", CaptureView.as_view(default_name="$set")),
    re_path(r"^i/v1/analytics/events/?$", CaptureV1View.as_view()),
    re_path(r"^(?:flags|decide)/?$", FixedView.as_view(answer=FLAGS)),
    re_path(r"^array/(?P<token>[^/]+)/config/?$", FixedView.as_view(answer=REMOTE_CONFIG)),
    re_path(r"^array/(?P<token>[^/]+)/config\.js$", ConfigScriptView.as_view()),
    re_path(r"^s/?$", FixedView.as_view(answer={"status": 1})),
]
