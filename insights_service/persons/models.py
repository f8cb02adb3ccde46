"""Identities as tables: the truth from which ClickHouse's copy can be written again at any time.

A distinct id gets a number (`actor_no`) when it is first seen and keeps it for ever; events carry that
number. A person is named by the number of one of its distinct ids (`person_no`), so a merge only changes
`DistinctId.person_no`, never an event. Invariant: if a distinct id points to person p, then the distinct
id with the number p points to p too (chains are always flat).

Every transaction that changes identities is a numbered `Revision`; the rows it touched carry its number
as `version`, and it stays in the table until ClickHouse has the rows.
"""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from insights_service import clock

# Events and bitmaps hold actor numbers as 32-bit unsigned integers.
MAX_ACTOR_NO = 2**32 - 1
# The namespace of the ids given to persons without a profile (semantics B3); never to be changed.
PERSONLESS_NAMESPACE = uuid.UUID("8f3a1f0e-6f0b-5d57-9c1e-0d8f6f3f2b61")


def personless_uuid(project_id: int, distinct_id: str) -> uuid.UUID:
    """The id of the person that a distinct id without a profile counts as: always the same (semantics B3)."""
    return uuid.uuid5(PERSONLESS_NAMESPACE, f"{project_id}:{distinct_id}")


class DistinctId(models.Model):
    """One distinct id of a project and the person it belongs to (semantics B1)."""

    actor_no = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    distinct_id = models.CharField(max_length=200)
    # Number of a distinct id of the same project; equal to `actor_no` while nothing was merged.
    person_no = models.BigIntegerField()
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "distinct_id"], name="one_actor_per_distinct_id"),
            models.CheckConstraint(
                condition=models.Q(actor_no__lte=MAX_ACTOR_NO), name="actor_no_fits_32_bits"
            ),
        ]
        indexes = [models.Index(fields=["project", "person_no"], name="distinct_ids_of_person")]

    def __str__(self) -> str:
        return self.distinct_id


class Person(models.Model):
    """The profile of a person. A distinct id without one still counts as a user of its own (semantics B3)."""

    person_no = models.BigIntegerField(primary_key=True)
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    uuid = models.UUIDField(default=uuid.uuid4)
    # Earliest of all parts after a merge (semantics I17).
    created_at = models.DateTimeField(default=clock.now)
    properties = models.JSONField(default=dict)
    # Somebody told us who it is; two such persons are never merged by mistake (api X7).
    is_identified = models.BooleanField(default=False)
    version = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "uuid"], name="person_uuid_in_project")]
        indexes = [
            models.Index(fields=["project", "person_no"], name="persons_by_number"),
            models.Index(fields=["project", "-created_at", "person_no"], name="persons_newest_first"),
        ]

    def __str__(self) -> str:
        return str(self.uuid)


class GroupType(models.Model):
    """A kind of group with its index 0..4, given in order of first use (semantics B8, api X7)."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="group_types")
    group_type = models.CharField(max_length=400)
    group_type_index = models.PositiveSmallIntegerField()
    name_singular = models.CharField(max_length=400, null=True, blank=True)
    name_plural = models.CharField(max_length=400, null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["group_type_index"]
        constraints = [
            models.UniqueConstraint(fields=["project", "group_type"], name="one_index_per_group_type"),
            models.UniqueConstraint(fields=["project", "group_type_index"], name="one_group_type_per_index"),
            models.CheckConstraint(
                condition=models.Q(group_type_index__lte=4), name="at_most_five_group_types"
            ),
        ]

    def __str__(self) -> str:
        return self.group_type


class Group(models.Model):
    """A group and its current properties (semantics B10)."""

    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    group_type_index = models.PositiveSmallIntegerField()
    group_key = models.CharField(max_length=400)
    properties = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "group_type_index", "group_key"], name="one_group_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.group_type_index}:{self.group_key}"


class Revision(models.Model):
    """One transaction's changes of identities, kept until ClickHouse has them.

    The id is drawn while the project is locked, so within a project a higher number is the later change.
    A person listed here that has no row any more was deleted or merged away.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    actor_nos = ArrayField(models.BigIntegerField(), default=list)
    # Those of `actor_nos` whose person changed: queries must learn where their events belong now.
    moved_actor_nos = ArrayField(models.BigIntegerField(), default=list)
    person_nos = ArrayField(models.BigIntegerField(), default=list)
    group_ids = ArrayField(models.BigIntegerField(), default=list)


