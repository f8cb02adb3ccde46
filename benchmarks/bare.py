"""A Django with nothing in it: one view that answers the bytes of a file, without any middleware.

`BARE_BODY=file granian --interface wsgi benchmarks.bare:application`: `benchmarks.requests` compares with it.
With `BARE_BEHIND=1` the same view stands behind the middleware of this service, with log and counters.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

BODY = Path(os.environ["BARE_BODY"]).read_bytes()


def view(request: HttpRequest) -> HttpResponse:
    """The same bytes every time."""
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("", view)]
if os.environ.get("BARE_BEHIND"):
    os.environ["DJANGO_SETTINGS_MODULE"] = "insights_service.settings"
    settings.ROOT_URLCONF = __name__
else:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
application = get_wsgi_application()
