"""The environment becomes one typed value, or a sentence that names the variable."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from insights_service.config import Config, ConfigError, load
from insights_service.embedded import state

LONG_SECRET = "k3v9-Qz7_tR2mXw8Lp0aHs5dFy1cBn6gJe4u"
PAGE = Path(state.CHECKOUT / "docs" / "configuration.md")


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment without a running stack."""
    return {"RUN_DIR": str(tmp_path)}


def test_nothing_set_gives_the_defaults(nowhere: dict[str, str]) -> None:
    config = load(nowhere)
    assert (config.debug, config.query_timeout_seconds, config.throttle_burst) == (False, 60, 0)
    assert config.allowed_hosts == ("127.0.0.1", "localhost", "[::1]")


def test_config_cannot_be_changed(nowhere: dict[str, str]) -> None:
    with pytest.raises(FrozenInstanceError):
        load(nowhere).debug = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        pytest.param("DEBUG", "maybe", "DEBUG must be 1 or 0; it is 'maybe'.", id="a flag"),
        pytest.param("PORT", "80a", "PORT must be a whole number from 0 to 65535", id="a number"),
        pytest.param("PORT", "70000", "PORT must be a whole number from 0 to 65535", id="too large"),
        pytest.param("QUERY_TIMEOUT_SECONDS", "0", "must be a whole number from 1", id="too small"),
        pytest.param("LOG_FORMAT", "xml", "LOG_FORMAT must be one of json, console", id="a word"),
        pytest.param("QUERY_BUDGETS", "{", "QUERY_BUDGETS must be JSON", id="no JSON"),
        pytest.param("QUERY_BUDGETS", '{"me": {}}', "QUERY_BUDGETS has a row 'me'", id="a row"),
        pytest.param("CLICKHOUSE_CLUSTER", "a-b", "must be a plain name", id="a name"),
        pytest.param("DATABASE_URL", "mysql://x/y", "must look like postgresql://", id="a scheme"),
        pytest.param("CLICKHOUSE_URL", "http://h:port/x", "CLICKHOUSE_URL is not a URL", id="a port"),
    ],
)
def test_a_wrong_value_names_its_variable(
    nowhere: dict[str, str], name: str, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as caught:
        load({**nowhere, name: text})
    assert name in str(caught.value)


def test_all_wrong_values_are_told_at_once(nowhere: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load({**nowhere, "DEBUG": "x", "PORT": "y"})
    assert len(str(caught.value).splitlines()) == 2


def test_a_wrong_url_is_not_repeated_because_of_its_password(nowhere: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load({**nowhere, "REDIS_URL": "http://:hunter2@h/0"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        pytest.param({"SECRET_KEY": "short"}, "SECRET_KEY must be at least 32", id="a short secret"),
        pytest.param({"SECRET_KEY": "a" * 40}, "SECRET_KEY must be at least 32", id="one letter 40 times"),
        pytest.param({"DATABASE_URL": "postgresql://h/d"}, "SECRET_KEY must be set", id="no secret"),
        pytest.param({"ALLOWED_HOSTS": "a.org, *"}, "ALLOWED_HOSTS must name", id="every host"),
        pytest.param(
            {"SECRET_KEY": LONG_SECRET, "INSIGHTS_TEST_CLOCK": "1"},
            "must be 0 in production",
            id="test clock",
        ),
    ],
)
def test_insecure_production_settings_refuse_to_start(
    nowhere: dict[str, str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        load({**nowhere, **environment})
    load({**nowhere, **environment, "DEBUG": "1"})


def test_a_store_without_a_variable_is_the_running_stacks(tmp_path: Path) -> None:
    urls = {"database": "postgresql://h/d", "redis": "redis://h/0", "clickhouse": "http://h/c"}
    state.write(tmp_path, state.with_secrets({"urls": urls}))
    config = load({"RUN_DIR": str(tmp_path), "REDIS_URL": "redis://mine/0"})
    assert (config.database_url, config.redis_url) == ("postgresql://h/d", "redis://mine/0")
    assert not config.is_production
    assert load({"RUN_DIR": str(tmp_path), "INSIGHTS_TEST_CLOCK": "1"}).test_clock


def test_missing_stores_are_named(nowhere: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL, CLICKHOUSE_URL: not set"):
        load({**nowhere, "REDIS_URL": "redis://h/0"}).require_stores()


def test_the_cache_is_redis_unless_it_has_its_own(nowhere: dict[str, str]) -> None:
    assert load({**nowhere, "REDIS_URL": "redis://h/0"}).effective_cache_url == "redis://h/0"
    assert load({**nowhere, "CACHE_URL": "redis://c/0"}).effective_cache_url == "redis://c/0"


def test_the_page_lists_every_setting_as_the_code_has_it() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [_row(field) for field in fields(Config)]


def _row(field: Any) -> str:
    row = field.metadata
    kind = "URL" if field.name.endswith("_url") else _KINDS[field.type]
    unit = f", {row['unit']}" if row["unit"] else ""
    return (
        f"| `{row['name']}` | {kind}{unit} | {row['shown'] or _default(field.default)} | {row['sentence']} |"
    )


_KINDS = {
    "bool": "flag",
    "int": "number",
    "str": "text",
    "Path": "path",
    "tuple[str, ...]": "list",
    "Budgets": "JSON",
}


def _default(value: Any) -> str:
    match value:
        case bool():
            return str(int(value))
        case tuple():
            return ",".join(value)
        case "":
            return "empty"
    return str(value)


def test_the_run_file_is_for_its_owner_only_and_keeps_its_secrets(tmp_path: Path) -> None:
    first = state.with_secrets({})
    state.write(tmp_path, {**first, "urls": {"web": "http://x"}, "ready": True})
    assert (tmp_path / state.FILE_NAME).stat().st_mode & 0o777 == 0o600
    found = state.with_secrets(state.stopped(state.read(tmp_path)))
    assert found == first


def test_the_version_is_the_changelogs_first_heading() -> None:
    import tomllib

    from insights_service.config import version

    project = tomllib.loads((state.CHECKOUT / "pyproject.toml").read_text())["project"]
    assert version() == project["version"]
