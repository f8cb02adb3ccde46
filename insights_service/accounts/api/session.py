"""Logging in and out with a browser session (api M12)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login, logout
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from insights_service.accounts.api.serializers import LoginSerializer, SuccessSerializer
from insights_service.accounts.authentication import refuse_forged
from insights_service.accounts.permissions import ApiView
from insights_service.errors import InvalidInput


class LoginView(ApiView):
    """`POST /api/login`: sets the cookies `sessionid` and `csrftoken`."""

    public = True

    @extend_schema(operation_id="login", request=LoginSerializer, responses=SuccessSerializer)
    def post(self, request: Any) -> Response:
        """Start a session."""
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        user = authenticate(
            request._request, username=body.validated_data["email"].strip(), **_password(body)
        )
        if user is None:
            raise InvalidInput("Invalid email or password.", code="invalid_credentials")
        login(request._request, user)
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


def _password(body: LoginSerializer) -> dict[str, str]:
    return {"password": body.validated_data["password"]}
