"""The tables of the app, one noun per module. Rows only: writes are verbs in `insights.services`."""

from insights.models.action import Action
from insights.models.activity import ActivityLog, ActivityScope
from insights.models.annotation import Annotation, AnnotationScope
from insights.models.cohort import Cohort
from insights.models.dashboard import (
    CreationMode,
    Dashboard,
    DashboardCollaborator,
    DashboardTile,
    Privilege,
    Restriction,
    TextTile,
)
from insights.models.idempotency import IdempotentCreation
from insights.models.insight import Insight, InsightViewed
from insights.models.origin import Origin
from insights.models.sharing import SharingConfiguration

__all__ = [
    "Action",
    "ActivityLog",
    "ActivityScope",
    "Annotation",
    "AnnotationScope",
    "Cohort",
    "CreationMode",
    "Dashboard",
    "DashboardCollaborator",
    "DashboardTile",
    "IdempotentCreation",
    "Insight",
    "InsightViewed",
    "Origin",
    "Privilege",
    "Restriction",
    "SharingConfiguration",
    "TextTile",
]
