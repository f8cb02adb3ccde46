"""Where views are hung into the URL space; `urls.py` is the page that shows all of them.

Paths are registered in their canonical form, with the final slash; the other spellings of a path (api
M1-M3: no slash, `.json` or `.csv`, `/api/environments/`) are folded into it by `spelling.py`.
"""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from rest_framework.routers import SimpleRouter


class ApiRouter(SimpleRouter):
    """The REST framework's router, plus plain views at fixed words.

    Fixed words win over ids (api M6): the paths of `view` come first, then the viewsets' list actions,
    then what has an id in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fixed: list[URLPattern] = []

    def view(self, route: str, view: type[Any], name: str | None = None) -> None:
        """Hang a plain view at `route` (no slashes at its ends): `view("insights/trend", TrendView)`."""
        label = name or route.replace("/", "-").replace("_", "-")
        self.fixed.append(path(f"{route}/", view.as_view(), name=label))

    def get_urls(self) -> list[Any]:
        """Fixed words, then everything with ids."""
        return [*self.fixed, *super().get_urls()]