class IdentityState(models.Model):
    """How far a project's identities have come, in revisions; one row per project.

    `current` is the last one, `moved` the last that moved an actor to another person, `loaded` the one up
    to which ClickHouse's dictionary of moved actors is known to be fresh: `loaded < moved` asks for a reload.
    `inserter` names the process that wrote events last; the next one makes sure it has finished.
    """

    project = models.OneToOneField(
        "accounts.Project", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    current = models.BigIntegerField(default=0)
    moved = models.BigIntegerField(default=0)
    loaded = models.BigIntegerField(default=0)
    inserter = models.CharField(max_length=40, blank=True, default="")


class IngestionWarning(models.Model):
    """Something in the intake that its sender should know of, counted per kind and subject.

    Bounded: `warnings.record` keeps the newest ones of each project.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=80)
    subject = models.CharField(max_length=400, help_text="Distinct id, event name or key it is about.")
    details = models.JSONField(default=dict)
    count = models.BigIntegerField(default=1)
    first_seen_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-last_seen_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "subject"], name="one_warning_per_subject")
        ]
        indexes = [models.Index(fields=["project", "-last_seen_at"], name="warnings_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"


class EventDefinition(models.Model):
    """An event name that was seen (api W18)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=400)
    created_at = models.DateTimeField(default=clock.now)
    # To the hour: it is a hint for people, not worth a write per event.
    last_seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_definition_per_event")]

    def __str__(self) -> str:
        return self.name


class PropertyOwner(models.TextChoices):
    """Whose property it is (api W18 `type`)."""

    EVENT = "event"
    PERSON = "person"
    GROUP = "group"
    SESSION = "session"


class PropertyType(models.TextChoices):
    """What its values are (api W18 `property_type`, semantics C4)."""

    STRING = "String"
    NUMERIC = "Numeric"
    BOOLEAN = "Boolean"
    DATETIME = "DateTime"


# Stands for "no group type" in the unique key below, since NULLs are never equal.
NO_GROUP_TYPE = -1


class PropertyDefinition(models.Model):
    """A property key that was seen (api W18).

    `declared_type` was set by a person and changes how filters compare (semantics C4);
    `inferred_type` is what the first value looked like, shown as a hint and nothing else.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=400)
    type = models.CharField(max_length=10, choices=PropertyOwner.choices, default=PropertyOwner.EVENT)
    group_type_index = models.SmallIntegerField(default=NO_GROUP_TYPE)
    declared_type = models.CharField(max_length=10, choices=PropertyType.choices, null=True, blank=True)
    inferred_type = models.CharField(max_length=10, choices=PropertyType.choices, null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "type", "group_type_index", "name"], name="one_definition_per_property"
            ),
            models.CheckConstraint(
                condition=models.Q(type=PropertyOwner.GROUP, group_type_index__gte=0)
                | (~models.Q(type=PropertyOwner.GROUP) & models.Q(group_type_index=NO_GROUP_TYPE)),
                name="only_group_properties_have_a_group_type",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def property_type(self) -> str | None:
        """The type to show: the declared one, else the hint."""
        return self.declared_type or self.inferred_type

    @property
    def is_numerical(self) -> bool:
        """Whether values are numbers, as far as known (api W18)."""
        return self.property_type == PropertyType.NUMERIC


class EventProperty(models.Model):
    """That an event came with a property: answers `?event_names=` of the property list (api W18)."""

    project = models.ForeignKey(
        "accounts.Project", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    event = models.CharField(max_length=400)
    property = models.CharField(max_length=400)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "event", "property"], name="event_with_property")
        ]
