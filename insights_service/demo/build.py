"""Makes the demo project, or what is missing of it. Running it again changes nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from insights.levels import Viewer
from insights.models import Dashboard, Insight
from insights.services.dashboards import dashboard_create
from insights.services.insights import insight_create
from insights_service import clock
from insights_service.accounts import services
from insights_service.accounts.models import Level, PersonalAPIKey, Project, User
from insights_service.accounts.services import KeyReach
from insights_service.capture.importer import Options, read_batches
from insights_service.capture.ingest import write_batch
from insights_service.capture.normalize import Event
from insights_service.demo.questions import DASHBOARD, QUESTIONS

EVENTS_FILE = Path(__file__).with_name("ecom_synthetic_2024.ndjson.gz")
PROJECT = "Demo"
EMAIL = "demo@example.org"
KEY_LABEL = "Demo"
# Properties of the first event of each person that also say something about the person.
PERSON_PROPERTIES = ("acquisition_channel", "platform", "user_cohort")


@dataclass(frozen=True, slots=True)
class Demo:
    """What a user needs to know. The key and the password are None when they were made by an earlier run:
    only their hashes are stored."""

    project: Project
    user: User
    personal_api_key: str | None
    password: str | None


def build_demo(*, new_secrets: bool = False) -> Demo:
    """The demo project, complete. `new_secrets`: a new key and password, also if there are some."""
    user, password = _user(new_secrets)
    project = _project(user)
    key = _key(user, new_secrets)
    import_demo_events(project.id)
    _questions(project, user)
    return Demo(project, user, key, password)


def import_demo_events(project_id: int) -> int:
    """Store the events of the package's file that the project does not have yet, and return how many.

    The first event of each person gives the person its properties; the stored event is that of the file.
    """
    known: set[str] = set()
    stored = 0
    for batch in read_batches(EVENTS_FILE, Options(project_id)):
        for event in batch.events:
            if event.distinct_id not in known:
                known.add(event.distinct_id)
                _introduce(event)
        stored += write_batch(project_id, batch.events, now=clock.now())
    return stored


def _introduce(event: Event) -> None:
    about = {key: event.properties[key] for key in PERSON_PROPERTIES if key in event.properties}
    event.properties = {**event.properties, "$set_once": about}


def _user(new_secrets: bool) -> tuple[User, str | None]:
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        fields = {"first_name": "Demo", "is_staff": True, "is_superuser": True, "is_email_verified": True}
        return services.user_create(email=EMAIL, password=password, **fields), password
    if not new_secrets:
        return user, None
    user.set_password(password)
    user.save(update_fields=["password"])
    return user, password


def _project(user: User) -> Project:
    project = Project.objects.filter(is_demo=True, name=PROJECT).order_by("id").first()
    if project is not None:
        return project
    organization = services.organization_create(name=PROJECT, owner=user)
    fields = {"name": PROJECT, "is_demo": True, "timezone": "UTC"}
    return services.project_create(organization=organization, fields=fields, creator=user)


def _key(user: User, new_secrets: bool) -> str | None:
    keys = PersonalAPIKey.objects.filter(user=user, label=KEY_LABEL)
    if keys.exists() and not new_secrets:
        return None
    keys.delete()
    return services.key_create(user=user, label=KEY_LABEL, reach=KeyReach(["*"]))[1]


def _questions(project: Project, user: User) -> None:
    viewer = Viewer(user, Level.OWNER)
    dashboard = Dashboard.objects.filter(project=project, name=DASHBOARD).first()
    if dashboard is None:
        dashboard = dashboard_create(
            project=project, changes={"name": DASHBOARD, "pinned": True}, viewer=viewer
        )
        services.project_update(project=project, changes={"primary_dashboard_id": dashboard.pk})
    present = set(Insight.objects.filter(project=project).values_list("name", flat=True))
    for name, description, source in QUESTIONS:
        if name not in present:
            changes = {
                "name": name,
                "description": description,
                "query": {"kind": "InsightVizNode", "source": source},
                "saved": True,
                "dashboards": [dashboard.pk],
            }
            insight_create(project=project, changes=changes, viewer=viewer)
