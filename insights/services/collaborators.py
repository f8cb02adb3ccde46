"""People with a place of their own on a restricted dashboard (api W13)."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from insights.levels import Viewer, can_edit
from insights.models import Dashboard, DashboardCollaborator
from insights.services.refusals import gone
from insights_service import clock
from insights_service.accounts.models import User
from insights_service.errors import Forbidden, InvalidInput

NO_EDIT = "You may view this dashboard but not say who else can edit it."


@transaction.atomic
def collaborator_set(
    *, dashboard: Dashboard, user_uuid: UUID, level: int, viewer: Viewer
) -> DashboardCollaborator:
    """The person with this level on the dashboard, new or changed. InvalidInput for a stranger."""
    require_edit(dashboard, viewer)
    user = User.objects.filter(uuid=user_uuid, organizations=dashboard.project.organization).first()
    if user is None:
        raise InvalidInput(
            "This person is no member of the organization.", code="does_not_exist", attr="user_uuid"
        )
    collaborator, _ = DashboardCollaborator.objects.update_or_create(
        dashboard=dashboard,
        user=user,
        defaults={"level": level, "updated_at": clock.now()},
    )
    return collaborator


def collaborator_remove(*, dashboard: Dashboard, user_uuid: UUID, viewer: Viewer) -> None:
    """The person is an ordinary member again. NotFound when he had no place here."""
    require_edit(dashboard, viewer)
    removed, _ = DashboardCollaborator.objects.filter(dashboard=dashboard, user__uuid=user_uuid).delete()
    if not removed:
        raise gone()


def require_edit(dashboard: Dashboard, viewer: Viewer) -> None:
    """Forbidden for a viewer who may not edit the dashboard."""
    if not can_edit(dashboard, viewer):
        raise Forbidden(NO_EDIT)
