"""Small things that several pages need: a page of a list, addresses, and the name of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.paginator import Page as Slice
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from insights.api.answers import NAME

PER_PAGE = 30


def page_of(rows: QuerySet[Any], request: HttpRequest, per_page: int = PER_PAGE) -> Slice[Any]:
    """The page of the address; the nearest one when there is none of that number."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def address(request: HttpRequest, names: Iterable[str]) -> str:
    """The named parameters of the request as a query string, without the question mark."""
    return urlencode([(name, request.GET[name]) for name in names if request.GET.get(name)])


def onward(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """Where the form wants to go on, on this server only."""
    wanted = request.POST.get("next", "")
    return HttpResponseRedirect(wanted if is_ours(wanted) else otherwise)


def is_ours(address: str) -> bool:
    """Whether it is a path of this server: a link of ours must not lead elsewhere."""
    return url_has_allowed_host_and_scheme(address, allowed_hosts=None)


def run_name(request: HttpRequest) -> str | None:
    """The caller's name for the run, when it is one (api R12)."""
    name = request.GET.get("client_query_id", "")
    return name if NAME.fullmatch(name) else None


def dates_of(source: Mapping[str, Any] | None) -> dict[str, str]:
    """The range of a question as it stands in it, for the fields of a form."""
    dates = (source or {}).get("dateRange")
    dates = dates if isinstance(dates, Mapping) else {}
    return {name: str(dates.get(name) or "") for name in ("date_from", "date_to")}
