"""Logging in and out, and choosing a project."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.exceptions import Throttled

from insights.front.door import Page
from insights.front.pages import is_ours
from insights_service.accounts import access
from insights_service.accounts.logins import WINDOW_SECONDS, log_in
from insights_service.errors import Forbidden, InvalidInput

WAIT = f"Too many wrong passwords. Try again in {WINDOW_SECONDS // 60} minutes."


class Login(Page):
    """E-mail and password; then on to the page that was asked for."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The form."""
        if request.user.is_authenticated:
            return HttpResponseRedirect(self._target())
        return self.show("login", next=request.GET.get("next", ""))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Try it. The form again, with the reason, when it does not fit."""
        email = request.POST.get("email", "")
        try:
            log_in(request, email, request.POST.get("password", ""))
        except InvalidInput as error:
            return self._again(error.detail, email, 400)
        except Throttled:
            return self._again(WAIT, email, 429)
        return HttpResponseRedirect(self._target())

    def _again(self, reason: str, email: str, status: int) -> HttpResponseBase:
        return self.show("login", status, reason=reason, email=email, next=self.request.POST.get("next", ""))

    def _target(self) -> str:
        """Only paths of this server: a link must not lead elsewhere through our login."""
        wanted = self.request.POST.get("next") or self.request.GET.get("next") or ""
        return wanted if is_ours(wanted) else reverse("front:start")


class AdminDoor(Page):
    """The admin site's own login: one door for passwords is enough, and this one counts wrong ones."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """On to ours, and from there to the admin site. Forbidden for who is known and not admitted."""
        wanted = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return HttpResponseRedirect(f"{reverse('front:login')}?{urlencode({'next': wanted})}")
        if not self.user.is_staff:
            raise Forbidden("Your account may not use the admin site.")
        return HttpResponseRedirect(wanted if is_ours(wanted) else reverse("admin:index"))


class Logout(Page):
    """The end of a session."""

    is_public = True

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Forget the session."""
        logout(request)
        return HttpResponseRedirect(reverse("front:login"))


class Start(Page):
    """`/`: the current project."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """On to the project, or to the page that says how to get one."""
        self.project = access.current_project(self.user, None)
        return self.go("home") if self.project else HttpResponseRedirect(reverse("front:projects"))


class Projects(Page):
    """The projects the user may enter."""

    section = "projects"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """All of them, by name."""
        projects = access.visible_projects(self.user, None).order_by("organization__name", "name", "pk")
        return self.show("projects", projects=projects)
