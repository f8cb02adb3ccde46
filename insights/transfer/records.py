"""Reading saved things from where they are: a server's API, or JSON files of its answers.

A record is an object as the API gives it. Kinds are named like their paths.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

Record = dict[str, Any]
Seen = Callable[[str], None]  # told the kind, once per record

PROJECT = "project"
EVENT_DEFINITIONS, PROPERTY_DEFINITIONS = "event_definitions", "property_definitions"
ACTIONS, COHORTS = "actions", "cohorts"
DASHBOARDS, INSIGHTS, ANNOTATIONS = "dashboards", "insights", "annotations"
# What refers to something comes after it.
KINDS = (
    EVENT_DEFINITIONS,
    PROPERTY_DEFINITIONS,
    ACTIONS,
    COHORTS,
    DASHBOARDS,
    INSIGHTS,
    ANNOTATIONS,
)
PAGE = 100
TIMEOUT_SECONDS = 60
ATTEMPTS = 6  # with pauses of 1, 2, 4 ... seconds, or as long as a busy server asks for
PARAMETERS: Mapping[str, Mapping[str, str]] = {INSIGHTS: {"basic": "true"}}
PROPERTY_OWNERS = ("event", "person")
PERSONS_OF_A_COHORT = 1000


class TransferError(Exception):
    """Nothing can be read or written; the text says why and what to do."""


@dataclass(slots=True)
class Records:
    """What was read. `unread` maps a kind that could not be read to the reason."""

    source: str
    project: Record | None = None
    by_kind: dict[str, list[Record]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str) -> list[Record]:
        return self.by_kind.get(kind, [])


# --- files ----------------------------------------------------------------------------------------------


def read_folder(folder: Path, seen: Seen = lambda kind: None) -> Records:
    """`insights.json`, `insights-2.json`, `dashboards.json` ...: pages, bare lists or single objects."""
    if not folder.is_dir():
        raise TransferError(f"{folder} is no folder.")
    found = Records("files")
    for path in sorted(folder.glob("*.json")):
        kind = _kind_of(path)
        if kind == PROJECT:
            found.project = next(iter(_records_in(path)), None)
        elif kind:
            for record in _records_in(path):
                found.by_kind.setdefault(kind, []).append(record)
                seen(kind)
    if not found.by_kind:
        raise TransferError(f"{folder} has no file named after {', '.join(KINDS)} (such as insights.json).")
    if found.project and found.project.get("uuid"):
        found.source = f"project {found.project['uuid']}"
    return found


def _kind_of(path: Path) -> str | None:
    return next((kind for kind in (*KINDS, PROJECT) if path.stem.startswith(kind)), None)


def _records_in(path: Path) -> Iterator[Record]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise TransferError(f"{path} cannot be read as JSON: {error}") from error
    if isinstance(content, Mapping) and isinstance(content.get("results"), list):
        content = content["results"]
    for record in content if isinstance(content, list) else [content]:
        if not isinstance(record, dict):
            raise TransferError(f"{path} holds something that is no object.")
        yield record


# --- a server -------------------------------------------------------------------------------------------


class Server:
    """The API of PostHog, or of a server like this one, with a personal API key."""

    def __init__(self, url: str, key: str, project: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise TransferError(f"{url!r} is no address; it begins with https://.")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.base = f"{url.rstrip('/')}/api/projects/{project}"
        self._pool = urllib3.PoolManager(
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=urllib3.Timeout(TIMEOUT_SECONDS),
            retries=Retry(
                total=ATTEMPTS,
                backoff_factor=1,
                status_forcelist=(429, 502, 503, 504),
                redirect=0,
                raise_on_redirect=False,
                raise_on_status=False,
            ),
        )

    def read(self, kinds: tuple[str, ...], seen: Seen = lambda kind: None) -> Records:
        """All records of these kinds. A kind that this key may not read is noted, not fatal."""
        project = self._get(f"{self.base}/")
        found = Records(f"{self.origin} project {project.get('id')}", project)
        for kind in kinds:
            try:
                for record in READERS[kind](self, kind):
                    found.by_kind.setdefault(kind, []).append(record)
                    seen(kind)
            except Refused as refusal:
                found.unread[kind] = str(refusal)
        if kinds and len(found.unread) == len(kinds):
            raise TransferError(f"Nothing could be read: {next(iter(found.unread.values()))}")
        return found

    def pages(self, kind: str, **parameters: str) -> Iterator[Record]:
        """The records of a list, page by page."""
        query = {"limit": str(PAGE), **PARAMETERS.get(kind, {}), **parameters}
        while True:
            page = self._get(f"{self.base}/{kind}/?{urlencode(query)}")
            yield from page.get("results", [])
            following = page.get("next")
            if not following:
                return
            # Only its parameters: the key goes to nobody but the server that was named.
            query = dict(parse_qsl(urlsplit(following).query))

    def dashboards(self, kind: str) -> Iterator[Record]:
        """Dashboards with their tiles, which the list does not have."""
        for dashboard in self.pages(kind):
            yield self._get(f"{self.base}/{kind}/{dashboard['id']}/")

    def cohorts(self, kind: str) -> Iterator[Record]:
        """Cohorts; of static ones the members too, each by a distinct id."""
        for cohort in self.pages(kind):
            if cohort.get("is_static"):
                members = self.pages(f"{kind}/{cohort['id']}/persons", limit=str(PERSONS_OF_A_COHORT))
                cohort["_create_static_person_ids"] = [
                    person["distinct_ids"][0] for person in members if person.get("distinct_ids")
                ]
            yield cohort

    def properties(self, kind: str) -> Iterator[Record]:
        """Property definitions of events and persons."""
        for owner in PROPERTY_OWNERS:
            for definition in self.pages(kind, type=owner):
                yield {"type": owner, **definition}

    def _get(self, url: str) -> Record:
        try:
            response = self._pool.request("GET", url)
        except HTTPError as error:
            raise TransferError(f"{self.origin} does not answer: {error}") from error
        if response.status in (401, 403, 404):
            raise Refused(f"{response.status} for {urlsplit(url).path}: {_reason(response)}")
        if response.status != 200:
            raise TransferError(f"{self.origin} answered {response.status}: {_reason(response)}")
        try:
            content = response.json()
        except ValueError as error:
            raise TransferError(f"{url} did not answer with JSON.") from error
        if not isinstance(content, dict):
            raise TransferError(f"{url} answered with something that is no object.")
        return content


class Refused(TransferError):
    """The server does not let this key read this."""


def _reason(response: Any) -> str:
    try:
        content = response.json()
        return str(content.get("detail") or content)[:300]
    except (ValueError, AttributeError):
        return "no reason given"


READERS: Mapping[str, Callable[[Server, str], Iterator[Record]]] = {
    EVENT_DEFINITIONS: Server.pages,
    PROPERTY_DEFINITIONS: Server.properties,
    ACTIONS: Server.pages,
    COHORTS: Server.cohorts,
    DASHBOARDS: Server.dashboards,
    INSIGHTS: Server.pages,
    ANNOTATIONS: Server.pages,
}
