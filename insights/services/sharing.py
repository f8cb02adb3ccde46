"""Public links: made on first sight, switched on and off, renewed (api Q.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from insights.levels import Viewer, can_edit, insight_levels, live_tiles
from insights.models import Dashboard, Insight, SharingConfiguration
from insights.models.ids import new_access_token
from insights.services.activity import record_password, record_sharing, record_token_refreshed
from insights_service.errors import Forbidden

Shareable = Insight | Dashboard


def sharing_of(thing: Shareable) -> SharingConfiguration:
    """The link of an insight or dashboard; the first look makes it, switched off, with its token (api Q1)."""
    target = {"insight": thing} if isinstance(thing, Insight) else {"dashboard": thing}
    made = {"project_id": thing.project_id}
    return SharingConfiguration.objects.get_or_create(**target, defaults=made)[0]


@transaction.atomic
def sharing_set_enabled(*, thing: Shareable, enabled: bool, viewer: Viewer) -> SharingConfiguration:
    """The link switched on or off under the same token; no record when nothing changes (api Q2)."""
    require_edit(thing, viewer)
    sharing = _locked(thing)
    if sharing.enabled != enabled:
        sharing.enabled = enabled
        sharing.save(update_fields=["enabled"])
        record_sharing(thing, actor=viewer.user, enabled=enabled)
    return sharing


@transaction.atomic
def sharing_refresh(*, thing: Shareable, viewer: Viewer) -> SharingConfiguration:
    """The link under a new token; the old one is dead at once (api Q3)."""
    require_edit(thing, viewer)
    sharing = _locked(thing)
    sharing.access_token = new_access_token()
    sharing.save(update_fields=["access_token"])
    record_token_refreshed(thing, actor=viewer.user)
    return sharing


@transaction.atomic
def sharing_update(thing: Shareable, changes: Mapping[str, Any], viewer: Viewer) -> SharingConfiguration:
    """The link with the given keys changed: `enabled`, `password`."""
    sharing = sharing_of(thing)
    if "password" in changes:
        sharing = sharing_set_password(thing=thing, password=changes["password"], viewer=viewer)
    if "enabled" in changes:
        sharing = sharing_set_enabled(thing=thing, enabled=changes["enabled"], viewer=viewer)
    return sharing


@transaction.atomic
def sharing_set_password(*, thing: Shareable, password: str | None, viewer: Viewer) -> SharingConfiguration:
    """The link asking for this password from now on, or for none; what was chosen is recorded nowhere."""
    require_edit(thing, viewer)
    sharing = _locked(thing)
    was_set = bool(sharing.password_hash)
    sharing.password_hash = make_password(password) if password else ""
    sharing.save(update_fields=["password_hash"])
    if password or was_set:
        record_password(thing, actor=viewer.user, is_set=bool(password))
    return sharing


def _locked(thing: Shareable) -> SharingConfiguration:
    return SharingConfiguration.objects.select_for_update(no_key=True).get(pk=sharing_of(thing).pk)


def require_edit(thing: Shareable, viewer: Viewer) -> None:
    """Forbidden for a viewer who may not edit the thing (api Q2)."""
    if isinstance(thing, Insight):
        dashboards = [tile.dashboard for tile in live_tiles(thing)]
        allowed = insight_levels(dashboards, viewer).can_edit
    else:
        allowed = can_edit(thing, viewer)
    if not allowed:
        raise Forbidden("Your access does not allow changing who can see this.")
