"""Public links for browsers: the page, the form that asks for a password, and what goes wrong, as HTML.

Everything works with scripts off. Styles and the one script are files of this server, so the policy allows
nothing else; any site may put a page in a frame (api Q7).
"""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string
from rest_framework.renderers import BaseRenderer

from insights.shared_page import options_of, page_of

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors *"
)
HEADINGS = {401: "This link is protected", 404: "There is nothing here", 429: "Too many tries"}


class PageRenderer(BaseRenderer):
    """The content of a `PublicView` as a page; an error as a page that says so."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> str:
        """The whole document."""
        view, request = renderer_context["view"], renderer_context["request"]
        response = renderer_context["response"]
        response["Content-Security-Policy"] = POLICY
        response["X-Robots-Tag"] = "noindex"
        options = options_of(request.query_params)
        common = {"options": options, "frame": view.frame}
        if response.status_code >= 400 or view.content is None:
            return render_to_string(
                "insights/shared_message.html", common | _message(request, response, data)
            )
        root = request.build_absolute_uri("/").rstrip("/")
        page = page_of(view.content.shown, options, view.address, root)
        return render_to_string("insights/shared.html", common | {"page": page})


def _message(request: Any, response: Any, data: Any) -> dict[str, Any]:
    """What is said in place of a page. `data` is the error's JSON form."""
    asks_password = response.status_code == 401
    is_wrong = asks_password and request.method == "POST"
    detail = "Whoever gave you this link also has a password for you." if asks_password else data["detail"]
    if response.status_code == 404:
        detail = "The link is wrong, or it was switched off."
    return {
        "heading": HEADINGS.get(response.status_code, "This did not work"),
        "detail": "That was not the password." if is_wrong else detail,
        "asks_password": asks_password,
        "is_wrong": is_wrong,
        "action": request.get_full_path(),
    }
