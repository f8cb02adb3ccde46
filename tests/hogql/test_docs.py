"""The pages name what the code knows, and nothing is hidden."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from queries.cohort_definition import BEHAVIOURS
from queries.hogql.aggregates import AGGREGATES, WINDOW_FUNCTIONS
from queries.hogql.columns import COLUMNS
from queries.hogql.forms import FORMS
from queries.hogql.functions import ALIASES, FUNCTIONS
from queries.hogql.tables import TABLES
from queries.properties import OPERATOR_WORDS
from queries.sql.sessions import SESSION_KEYS
from queries.vocabulary import PropertyType

DOCS = Path(__file__).resolve().parents[2] / "docs"


def words(page: str) -> set[str]:
    """Everything in backquotes, in lower case."""
    text = re.sub(r"```.*?```|``", "", (DOCS / page).read_text(), flags=re.DOTALL)
    return {
        word for quoted in re.findall(r"`([^`]+)`", text) for word in re.findall(r"[$\w]+", quoted.lower())
    }


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("hogql.md", {*FUNCTIONS, *FORMS, *ALIASES, *AGGREGATES, *WINDOW_FUNCTIONS}),
        ("hogql.md", {*TABLES, *COLUMNS} - {f"$group_{index}" for index in (1, 2, 3)}),
        ("filters.md", {*OPERATOR_WORDS, *SESSION_KEYS, *BEHAVIOURS, *PropertyType}),
    ],
)
def test_every_name_is_documented(page: str, names: set[str]) -> None:
    assert {name for name in names if name.lower() not in words(page)} == set()
