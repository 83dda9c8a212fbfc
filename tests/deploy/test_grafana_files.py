"""Grafana's files: the mistakes that Grafana answers with a silent "No data" are found here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.boards import FILES, GRAFANA, MACRO, ROOT, VARIABLE, load

PROVISIONING = GRAFANA / "provisioning"
BUILT_IN = {"__interval", "__timeFilter", "__timeGroupAlias"}


def provisioned(kind: str, key: str) -> list[dict[str, Any]]:
    """The entries of a provisioning file."""
    found: list[dict[str, Any]] = yaml.safe_load((PROVISIONING / kind / "davy.yaml").read_text("utf-8"))[key]
    return found


def name_of(file: Path) -> str:
    return f"{file.parent.name}-{file.stem}"


def test_the_files_are_what_the_program_writes() -> None:
    """Both languages come from one description, so that neither stays behind."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools/dashboards.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_uids_are_short_and_single() -> None:
    """Grafana takes 40 characters; two dashboards of one uid overwrite each other."""
    uids = [load(file)["uid"] for file in FILES]
    assert len(set(uids)) == len(uids) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in uids)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_dashboard_is_whole(file: Path) -> None:
    """Title, schema, panels with single ids within 24 columns and beside each other, SQL where Grafana looks for it."""
    board = load(file)
    assert board["title"]
    assert board["schemaVersion"] >= 36  # data sources by uid
    assert board["editable"] is False
    assert "id" not in board
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) > 5
    cells: Counter[tuple[int, int]] = Counter()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["w"] > 0
        assert place["x"] + place["w"] <= 24
        cells.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
        assert panel["title"]
        assert panel["description"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
        for target in panel["targets"]:
            assert target["rawSql"].strip()
            assert "query" not in target
            assert target["format"] in {"table", "time_series"}
    assert max(cells.values()) == 1, "two panels lie on each other"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_data_source_is_provisioned(file: Path) -> None:
    """A uid that no data source has shows "No data" and no error."""
    board = load(file)
    known = {(entry["type"], entry["uid"]) for entry in provisioned("datasources", "datasources")}
    users = [
        *board["panels"],
        *(t for panel in board["panels"] for t in panel["targets"]),
        *board["templating"]["list"],
    ]
    assert {(user["datasource"]["type"], user["datasource"]["uid"]) for user in users} <= known


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_variable_is_declared(file: Path) -> None:
    """A name that is not declared reaches the database as it stands, and fails there; one that nothing uses is a left-over."""
    board = load(file)
    declared = [variable["name"] for variable in board["templating"]["list"]]
    texts = [t["rawSql"] for panel in board["panels"] for t in panel["targets"]]
    asked = [variable["query"] for variable in board["templating"]["list"]]
    used = {m[1] or m[3] for text in [*texts, *asked] for m in VARIABLE.finditer(text)}
    assert used - BUILT_IN == set(declared)
    for position, text in enumerate(asked):
        # A variable may ask for those before it.
        assert {m[1] or m[3] for m in VARIABLE.finditer(text)} <= set(declared[:position])
    assert {m[1] for text in texts for m in MACRO.finditer(text)} <= BUILT_IN


def test_both_languages_say_the_same() -> None:
    """The Chinese dashboards have the same panels, and no English title; the English ones have no Chinese."""
    for english in (GRAFANA / "dashboards/en").glob("*.json"):
        en, zh = load(english), load(GRAFANA / "dashboards/zh" / english.name)
        assert [p["gridPos"] for p in en["panels"]] == [p["gridPos"] for p in zh["panels"]]
        assert not re.search("[\u4e00-\u9fff]", english.read_text("utf-8"))
        for panel in zh["panels"]:
            assert re.search("[\u4e00-\u9fff]", panel["title"])
            assert re.search("[\u4e00-\u9fff]", panel["description"])
            for target in panel["targets"]:
                labels = re.findall(r'AS "([^"]+)"', target["rawSql"])
                assert [label for label in labels if label.isascii()] == []


def test_data_source_cannot_be_changed_in_pages_and_holds_no_secret() -> None:
    """Fixed uid, not editable, the read-only role, secrets from the environment."""
    (source,) = provisioned("datasources", "datasources")
    assert source["editable"] is False
    assert source["user"] == "davy_grafana"
    assert source["access"] == "proxy"
    assert source["secureJsonData"] == {"password": "$GF_DAVY_DATABASE_PASSWORD"}
    assert re.fullmatch(r"[a-z-]{1,40}", source["uid"])


def test_every_folder_of_dashboards_is_provided() -> None:
    """Each language has its folder, and pages cannot save over the files."""
    providers = provisioned("dashboards", "providers")
    assert {Path(p["options"]["path"]).name for p in providers} == {file.parent.name for file in FILES}
    assert all(p["allowUiUpdates"] is False for p in providers)
    assert len({p["folderUid"] for p in providers}) == len(providers)
    assert all(len(p["folderUid"]) <= 40 for p in providers)
