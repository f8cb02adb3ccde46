"""The caller's personal API keys (api W10)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from insights_service.accounts import services
from insights_service.accounts.access import CURRENT
from insights_service.accounts.api.serializers import PersonalAPIKeySerializer
from insights_service.accounts.models import PersonalAPIKey
from insights_service.accounts.permissions import ApiViewSet
from insights_service.accounts.services import KeyReach
from insights_service.errors import NotFound


class PersonalAPIKeysViewSet(ApiViewSet):
    """`/api/personal_api_keys/`; `@current` is the key of the request.

    A key may handle other keys, but only such as may do no more than itself.
    """

    scopes = {
        "list": "personal_api_key:read",
        "retrieve": "personal_api_key:read",
        "create": "personal_api_key:write",
        "partial_update": "personal_api_key:write",
        "destroy": "personal_api_key:write",
        "roll": "personal_api_key:write",
    }
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    pagination_class = None
    serializer_class = PersonalAPIKeySerializer
    queryset = PersonalAPIKey.objects.all()

    @extend_schema(responses=PersonalAPIKeySerializer(many=True))
    def list(self, request: Any) -> Response:
        """The caller's keys, oldest first; never their text."""
        return Response(PersonalAPIKeySerializer(self._mine(), many=True).data)

    @extend_schema(responses={201: PersonalAPIKeySerializer})
    def create(self, request: Any) -> Response:
        """Make a key. `value` in the answer is the key: it is not shown again."""
        body = self._checked()
        key, value = services.key_create(
            user=self.user, label=body["label"], reach=_reach(body), made_with=self.key
        )
        return Response(self._shown(key, value), status=201)

    def retrieve(self, request: Any, id: str) -> Response:
        """One key."""
        return Response(self._shown(self._found(id)))

    def partial_update(self, request: Any, id: str) -> Response:
        """Change label, scopes or limits of a key."""
        key = self._found(id)
        body = self._checked(partial=True)
        services.key_update(
            key=key,
            label=body.get("label", key.label),
            reach=_reach(body, KeyReach.of(key)),
            made_with=self.key,
        )
        return Response(self._shown(key))

    @extend_schema(responses={204: None})
    def destroy(self, request: Any, id: str) -> Response:
        """Revoke a key."""
        services.key_delete(key=self._found(id), made_with=self.key)
        return Response(status=204)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def roll(self, request: Any, id: str) -> Response:
        """Give a key a new text; the old one dies at once."""
        key = self._found(id)
        return Response(self._shown(key, services.key_roll(key=key, made_with=self.key)))

    def _mine(self) -> Any:
        return PersonalAPIKey.objects.filter(user=self.user)

    def _found(self, name: str) -> PersonalAPIKey:
        if name == CURRENT:
            key = self.key
        else:
            key = next((one for one in self._mine() if str(one.pk) == name.lower()), None)
        if key is None:
            raise NotFound("Not found.")
        return key

    def _checked(self, *, partial: bool = False) -> dict[str, Any]:
        body = PersonalAPIKeySerializer(data=self.request.data, partial=partial)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def _shown(self, key: PersonalAPIKey, value: str | None = None) -> Any:
        return PersonalAPIKeySerializer(key, context={"value": value}).data


NOWHERE = KeyReach(scopes=())


def _reach(body: dict[str, Any], before: KeyReach = NOWHERE) -> KeyReach:
    """What the body asks for; what it does not mention stays as before."""
    return KeyReach(
        scopes=body.get("scopes", before.scopes),
        projects=body.get("scoped_teams", before.projects),
        organizations=body.get("scoped_organizations", before.organizations),
    )
