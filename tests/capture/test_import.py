"""Bulk import: every format, bad rows kept apart, nothing twice however often it runs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from insights_service.capture import importer
from insights_service.capture.importer import Options, Report, import_file
from tests.api_client import Api

Rows = Callable[..., list[tuple[Any, ...]]]
LINES = [
    {
        "event": "A",
        "distinct_id": "u",
        "timestamp": "2024-01-01T10:00:00.5Z",
        "properties": {"x": 1, "y": "ä"},
    },
    {"event": "B", "distinct_id": "v", "timestamp": "2024-01-02T10:00:00Z"},
    {"event": "B", "distinct_id": "v", "timestamp": "2024-01-02T10:00:00Z"},
    {"event": "$identify", "distinct_id": "u", "timestamp": "2024-01-03T10:00:00Z", "properties": {}},
]
LINES[3]["properties"] = {"$anon_distinct_id": "v", "$set": {"plan": "pro"}}


@pytest.fixture
def load(api: Api, tmp_path: Path) -> Callable[..., Report]:
    """`load(text, name="events.ndjson", **options)`: import a file of that content."""

    def run(content: bytes | str, name: str = "events.ndjson", **options: Any) -> Report:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_file(path, Options(project_id=api.project.pk, **options))

    return run


def ndjson(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(*rows: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list({key: None for row in rows for key in row}))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_ndjson(load: Callable[..., Report], rows: Rows, packed: bool) -> None:
    text = ndjson(*LINES).encode()
    report = load(gzip.compress(text), "events.ndjson.gz") if packed else load(text)
    assert report == Report(read=4, stored=4)
    assert rows("event, distinct_id, toString(ts)") == [
        ("$identify", "u", "2024-01-03 10:00:00.000000"),
        ("A", "u", "2024-01-01 10:00:00.500000"),
        ("B", "v", "2024-01-02 10:00:00.000000"),
        ("B", "v", "2024-01-02 10:00:00.000000"),
    ]
    assert rows("props", "person", "is_deleted = 0") == [({"plan": "pro"},)]


def test_again_stores_nothing_twice(load: Callable[..., Report], rows: Rows) -> None:
    """Not under another name, in other batches, or with keys in another order; equal rows stay two events."""
    load(ndjson(*LINES))
    shuffled = [dict(reversed(line.items())) for line in reversed(LINES)]
    again = load(ndjson(*shuffled), "other.jsonl", batch_size=1)
    assert again == Report(read=4, already_there=4)
    more = load(ndjson(*LINES, LINES[1], {**LINES[0], "distinct_id": "w"}))
    assert more == Report(read=6, stored=2, already_there=4)
    assert len(rows("uuid")) == 6


def test_an_import_that_was_cut_off_is_run_again(
    load: Callable[..., Report], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{**LINES[0], "distinct_id": f"u{number}"} for number in range(50)]
    whole = importer.write_batch
    batches = iter(range(3))

    def cut_off(*args: Any, **kwargs: Any) -> int:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(importer, "write_batch", cut_off)
        with pytest.raises(KeyboardInterrupt):
            load(ndjson(*lines), batch_size=10)
    assert len(rows("uuid")) == 30
    assert load(ndjson(*lines), batch_size=7) == Report(read=50, stored=20, already_there=30)
    assert len(rows("uuid")) == 50


def test_uuids_of_derived_rows_sort_by_time(load: Callable[..., Report], rows: Rows) -> None:
    load(ndjson(*LINES))
    by_time = [row[0] for row in sorted(rows("uuid, ts"), key=lambda row: row[1])]
    assert by_time[0] < by_time[1]
    assert {found.version for found in by_time} == {7}


def test_csv(load: Callable[..., Report], rows: Rows) -> None:
    """Columns that are not part of an event are properties; cells may span lines, empty ones are absent."""
    text = table(
        {
            "event": "A",
            "distinct_id": "u",
            "timestamp": "2024-01-01 10:00:00",
            "plan": "pro",
            "note": "two\nlines",
        },
        {"event": "B", "distinct_id": "v", "timestamp": "1704103200", "plan": "", "properties.n": "5"},
    )
    assert load("\ufeff" + text, "events.csv", batch_size=1) == Report(read=2, stored=2)
    assert rows("event, toString(ts), props") == [
        ("A", "2024-01-01 10:00:00.000000", {"plan": "pro", "note": "two\nlines"}),
        ("B", "2024-01-01 10:00:00.000000", {"n": "5"}),
    ]


EXPORTED = {
    "uuid": "018E1F00-0000-7000-8000-000000000001",
    "event": "$autocapture",
    "properties": '{"$browser": "Firefox", "n": 1}',
    "distinct_id": "u",
    "team_id": 3,
    "person_id": "018e1f00-0000-7000-8000-0000000000aa",
    "ip": "10.0.0.1",
    "set": '{"plan": "pro"}',
    "set_once": "",
    "elements_chain": 'a.btn:text="Buy"',
    "timestamp": "2024-01-01 10:00:00.123000",
    "created_at": "2024-01-01 10:00:01.000000",
}


@pytest.mark.parametrize("name", ["export.jsonl", "export.csv"])
def test_export_of_the_peer_product(load: Callable[..., Report], rows: Rows, name: str) -> None:
    content = table(EXPORTED) if name.endswith("csv") else ndjson(EXPORTED)
    assert load(content, name).stored == 1
    assert load(content, name).already_there == 1
    chain = 'a.btn:text="Buy"'
    assert rows("uuid, toString(ts), elements_chain, props") == [
        (
            uuid.UUID(EXPORTED["uuid"]),
            "2024-01-01 10:00:00.123000",
            chain,
            {
                "$browser": "Firefox",
                "n": "1",
                "$set": '{"plan":"pro"}',
                "$ip": "10.0.0.1",
                "$elements_chain": chain,
            },
        )
    ]
    assert rows("props", "person") == [({"plan": "pro"},)]


def test_other_zones(load: Callable[..., Report], rows: Rows) -> None:
    naive = {**LINES[1], "timestamp": "2024-07-01T00:30:00"}
    load(ndjson(naive, {**naive, "timestamp": "2024-07-01T00:30:00Z"}), naive_zone=ZoneInfo("Europe/Berlin"))
    assert rows("toString(ts)") == [("2024-06-30 22:30:00.000000",), ("2024-07-01 00:30:00.000000",)]


def test_bad_rows_are_reported_and_kept_apart(
    api: Api, tmp_path: Path, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    good = LINES[0]
    bad = ["{nonsense", "[1]", json.dumps({**good, "event": ""}), json.dumps({**good, "distinct_id": " "})]
    bad += [json.dumps({**good, "timestamp": when}) for when in ("soon", None, "1812-01-01", "2999-01-01")]
    bad += [json.dumps({**good, "uuid": "x"}), json.dumps({**good, "properties": "no json"})]
    path = tmp_path / "mixed.ndjson"
    path.write_text("\n".join([json.dumps(good), "", *bad, json.dumps(LINES[1])]))
    call_command("import_events", str(path), project=api.project.pk, no_progress=True)
    printed = capsys.readouterr()
    assert printed.out.startswith("12 rows: 2 stored, 0 there already, 10 rejected")
    assert f"{path}:3: JSON parse error" in printed.err
    assert f"{path}:7: The timestamp is missing" in printed.err
    kept = [
        json.loads(line) for line in path.with_name("mixed.ndjson.rejected.ndjson").read_text().splitlines()
    ]
    assert [row["line"] for row in kept] == list(range(3, 13))
    assert kept[0]["row"] == "{nonsense"
    assert kept[2]["row"] == {**good, "event": ""}
    assert len(rows("uuid")) == 2


def test_csv_rows_that_do_not_fit(load: Callable[..., Report], rows: Rows) -> None:
    header = "event,distinct_id,timestamp,properties\n"
    report = load(header + 'A,u,2024-01-01,{}\nA,u,2024-01-01,{},more\nA,u,2024-01-02,"{"\nA,u\n', "e.csv")
    assert report == Report(read=4, stored=1, rejected=3)


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_empty_files(load: Callable[..., Report], content: bytes) -> None:
    assert load(content) == Report()


def test_a_damaged_file_says_so(api: Api, tmp_path: Path, rows: Rows) -> None:
    lines = ndjson(*({**LINES[0], "distinct_id": uuid.uuid4().hex} for _ in range(2000)))
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-2000])
    with pytest.raises(CommandError, match="damaged"):
        call_command("import_events", str(path), project=api.project.pk, no_progress=True)
    assert len(rows("uuid")) > 100


def test_a_dry_run_stores_nothing(load: Callable[..., Report], rows: Rows) -> None:
    assert load(ndjson(*LINES, "x"), dry_run=True) == Report(read=5, rejected=1)
    assert rows("uuid") == []


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"files": ["/nowhere/at/all"]}, "No such file"),
        ({"project": 2**31 - 1}, "No such project"),
        ({"token": "phc_nobody"}, "No such project"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"batch_size": 0}, "--batch-size"),
    ],
)
def test_wrong_arguments(api: Api, tmp_path: Path, arguments: dict[str, Any], complaint: str) -> None:
    path = tmp_path / "e.ndjson"
    path.write_text(ndjson(LINES[0]))
    files = arguments.pop("files", [str(path)])
    target = {} if {"project", "token"} & arguments.keys() else {"project": api.project.pk}
    with pytest.raises(CommandError, match=complaint):
        call_command("import_events", *files, **target, **arguments)


def test_history_of_many_months_in_one_batch(load: Callable[..., Report], rows: Rows) -> None:
    months = [f"{year}-{month:02}-01T00:00:00Z" for year in range(1990, 2003) for month in range(1, 13)]
    assert load(ndjson(*({**LINES[1], "timestamp": when} for when in months))).stored == len(months)
