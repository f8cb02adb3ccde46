"""Writing what was read: through the same checks and verbs as the API, each record on its own.

What cannot be taken is reported and left out; nothing else fails because of it. Ids of actions and
cohorts inside questions become those of here. Everything keeps its short id (so that links go on
working), its dates and, if the person is a member here too, its author. Run again, only what is new is
made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import APIException

from insights.api.actions import ActionBody
from insights.api.annotations import AnnotationBody
from insights.api.cohorts import CohortBody
from insights.api.dashboard_serializers import DashboardBody
from insights.api.fields import Reader
from insights.api.serializers import InsightBody
from insights.levels import Viewer
from insights.models import (
    AnnotationScope,
    Dashboard,
    DashboardTile,
    Insight,
    Origin,
)
from insights.models.ids import RESERVED_WORDS
from insights.services.actions import action_create
from insights.services.annotations import annotation_create
from insights.services.cohorts import cohort_create
from insights.services.dashboard_tiles import change_tiles
from insights.services.dashboards import dashboard_create
from insights.services.insights import insight_create
from insights.transfer.definitions import DEFINITIONS
from insights.transfer.records import (
    ACTIONS,
    ANNOTATIONS,
    COHORTS,
    DASHBOARDS,
    INSIGHTS,
    Record,
    Records,
)
from insights.transfer.references import References, cohorts_in_sql, named
from insights_service.accounts.models import Project, User
from insights_service.accounts.services import project_update
from insights_service.errors import DomainError, problem_of
from queries.errors import QueryError

TILES = "tiles"
# What a remark of this scope must be about.
SUBJECTS: Mapping[str, str] = {
    AnnotationScope.INSIGHT: "dashboard_item",
    AnnotationScope.DASHBOARD: "dashboard_id",
}
MAX_UNKNOWN_KEYS = 50  # of one question that are taken out before it is given up
REFUSALS = (DomainError, QueryError, APIException)
SETTINGS = (
    "timezone",
    "week_start_day",
    "test_account_filters",
    "path_cleaning_filters",
    "person_display_name_properties",
)


@dataclass(slots=True)
class Count:
    """What became of the records of one kind."""

    read: int = 0
    created: int = 0
    here_already: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """What did not carry over of one thing, in a sentence."""

    kind: str
    source_id: str
    name: str
    text: str


@dataclass(slots=True)
class Report:
    """The whole import, for people."""

    counts: dict[str, Count] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def of(self, kind: str) -> Count:
        return self.counts.setdefault(kind, Count())


class Importer:
    """One import into one project. `viewer` is who it is done by."""

    def __init__(
        self, project: Project, viewer: Viewer, records: Records, done: Callable[[str], None] = lambda _: None
    ) -> None:
        if viewer.user is None:
            raise ValueError("An import is done by a user.")
        self.project, self.viewer, self.records, self.done = project, viewer, records, done
        self.user: User = viewer.user
        self.report = Report()
        self.ids: dict[str, dict[str, int]] = {}
        for kind, source_id, object_id in Origin.objects.filter(
            project=project, source=records.source
        ).values_list("kind", "source_id", "object_id"):
            self.ids.setdefault(kind, {})[source_id] = object_id
        members = User.objects.filter(organizations=project.organization_id)
        self.members = {user.email.lower(): user for user in members}

    def run(self, *, settings: bool = False, dry_run: bool = False) -> Report:
        """Everything, in one transaction; `dry_run` undoes it at the end, so the report is the true one."""
        with transaction.atomic():
            if settings and self.records.project:
                self._settings(self.records.project)
            for kind, define in DEFINITIONS.items():
                self._definitions(kind, define)
            for kind, write in WRITERS.items():
                for record in self._ordered(kind):
                    self._one(kind, record, write)
            for dashboard in self.records.of(DASHBOARDS):
                self._tiles(dashboard)
            transaction.set_rollback(dry_run)
        return self.report

    def _definitions(self, kind: str, define: Callable[[Project, Sequence[Record]], int]) -> None:
        """Names are made in bulk: there may be many, and they refer to nothing."""
        records = self.records.of(kind)
        count = self.report.of(kind)
        count.read = len(records)
        count.created = define(self.project, records)
        count.here_already = count.read - count.created
        for _ in records:
            self.done(kind)

    # --- one record ---------------------------------------------------------------------------------------

    def _one(self, kind: str, record: Record, write: Callable[[Importer, Record], int]) -> None:
        count, source_id = self.report.of(kind), _id_of(record)
        count.read += 1
        if source_id in self.ids.get(kind, {}):
            count.here_already += 1
        elif record.get("deleted"):
            count.skipped += 1
        else:
            try:
                with transaction.atomic():
                    self._remember(kind, source_id, write(self, record))
                count.created += 1
            except (*REFUSALS, DatabaseError) as error:
                count.skipped += 1
                self._remark(kind, record, f"Left out: {_sentence(error)}")
        self.done(kind)

    def _remember(self, kind: str, source_id: str, object_id: int) -> None:
        Origin.objects.create(
            project=self.project,
            source=self.records.source,
            kind=kind,
            source_id=source_id,
            object_id=object_id,
        )
        self.ids.setdefault(kind, {})[source_id] = object_id

    def _remark(self, kind: str, record: Record, text: str) -> None:
        name = str(record.get("name") or record.get("derived_name") or record.get("content") or "")
        self.report.remarks.append(Remark(kind, _id_of(record), name[:80], text))

    def _ordered(self, kind: str) -> Sequence[Record]:
        """Cohorts after those that they are built on; anything else as it came."""
        records = self.records.of(kind)
        if kind != COHORTS:
            return records
        by_id = {_id_of(record): record for record in records}
        ordered: dict[str, Record] = {}

        def add(number: str, above: tuple[str, ...]) -> None:
            if number in ordered or number in above or number not in by_id:
                return
            for needed in sorted(named(by_id[number].get("filters"), COHORTS)):
                add(needed, (*above, number))
            ordered[number] = by_id[number]

        for number in by_id:
            add(number, ())
        return list(ordered.values())

    def _renumbered(self, kind: str, record: Record, keys: Sequence[str]) -> Record:
        """The keys of the record that a body takes, with the ids of here."""
        references = References(self.ids)
        body = {
            key: references.renumbered(record[key]) for key in keys if record.get(key) not in (None, {}, [])
        }
        for missing, number in sorted(references.missing):
            self._remark(kind, record, f"Names {missing[:-1]} {number}, which was not imported.")
        for number in cohorts_in_sql(body.get("query")):
            self._remark(kind, record, f"Its SQL names cohort {number}; put the id of here in.")
        return body

    def _read(
        self, kind: str, record: Record, reader: type[Reader], keys: Sequence[str]
    ) -> Mapping[str, Any]:
        """The body as the API would read it; keys of a question that are not known here are left out."""
        body = self._renumbered(kind, record, keys)
        for _ in range(MAX_UNKNOWN_KEYS):
            reading = reader(data=body)
            try:
                reading.is_valid(raise_exception=True)
            except QueryError as error:
                unknown = _unknown_key(error)
                if unknown is None or not _taken_out(body, unknown):
                    raise
                self._remark(kind, record, f"{'.'.join(unknown)} is not known here and was left out.")
            else:
                changes: Mapping[str, Any] = reading.validated_data
                return changes
        raise DomainError("Too many keys that this server does not know.")

    def _keep_history(self, row: Any, record: Record, **more: Any) -> None:
        """Dates and authors of there."""
        names = {field.name for field in row._meta.concrete_fields}
        kept: dict[str, Any] = {}
        for name in ("created_at", "updated_at", "last_modified_at"):
            moment = _moment(record.get(name))
            if name in names and moment:
                kept[name] = moment
        for name in ("created_by", "last_modified_by"):
            if name in names:
                kept[name] = self._member(record.get(name))
        type(row).objects.filter(pk=row.pk).update(**kept, **more)

    def _member(self, user: Any) -> User:
        email = user.get("email") if isinstance(user, Mapping) else None
        return self.members.get(str(email).lower(), self.user)

    # --- the kinds ------------------------------------------------------------------------------------------

    def _settings(self, project: Record) -> None:
        given = {name: project[name] for name in SETTINGS if name in project}
        references = References(self.ids)
        project_update(project=self.project, changes=references.renumbered(given))

    def _action(self, record: Record) -> int:
        keys = ("name", "description", "tags", "steps", "post_to_slack", "pinned_at")
        row = action_create(
            project=self.project, changes=self._read(ACTIONS, record, ActionBody, keys), actor=self.user
        )
        self._keep_history(row, record)
        return row.pk

    def _cohort(self, record: Record) -> int:
        keys = ["name", "description", "groups", "filters", "query", "is_static", "_create_static_person_ids"]
        if record.get("is_static"):
            keys.remove("groups")
            keys.remove("filters")
        row = cohort_create(
            project=self.project, changes=self._read(COHORTS, record, CohortBody, keys), actor=self.user
        )
        if row.is_static and not row.static_source:
            self._remark(COHORTS, record, "Its members were not in the records; upload them.")
        self._keep_history(row, record)
        return row.pk

    def _dashboard(self, record: Record) -> int:
        keys = ("name", "description", "pinned", "tags", "filters", "variables", "restriction_level")
        given = {**record, "filters": record.get("persisted_filters") or record.get("filters")}
        row = dashboard_create(
            project=self.project,
            changes=self._read(DASHBOARDS, given, DashboardBody, keys),
            viewer=self.viewer,
        )
        self._keep_history(row, record)
        return row.pk

    def _insight(self, record: Record) -> int:
        question = "query" if record.get("query") and not _is_shown_from_filters(record) else "filters"
        keys = ("name", "derived_name", "description", "order", "tags", "favorited", "saved", question)
        changes = {
            **self._read(INSIGHTS, record, InsightBody, keys),
            "dashboards": self._dashboards_of(record),
        }
        row = insight_create(project=self.project, changes=changes, viewer=self.viewer)
        self._keep_history(row, record, **self._free_short_id(record))
        return row.pk

    def _dashboards_of(self, record: Record) -> list[int]:
        """Dashboards whose own record does not list tiles; the others place theirs later, in their order."""
        listed = {_id_of(each) for each in self.records.of(DASHBOARDS) if each.get("tiles") is not None}
        known = self.ids.get(DASHBOARDS, {})
        numbers = [str(number) for number in record.get("dashboards") or []]
        return [known[number] for number in numbers if number in known and number not in listed]

    def _free_short_id(self, record: Record) -> dict[str, str]:
        wanted = str(record.get("short_id") or "")
        is_free = (
            wanted.isascii()
            and wanted.isalnum()
            and len(wanted) <= 12
            and wanted not in RESERVED_WORDS
            and not wanted.isdigit()
            and not Insight.objects.filter(project=self.project, short_id=wanted).exists()
        )
        if wanted and not is_free:
            self._remark(INSIGHTS, record, f"Its short id {wanted} is taken; it got another one.")
        return {"short_id": wanted} if is_free else {}

    def _annotation(self, record: Record) -> int:
        body = {**record, "dashboard_item": None, "dashboard_id": None}
        for key, kind in (("dashboard_item", INSIGHTS), ("dashboard_id", DASHBOARDS)):
            number = record.get(key)
            if number is not None:
                body[key] = self.ids.get(kind, {}).get(str(number))
        needed = SUBJECTS.get(str(record.get("scope")))
        if needed and body[needed] is None:
            raise DomainError("What it is about was not imported.")
        keys = ("content", "date_marker", "scope", "dashboard_item", "dashboard_id")
        row = annotation_create(
            project=self.project,
            changes=self._read(ANNOTATIONS, body, AnnotationBody, keys),
            actor=self.user,
        )
        self._keep_history(row, record)
        return row.pk

    # --- tiles ----------------------------------------------------------------------------------------------

    def _tiles(self, record: Record) -> None:
        """The tiles of a dashboard in their order, with layout and colour."""
        dashboard_id = self.ids.get(DASHBOARDS, {}).get(_id_of(record))
        dashboard = Dashboard.objects.filter(pk=dashboard_id).first() if dashboard_id else None
        for tile in record.get("tiles") or []:
            source_id = _id_of(tile)
            if dashboard is None or tile.get("deleted") or source_id in self.ids.get(TILES, {}):
                continue
            try:
                with transaction.atomic():
                    placed = self._tile(dashboard, tile)
                    if placed is not None:
                        self._remember(TILES, source_id, placed.pk)
            except (*REFUSALS, DatabaseError) as error:
                self._remark(DASHBOARDS, record, f"Tile {source_id} left out: {_sentence(error)}")

    def _tile(self, dashboard: Dashboard, tile: Record) -> DashboardTile | None:
        looks = {"layouts": tile.get("layouts") or {}, "color": tile.get("color")}
        text, insight = tile.get("text"), tile.get("insight")
        if isinstance(text, Mapping):
            change_tiles(dashboard, [{**looks, "text": {"body": str(text.get("body") or "")}}], self.viewer)
            return dashboard.tiles.order_by("-id").first()
        pk = self.ids.get(INSIGHTS, {}).get(_id_of(insight)) if isinstance(insight, Mapping) else None
        if pk is None:
            return None  # the insight has its own remark
        placed, _ = DashboardTile.objects.update_or_create(
            dashboard=dashboard, insight_id=pk, defaults={**looks, "deleted": False}
        )
        return placed


WRITERS: Mapping[str, Callable[[Importer, Record], int]] = {
    ACTIONS: Importer._action,
    COHORTS: Importer._cohort,
    DASHBOARDS: Importer._dashboard,
    INSIGHTS: Importer._insight,
    ANNOTATIONS: Importer._annotation,
}


def _id_of(record: Mapping[str, Any]) -> str:
    """What names the record there; definitions in files may have only their name."""
    return str(record.get("id") or f"{record.get('type') or ''}:{record.get('name') or ''}")


def _moment(text: Any) -> datetime | None:
    try:
        moment = parse_datetime(str(text or ""))
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _is_shown_from_filters(record: Record) -> bool:
    """Whether `query` is only what the server made of old `filters` for reading (api P27)."""
    filters = record.get("filters") or {}
    query = record.get("query") or {}
    is_made = (
        isinstance(query, Mapping) and query.get("kind") == "InsightVizNode" and query.get("full") is True
    )
    return is_made and bool(filters)


def _unknown_key(error: QueryError) -> tuple[str, ...] | None:
    """The path below the body of a key that our nodes do not have."""
    if error.code != "parse_error" or not error.detail.startswith("Unknown key") or not error.attr:
        return None
    return tuple(error.attr.split("__"))


def _taken_out(body: Any, path: Sequence[str]) -> bool:
    """Remove what is at the path; keys that hold `__` themselves are not found."""
    here = body
    for part in path[:-1]:
        here = _below(here, part)
    return isinstance(here, dict) and here.pop(path[-1], here) is not here


def _below(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return None


def _sentence(error: BaseException) -> str:
    problem = problem_of(error)
    return f"{problem.detail} ({problem.attr})" if problem.attr else problem.detail
