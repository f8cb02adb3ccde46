"""Writes: every change to accounts is one verb, in one transaction.

Rules that concern one field are checked by the serializers; rules that need other rows are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from insights_service import clock
from insights_service.accounts import tokens
from insights_service.accounts.access import visible_organizations, visible_projects
from insights_service.accounts.models import (
    Level,
    Organization,
    OrganizationMembership,
    PersonalAPIKey,
    Project,
    User,
)
from insights_service.accounts.scopes import grants_all
from insights_service.errors import Forbidden, InvalidInput

MAX_KEYS_PER_USER = 10  # api W10
SLUG_LENGTH = 48


@dataclass(frozen=True, slots=True)
class KeyReach:
    """What a key is for. None for `scopes` is everything; None or empty lists of places mean no limit."""

    scopes: Sequence[str] | None
    projects: Sequence[int] | None = None
    organizations: Sequence[str] | None = None

    @classmethod
    def of(cls, key: PersonalAPIKey) -> KeyReach:
        """The reach of an existing key."""
        return cls(key.scopes, key.scoped_teams, key.scoped_organizations)

    def covers(self, other: KeyReach) -> bool:
        """Whether nothing is open to `other` that is closed to this one."""
        return (
            grants_all(self.scopes, other.scopes)
            and _place_covers(self.projects, other.projects)
            and _place_covers(self.organizations, other.organizations)
        )


@transaction.atomic
def organization_create(*, name: str, owner: User | None = None) -> Organization:
    """A new organization; `owner` becomes its first member."""
    organization = Organization.objects.create(name=name, slug=_free_slug(name))
    if owner is not None:
        member_add(organization=organization, user=owner, level=Level.OWNER)
    return organization


@transaction.atomic
def member_add(*, organization: Organization, user: User, level: int) -> OrganizationMembership:
    """Make somebody a member, or change the level of one. The first organization becomes his current one."""
    membership, _ = OrganizationMembership.objects.update_or_create(
        organization=organization, user=user, defaults={"level": level}
    )
    if user.current_organization_id is None:
        user.current_organization = organization
        user.save(update_fields=["current_organization"])
    return membership


@transaction.atomic
def user_create(*, email: str, password: str | None = None, **fields: Any) -> User:
    """A new user. A second one with the same e-mail, in any case: InvalidInput."""
    if User.objects.filter(email__iexact=email.strip()).exists():
        raise InvalidInput(f"There is already a user with the e-mail {email}.", code="unique", attr="email")
    if password is not None:
        _check_password(password, None)
    return User.objects.create_user(email, password, **fields)


@transaction.atomic
def user_update(*, user: User, changes: Mapping[str, Any]) -> User:
    """Set fields of the user as given."""
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(changes))
    return user


@transaction.atomic
def password_change(*, user: User, current: str | None, new: str) -> User:
    """Set a new password. Who has one already must know it: InvalidInput."""
    if user.has_usable_password() and not user.check_password(current or ""):
        raise InvalidInput("Your current password is incorrect.", attr="current_password")
    _check_password(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])
    return user


@transaction.atomic
def project_create(
    *, organization: Organization, fields: Mapping[str, Any], creator: User | None = None
) -> Project:
    """A new project with a fresh token. It becomes the creator's current one if he has none."""
    project = Project.objects.create(organization=organization, **fields)
    if creator is not None and creator.current_project_id is None:
        creator.current_project = project
        creator.save(update_fields=["current_project"])
    return project


@transaction.atomic
def project_update(*, project: Project, changes: Mapping[str, Any]) -> Project:
    """Set fields of the project as given."""
    for name, value in changes.items():
        setattr(project, name, value)
    project.updated_at = clock.now()
    project.save(update_fields=[*changes, "updated_at"])
    return project


@transaction.atomic
def project_token_rotate(*, project: Project) -> Project:
    """Give the project a new capture token; events with the old one are refused from now on."""
    return project_update(project=project, changes={"api_token": tokens.new_project_token()})


@transaction.atomic
def project_delete(*, project: Project) -> None:
    """Remove a project with everything saved in it.

    Its events stay in the event store, where nobody can ask for them: ids are not used again.
    """
    project.delete()


