"""What several commands read from their arguments."""

from __future__ import annotations

from django.core.management.base import CommandError

from insights_service.accounts.models import Project


def project_named(project_id: int | None, token: str | None = None) -> Project:
    """The project of `--project` or `--token`; without either the only one there is. CommandError else."""
    projects = Project.objects.all()
    if project_id is not None:
        projects = projects.filter(id=project_id)
    if token is not None:
        projects = projects.filter(api_token=token)
    found = list(projects[:2])
    if not found:
        raise CommandError("No such project.")
    if len(found) > 1:
        options = "--project" if token is None else "--project or --token"
        raise CommandError(f"There are several projects; name one with {options}.")
    return found[0]
