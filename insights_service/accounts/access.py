"""Which projects and organizations somebody may enter, and as what (api M4, M15). Reads only."""

from __future__ import annotations

import uuid

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When

from insights_service.accounts.models import (
    Level,
    Organization,
    OrganizationMembership,
    PersonalAPIKey,
    Project,
    ProjectMembership,
    User,
)
from insights_service.errors import Forbidden, NotFound

CURRENT = "@current"
MAX_ID = 2**31 - 1


def with_levels(user: User) -> QuerySet[Project]:
    """All projects, each with the user's `organization_level` and `explicit_level` (null: none)."""
    in_organization = OrganizationMembership.objects.filter(organization=OuterRef("organization"), user=user)
    in_project = ProjectMembership.objects.filter(project=OuterRef("pk"), user=user)
    return Project.objects.select_related(
        "organization"
    ).annotate(  # type: ignore[no-redef]  # declared there
        organization_level=Subquery(in_organization.values("level")[:1]),
        explicit_level=Subquery(in_project.values("level")[:1]),
    )


def effective_level(project: Project) -> int | None:
    """The user's level in a project of `with_levels`, or None for no access (api M15).

    Levels of the organization hold in all its projects, except that a project with access control is
    closed to plain members who are not listed. A listing can raise a level, never lower it.
    """
    organization_level, explicit_level = project.organization_level, project.explicit_level
    if organization_level is None:
        return None
    if project.access_control and organization_level < Level.ADMIN:
        return explicit_level
    return max(organization_level, explicit_level or 0)


def visible_projects(user: User, key: PersonalAPIKey | None) -> QuerySet[Project]:
    """The projects the user may enter, within the key's limits, by id."""
    listed = Exists(ProjectMembership.objects.filter(project=OuterRef("pk"), user=user))
    open_to_user = Q(access_control=False) | Q(organization_level__gte=Level.ADMIN) | Q(listed)
    mine = Q(organization_level__isnull=False)
    projects = with_levels(user).filter(mine & open_to_user)
    if key is not None and key.scoped_teams:
        projects = projects.filter(pk__in=key.scoped_teams)
    if key is not None and key.scoped_organizations:
        projects = projects.filter(organization__in=key.scoped_organizations)
    return projects.order_by("pk")


def current_project(user: User, key: PersonalAPIKey | None) -> Project | None:
    """What `@current` is: the user's current project, else his first one - of those the key may enter."""
    chosen_first = Case(When(pk=user.current_project_id, then=0), default=1)
    return visible_projects(user, key).order_by(chosen_first, "pk").first()


def project_for(name: str, user: User, key: PersonalAPIKey | None) -> Project:
    """The project of a path, entered by this user with this key (None: a session).

    No such project: `NotFound`. Not open to the user, or not to the key: `Forbidden`.
    """
    project = current_project(user, key) if name == CURRENT else _by_id(with_levels(user), name)
    if project is None:
        raise NotFound("Project not found.")
    if not _within(key, project):
        raise Forbidden(f"This API key is not valid for project {project.pk}.")
    if effective_level(project) is None:
        raise Forbidden("You are not a member of this project.")
    return project


def shared_project(name: str, project_id: int) -> Project:
    """The project of a path, entered by a guest whose token belongs to `project_id` (api Q10)."""
    project = _by_id(
        Project.objects.select_related("organization"), str(project_id) if name == CURRENT else name
    )
    if project is None:
        raise NotFound("Project not found.")
    if project.pk != project_id:
        raise Forbidden("The sharing access token is not valid for this project.")
    return project


def visible_organizations(user: User, key: PersonalAPIKey | None) -> QuerySet[Organization]:
    """The user's organizations with his level as `membership_level`, within the key's limits."""
    mine = OrganizationMembership.objects.filter(organization=OuterRef("pk"), user=user)
    organizations = Organization.objects.annotate(  # type: ignore[no-redef]  # declared there
        membership_level=Subquery(mine.values("level")[:1])
    )
    if key is not None and key.scoped_organizations:
        organizations = organizations.filter(pk__in=key.scoped_organizations)
    return organizations.filter(Q(membership_level__isnull=False))


def current_organization(user: User, key: PersonalAPIKey | None) -> Organization | None:
    """The user's current organization, else his first one."""
    organizations = list(visible_organizations(user, key))
    mine = [one for one in organizations if one.pk == user.current_organization_id]
    return next(iter(mine + organizations), None)


def organization_for(name: str, user: User, key: PersonalAPIKey | None) -> Organization:
    """The organization of a path, with the user's `membership_level`; errors as in `project_for`."""
    organization = (
        current_organization(user, key)
        if name == CURRENT
        else visible_organizations(user, None).filter(pk__in=_uuids(name)).first()
    )
    if organization is None and Organization.objects.filter(pk__in=_uuids(name)).exists():
        raise Forbidden("You are not a member of this organization.")
    if organization is None:
        raise NotFound("Organization not found.")
    if key is not None and key.scoped_organizations and str(organization.pk) not in key.scoped_organizations:
        raise Forbidden(f"This API key is not valid for organization {organization.pk}.")
    return organization


def _uuids(text: str) -> list[uuid.UUID]:
    """The id that a text is, or none."""
    try:
        return [uuid.UUID(text)]
    except ValueError:
        return []


def _by_id(projects: QuerySet[Project], name: str) -> Project | None:
    """Decimal ids only (api M4); longer ones than the column holds name nothing."""
    is_id = name.isascii() and name.isdecimal() and len(name) <= 10 and int(name) <= MAX_ID
    return projects.filter(pk=int(name)).first() if is_id else None


def _within(key: PersonalAPIKey | None, project: Project) -> bool:
    if key is None:
        return True
    in_projects = not key.scoped_teams or project.pk in key.scoped_teams
    organizations = key.scoped_organizations
    return in_projects and (not organizations or str(project.organization_id) in organizations)