@transaction.atomic
def key_create(
    *,
    user: User,
    label: str,
    reach: KeyReach,
    expires_at: datetime | None = None,
    made_with: PersonalAPIKey | None = None,
) -> tuple[PersonalAPIKey, str]:
    """A new key and its text, which is nowhere else.

    At most MAX_KEYS_PER_USER per user; places must be the user's own. `made_with` is the key that asks
    for it: a key cannot make one that reaches farther or lives longer than itself (Forbidden).
    """
    User.objects.select_for_update().get(pk=user.pk)  # two requests at once must not both be the tenth
    if PersonalAPIKey.objects.filter(user=user).count() >= MAX_KEYS_PER_USER:
        raise InvalidInput(f"You have {MAX_KEYS_PER_USER} keys already; delete one before you make another.")
    _check_reach(user, reach, made_with)
    if made_with is not None and made_with.expires_at is not None:
        expires_at = min(expires_at or made_with.expires_at, made_with.expires_at)
    value = tokens.new_personal_key()
    key = PersonalAPIKey.objects.create(
        user=user,
        label=label,
        value_hash=tokens.hash_key(value),
        mask_value=tokens.mask_key(value),
        scopes=_listed(reach.scopes),
        scoped_teams=_listed(reach.projects),
        scoped_organizations=_listed(reach.organizations),
        expires_at=expires_at,
    )
    return key, value


@transaction.atomic
def key_update(
    *, key: PersonalAPIKey, label: str, reach: KeyReach, made_with: PersonalAPIKey | None = None
) -> PersonalAPIKey:
    """Change what a key is called and what it may do; its text stays."""
    _refuse_stronger(made_with, KeyReach.of(key))
    _check_reach(key.user, reach, made_with)
    key.label = label
    key.scopes, key.scoped_teams = _listed(reach.scopes), _listed(reach.projects)
    key.scoped_organizations = _listed(reach.organizations)
    key.save(update_fields=["label", "scopes", "scoped_teams", "scoped_organizations"])
    return key


@transaction.atomic
def key_roll(*, key: PersonalAPIKey, made_with: PersonalAPIKey | None = None) -> str:
    """Give the key a new text, returned once; the old one dies at once."""
    _refuse_stronger(made_with, KeyReach.of(key))
    value = tokens.new_personal_key()
    key.value_hash, key.mask_value, key.last_used_at = tokens.hash_key(value), tokens.mask_key(value), None
    key.save(update_fields=["value_hash", "mask_value", "last_used_at"])
    return value


@transaction.atomic
def key_delete(*, key: PersonalAPIKey, made_with: PersonalAPIKey | None = None) -> None:
    """Revoke a key: the next request with it is a 401."""
    _refuse_stronger(made_with, KeyReach.of(key))
    key.delete()


def _check_reach(user: User, reach: KeyReach, made_with: PersonalAPIKey | None) -> None:
    """The places of a key must be open to its user, and its reach within that of the key asking for it."""
    open_projects = set(visible_projects(user, None).values_list("pk", flat=True))
    _require_known("scoped_teams", reach.projects or (), open_projects)
    open_organizations = {str(pk) for pk in visible_organizations(user, None).values_list("pk", flat=True)}
    _require_known("scoped_organizations", reach.organizations or (), open_organizations)
    _refuse_stronger(made_with, reach)


def _require_known(attr: str, wanted: Sequence[Any], known: set[Any]) -> None:
    for pk in wanted:
        if pk not in known:
            raise InvalidInput(
                f'Invalid pk "{pk}" - object does not exist.', code="does_not_exist", attr=attr
            )


def _refuse_stronger(made_with: PersonalAPIKey | None, reach: KeyReach) -> None:
    if made_with is not None and not KeyReach.of(made_with).covers(reach):
        raise Forbidden("This API key cannot handle a key that may do more than itself.")


def _place_covers(mine: Sequence[Any] | None, other: Sequence[Any] | None) -> bool:
    return not mine or (bool(other) and set(other or ()) <= set(mine))


def _listed(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _check_password(password: str, user: User | None) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], attr="password") from error


def _free_slug(name: str) -> str:
    """A readable name for URLs that no other organization has."""
    slug = slugify(name)[: SLUG_LENGTH - 9] or "organization"
    taken = Organization.objects.filter(slug=slug).exists()
    return f"{slug}-{tokens.random_base62(8).lower()}" if taken else slug
