"""What all pages share: who may enter, what a failure looks like, and the headers of an answer."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views import View
from rest_framework.exceptions import APIException

from insights import selectors
from insights.levels import Viewer
from insights_service.accounts import access
from insights_service.accounts.models import Level, Project, User
from insights_service.errors import (
    DomainError,
    InvalidInput,
    NotFound,
    Problem,
    endpoint_not_found,
    noted_problem,
)
from insights_service.parsers import contains_nul
from queries.errors import QueryError

# Everything comes from this server, and nothing is written into the page: no inline script, no inline style.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SUGGESTED_DATES = ("-24h", "-7d", "-14d", "-30d", "-90d", "-12m", "mStart", "yStart", "all")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What a person did wrong, as opposed to what broke: said beside the form he sent.
MISTAKES = (DomainError, QueryError, APIException)
ADVICE = {
    403: "Ask an administrator of the project for access, or choose another project.",
    404: "It may have been deleted, or it belongs to another project.",
    429: "Wait a few minutes, then try again.",
    500: "The server's log has the details.",
    503: "A store does not answer. Try again in a moment; `./run doctor` says what is wrong.",
    504: "Ask for a shorter range or fewer breakdown values.",
}


class Page(View):
    """A page for somebody who is logged in; below `/project/<project_id>/` for who may enter the project.

    `section` is the entry of the menu it belongs to. `is_part`: it is a piece that the script puts into
    a page, so a failure is a piece as well, and nobody is sent to the login.
    """

    section: ClassVar[str] = ""
    is_part: ClassVar[bool] = False
    is_public: ClassVar[bool] = False

    project: Project | None = None
    level: int = 0

    @property
    def user(self) -> User:
        """Who looks."""
        return cast(User, self.request.user)

    @property
    def shop(self) -> Project:
        """The project of the path, on pages that have one."""
        assert self.project is not None
        return self.project

    @cached_property
    def viewer(self) -> Viewer:
        """Who looks, with his level and his places among collaborators."""
        return selectors.viewer_of(self.shop, self.user, self.level)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Enter, answer, and show whatever goes wrong as a page."""
        try:
            rest = {name: value for name, value in kwargs.items() if name != "project_id"}
            response = self._turned_away() or super().dispatch(request, *args, **rest)
        except Exception as error:
            response = self._failed(error)
        return secured(response)

    def show(self, template: str, status: int = 200, **context: Any) -> HttpResponse:
        """A template with what the frame around it needs."""
        frame = {
            "project": self.project,
            "section": self.section,
            "is_admin": self.level >= Level.ADMIN,
            "user": self.request.user,
            "suggested_dates": SUGGESTED_DATES,
        }
        return render(self.request, f"front/{template}.html", {**frame, **context}, status=status)

    def go(self, name: str, *args: Any, **parameters: Any) -> HttpResponseRedirect:
        """On to another page of the project."""
        before = () if self.project is None else (self.project.pk,)
        query = f"?{urlencode(parameters)}" if parameters else ""
        return HttpResponseRedirect(reverse(f"front:{name}", args=(*before, *args)) + query)

    def say(self, text: str) -> None:
        """A line on top of the next page."""
        messages.success(self.request, text)

    def _turned_away(self) -> HttpResponseBase | None:
        refuse_nul(self.request)
        if self.is_public:
            return None
        if not self.request.user.is_authenticated:
            return self._to_login()
        if "project_id" in self.kwargs:
            self.project = access.project_for(self.kwargs["project_id"], self.user, None)
            self.level = access.effective_level(self.project) or 0
        return None

    def _to_login(self) -> HttpResponseBase:
        if self.is_part:
            return self.show("problem_part", 401, problem=LOGGED_OUT, advice="")
        wanted = self.request.get_full_path() if self.request.method in SAFE_METHODS else ""
        query = f"?{urlencode({'next': wanted})}" if wanted not in ("", "/") else ""
        return HttpResponseRedirect(reverse("front:login") + query)

    def _failed(self, error: Exception) -> HttpResponseBase:
        problem = noted_problem(error, self.request)
        is_inside = self.project is not None or "project_id" not in self.kwargs
        is_form = self.request.method not in SAFE_METHODS
        if is_inside and is_form and isinstance(error, MISTAKES) and problem.status < 500:
            back = self.back()
            if back is not None:
                messages.error(self.request, problem.detail)
                return HttpResponseRedirect(back)
        template = "problem_part" if self.is_part else "problem"
        return self.show(template, problem.status, problem=problem, advice=ADVICE.get(problem.status, ""))

    def back(self) -> str | None:
        """Where a form that was refused came from; None for a page of its own about it."""
        return None


def refuse_nul(request: HttpRequest) -> None:
    """No column can hold a NUL character; InvalidInput for a form or an address with one."""
    for name, values in (*request.GET.lists(), *request.POST.lists()):
        if contains_nul([name, *values]):
            raise InvalidInput("The NUL character is not allowed in text.")
    if contains_nul([request.path]):
        raise NotFound("Not found.")


LOGGED_OUT = Problem(401, "authentication_error", "not_authenticated", "You are logged out.")


def secured(response: HttpResponseBase) -> HttpResponseBase:
    """The answer with the headers of all pages; nothing of them is kept by anybody's cache."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def not_found(request: HttpRequest, exception: BaseException | None = None) -> HttpResponseBase:
    """Django's handler404: a page for browsers, the contract's form for everybody else."""
    if "text/html" not in request.headers.get("Accept", ""):
        return endpoint_not_found(request)
    problem = Problem(404, "invalid_request", "not_found", "There is no such page.")
    return _alone(request, problem, "The address may be misspelt, or the page was moved.")


def forged(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Django's view for a form whose CSRF token is missing or old."""
    problem = Problem(403, "authentication_error", "permission_denied", "This form is out of date.")
    advice = "Go back, reload the page and send it again. Cookies have to be allowed for this site."
    return _alone(request, problem, advice)


def _alone(request: HttpRequest, problem: Problem, advice: str) -> HttpResponseBase:
    """A page about a failure outside of any page."""
    context = {"problem": problem, "advice": advice, "project": None, "section": "", "user": request.user}
    return secured(render(request, "front/problem.html", context, status=problem.status))
