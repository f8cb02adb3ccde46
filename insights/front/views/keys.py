"""Personal API keys: made here, shown once, revoked here (api W10)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from insights.front.door import Page
from insights_service.accounts import access, services
from insights_service.accounts.api.serializers import PersonalAPIKeySerializer
from insights_service.accounts.models import PersonalAPIKey
from insights_service.accounts.scopes import EVERYTHING, OBJECTS
from insights_service.accounts.services import MAX_KEYS_PER_USER, KeyReach
from insights_service.errors import NotFound


class Keys(Page):
    """The user's keys, and the form for another one."""

    section = "keys"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The list."""
        return self._shown()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """A new key. Its text is in this answer and nowhere else, so nothing is redirected."""
        body = PersonalAPIKeySerializer(data=self._wanted())
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        reach = KeyReach(wanted["scopes"], wanted.get("scoped_teams"))
        key, value = services.key_create(user=self.user, label=wanted["label"], reach=reach)
        return self._shown(new=key, value=value)

    def back(self) -> str:
        """Refusals are shown above the form."""
        return reverse("front:keys")

    def _shown(self, **more: Any) -> HttpResponseBase:
        return self.show(
            "keys",
            project=access.current_project(self.user, None),  # the menu leads back to it
            keys=PersonalAPIKey.objects.filter(user=self.user),
            objects=OBJECTS,
            most=MAX_KEYS_PER_USER,
            projects=access.visible_projects(self.user, None),
            site=self.request.build_absolute_uri("/").rstrip("/"),
            **more,
        )

    def _wanted(self) -> dict[str, Any]:
        """The form in the words of the API."""
        form = self.request.POST
        chosen = [form.get(name, "") for name in OBJECTS]
        return {
            "label": form.get("label", ""),
            "scopes": [EVERYTHING] if form.get("everything") else [scope for scope in chosen if scope],
            "scoped_teams": form.getlist("projects"),
        }


class Key(Page):
    """One key."""

    section = "keys"

    def post(self, request: HttpRequest, key_id: Any) -> HttpResponseBase:
        """Revoke it."""
        key = PersonalAPIKey.objects.filter(user=self.user, pk=key_id).first()
        if key is None:
            raise NotFound("There is no such key.")
        services.key_delete(key=key)
        self.say(f"“{key.label}” was deleted. Programs that use it get 401 from now on.")
        return self.go("keys")

    def back(self) -> str:
        """The list."""
        return reverse("front:keys")
