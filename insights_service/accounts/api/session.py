"""Logging in and out with a browser session (api M12)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from insights_service.accounts.api.serializers import LoginSerializer, SuccessSerializer
from insights_service.accounts.authentication import refuse_forged
from insights_service.accounts.logins import log_in
from insights_service.accounts.permissions import ApiView


class LoginView(ApiView):
    """`POST /api/login`: sets the cookies `sessionid` and `csrftoken`."""

    public = True

    @extend_schema(operation_id="login", request=LoginSerializer, responses=SuccessSerializer)
    def post(self, request: Any) -> Response:
        """Start a session. 429 after too many wrong passwords within five minutes."""
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        log_in(request._request, body.validated_data["email"], body.validated_data["password"])
        return Response({"success": True})


class LogoutView(ApiView):
    """`POST /api/logout`."""

    public = True

    @extend_schema(operation_id="logout", request=None, responses=SuccessSerializer)
    def post(self, request: Any) -> Response:
        """End the session of the cookie, if there is one."""
        if request._request.user.is_authenticated:
            refuse_forged(request)
        logout(request._request)
        return Response({"success": True})
