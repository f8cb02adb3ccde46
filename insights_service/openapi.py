"""The description of the API, made from the code (api W24).

`ApiSchema` says of each operation which scope it needs and how one may identify oneself; the two hooks
choose what is described and add what all operations have in common: the error form, and CSV as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from insights_service.accounts.permissions import ApiView

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "PersonalAPIKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "A personal API key, `phx_...`. It can also be the body field `personal_api_key`.",
    },
    "PersonalAPIKeyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "personal_api_key",
        "description": "The same key as a query parameter.",
    },
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "From `POST /api/login`. Unsafe methods need the header `X-CSRFToken`.",
    },
}
ERROR_TYPES = [
    "validation_error",
    "invalid_request",
    "authentication_error",
    "throttled_error",
    "server_error",
]
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Every error has exactly these keys; one error is reported, the first in field order.",
    "properties": {
        "type": {"type": "string", "enum": ERROR_TYPES},
        "code": {"type": "string", "example": "required"},
        "detail": {"type": "string", "example": "This field is required."},
        "attr": {
            "type": "string",
            "nullable": True,
            "description": "The field; nested parts are joined by `__`.",
            "example": "exclusions__0__funnel_to_step",
        },
    },
    "required": ["type", "code", "detail", "attr"],
}
ERRORS = {
    "400": "The request has a mistake that the caller can correct.",
    "401": "No credentials, or bad ones.",
    "403": "The scope, the membership or the level is missing.",
    "404": "There is no such thing.",
    "default": "Any other error has the same form.",
}
PROJECT_ID = {
    "schema": {"type": "string"},
    "description": (
        "Project ID of the project you're trying to access, or `@current`. "
        "To find the ID of the project, make a call to /api/projects/."
    ),
}
# Operations whose path does not give them a good name: what a collection has as well as each of its
# things (the thing keeps the plain name), and actions of the project itself.
NAMES = {
    "/api/projects/{project_id}/insights/activity/": ["insights", "all", "activity"],
    "/api/projects/{project_id}/insights/viewed/": ["insights", "all", "viewed"],
    "/api/projects/{project_id}/dashboards/activity/": ["dashboards", "all", "activity"],
    "/api/projects/{project_id}/reset_token/": ["projects", "reset_token"],
}
PROJECT = ["projects", "{project_id}"]
UNDESCRIBED = ("/api/schema/",)
NO_JSON: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}},
    "image/svg+xml": {"schema": {"type": "string"}},
    "image/png": {"schema": {"type": "string", "format": "binary"}},
}


class ApiSchema(AutoSchema):
    """How one operation is described."""

    def get_description(self) -> str:  # type: ignore[override]  # as its own base does
        """The docstring, and the scope a key needs."""
        scopes = self._scopes()
        needed = f"Required API key scopes: {', '.join(f'`{scope}`' for scope in scopes)}" if scopes else ""
        return "\n\n".join(part for part in (super().get_description(), needed) if part)

    def get_extensions(self) -> dict[str, Any]:
        """The scope once more, for machines."""
        scopes = self._scopes()
        return {"x-required-scopes": scopes} if scopes else {}

    def get_auth(self) -> list[dict[str, list[str]]]:
        """One of the ways to identify oneself; none for public views."""
        if not isinstance(self.view, ApiView) or self.view.public:
            return []
        for name, definition in SECURITY_SCHEMES.items():
            component: Any = ResolvedComponent
            self.registry.register_on_missing(
                component(name=name, type=component.SECURITY_SCHEMA, object=name, schema=definition)
            )
        return [{name: []} for name in SECURITY_SCHEMES]

    def _tokenize_path(self) -> list[str]:
        """The words of the path that name the operation: `insights_list`, without the project before it."""
        words = [word for word in self.path.strip("/").split("/") if word][1:]
        inside = words[2:] if words[:2] == PROJECT and len(words) > 2 else words
        plain = [word.lstrip("@") for word in inside if not word.startswith("{")]
        return list(NAMES.get(self.path, plain))

    def _scopes(self) -> list[str]:
        if not isinstance(self.view, ApiView):
            return []
        action = getattr(self.view, "action", None) or self.method.lower()
        return self.view.declared_scopes(action)


def only_the_api(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Describe what is below /api/, not the pages that describe it, and no capture wire."""
    return [
        endpoint
        for endpoint in endpoints
        if endpoint[0].startswith("/api/") and not endpoint[0].startswith(UNDESCRIBED)
    ]


def describe_errors_and_keys(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add what all operations share."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ERROR_SCHEMA
    for operations in result["paths"].values():
        for operation in operations.values():
            _complete(operation)
            _describe_one_body(operation, schemas)
    return result


def _describe_one_body(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """JSON is what a client should send. Forms are taken too (api M7), but a generator that is offered both
    has to guess; they are described only where a file may be uploaded."""
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json")
    if body is not None and not _has_file(content, schemas):
        operation["requestBody"]["content"] = {"application/json": body}


def _has_file(content: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    name = str(content.get("multipart/form-data", {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    properties = schemas.get(name, {}).get("properties", {})
    return any(field.get("format") in ("binary", "uri") for field in properties.values())


def _complete(operation: dict[str, Any]) -> None:
    form = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for response in operation["responses"].values():
        content = response.get("content", {})
        content.update({name: schema for name, schema in NO_JSON.items() if name in content})
    for status, description in ERRORS.items():
        operation["responses"].setdefault(status, {"description": description, "content": form})
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] == "project_id":
            parameter.update(PROJECT_ID)
