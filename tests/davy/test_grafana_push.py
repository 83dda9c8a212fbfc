"""`davy grafana push` against a peer that refuses what Grafana 13 refuses (written from its documentation)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from core.errors import BadInput, BadSetting, Refused, Unavailable
from davy.grafana.push import DEPLOY, data_source, push
from davy.grafana.scope import allow
from davy.servers.processes import free_port
from tests.api.plant import plant
from tests.database import TestDatabase
from tests.davy.grafana_peer import TOKEN, Peer, running

pytestmark = pytest.mark.db
BOTH = ["zh", "en"]


@pytest.fixture
def grafana() -> Iterator[Peer]:
    """The stand-in."""
    with running() as peer:
        yield peer


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The token as Grafana showed it, in a file of one line."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", "utf-8")
    return file


@pytest.fixture
def url(timescale_database: TestDatabase) -> str:
    """The data source's address, with a company to see."""
    plant(timescale_database)
    let(timescale_database)
    return timescale_database.url("grafana")


def let(database: TestDatabase) -> None:
    owner, now = database.url("owner"), datetime.now(UTC)
    allow(owner, ["huaihai-petro"], audience="client", days=30, reason="test", actor="tester", now=now)


def pushed(grafana: Peer, token_file: Path, url: str, **more: Any) -> list[str]:
    """What push says."""
    steps = push(grafana.url, token_file, url, **{"seen_by_grafana": "", "languages": BOTH, **more})
    return [f"{step.outcome}: {step.what}" for step in steps]


def test_pushing_makes_everything_and_repeating_it_changes_nothing(grafana: Peer, token_file: Path, url: str) -> None:
    """Folder, data source and dashboards by uid; the second time all is as it was."""
    first = pushed(grafana, token_file, url)
    assert len(first) == 7
    assert all(line.startswith("made: ") for line in first)
    assert all(line.startswith("as it was: ") for line in pushed(grafana, token_file, url))
    (source,) = yaml.safe_load((DEPLOY / "provisioning/datasources/davy.yaml").read_text("utf-8"))["datasources"]
    kept = grafana.sources["davy-postgres"]
    assert (kept["type"], kept["access"], kept["user"]) == (source["type"], "proxy", "davy_grafana")
    assert kept["secureJsonData"]["password"] in url
    assert "$" not in json.dumps(kept)
    assert {board["meta"]["folderUid"] for board in grafana.dashboards.values()} == {"davy-en", "davy-zh"}
    assert not [path for _, path in grafana.requests if path.split("/")[-1].isdigit()], (
        "numeric ids are off since Grafana 13"
    )


def test_the_data_source_says_which_kind_of_database_it_is(database: TestDatabase) -> None:
    """Grafana writes $__timeGroup out by it: a time_bucket on plain PostgreSQL would fail in every panel."""
    plant(database)
    let(database)
    made = data_source(database.url("grafana"))
    assert made["jsonData"]["timescaledb"] is (database.kind == "timescaledb")
    assert made["jsonData"]["sslmode"] == "disable"  # on loopback; elsewhere the default is TLS


def test_numeric_ids_are_answered_as_grafana_13_does(grafana: Peer) -> None:
    """The peer itself: what grafana-api would call is not there."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=grafana.url, headers=headers) as client:
        assert client.get("/api/datasources/1").status_code == 404
        assert client.put("/api/datasources/1", json={"name": "Davy"}).status_code in {404, 405}
        refused = client.post("/api/datasources", json={"name": "Davy", "type": "x", "access": "proxy"})
        assert refused.status_code == 400
        nameless = {"dashboard": {"uid": "a", "title": ""}, "folderUid": "b"}
        assert client.post("/api/dashboards/db", json=nameless).status_code == 400


def test_a_changed_dashboard_is_brought_back(grafana: Peer, token_file: Path, url: str) -> None:
    """What differs from our files is written again, on the version that was there."""
    pushed(grafana, token_file, url, languages=["en"])
    grafana.dashboards["davy-site-en"]["dashboard"]["title"] = "Mine"
    grafana.folders["davy-en"]["title"] = "Mine"
    again = pushed(grafana, token_file, url, languages=["en"])
    assert [line for line in again if line.startswith("changed")] == [
        "changed: folder davy-en",
        "changed: dashboard davy-site-en",
    ]
    assert grafana.dashboards["davy-site-en"]["dashboard"]["version"] == 2


def test_a_change_made_meanwhile_is_not_overwritten(grafana: Peer, token_file: Path, url: str) -> None:
    """A version conflict is one sentence, and the other's work stays."""
    pushed(grafana, token_file, url, languages=["en"])
    board = grafana.dashboards["davy-alarms-en"]["dashboard"]
    board["title"] = "Mine"
    grafana.between.append(lambda: board.update(version=9))
    with pytest.raises(Refused, match=r"Somebody changed the dashboard davy-alarms-en meanwhile.*push again"):
        pushed(grafana, token_file, url, languages=["en"])
    assert grafana.dashboards["davy-alarms-en"]["dashboard"]["title"] == "Mine"


def test_what_grafana_refuses_is_one_sentence(grafana: Peer, token_file: Path, url: str) -> None:
    """Token, rights, files of its own: each says what to do."""
    grafana.role = "Viewer"
    with pytest.raises(
        Refused, match="The token may not write the data source davy-postgres: give its service account"
    ):
        pushed(grafana, token_file, url)
    grafana.role = "Admin"
    pushed(grafana, token_file, url)
    grafana.dashboards["davy-site-zh"]["meta"]["provisioned"] = True
    with pytest.raises(Refused, match="dashboard davy-site-zh is provisioned from files"):
        pushed(grafana, token_file, url)
    grafana.sources["davy-postgres"]["readOnly"] = True
    with pytest.raises(Refused, match="data source davy-postgres is provisioned from files"):
        pushed(grafana, token_file, url)
    token_file.write_text("glsa_of-another", "utf-8")
    with pytest.raises(Refused, match="Grafana does not know this token"):
        pushed(grafana, token_file, url)


def test_who_does_not_answer_is_one_sentence(grafana: Peer, token_file: Path, url: str) -> None:
    """A closed port, a path under which no Grafana is."""
    with pytest.raises(Unavailable, match="Grafana does not answer"):
        push(f"http://127.0.0.1:{free_port()}", token_file, url, seen_by_grafana="", languages=BOTH)
    with pytest.raises(Refused, match="has no place for the data source davy-postgres: give the address"):
        push(f"{grafana.url}/elsewhere", token_file, url, seen_by_grafana="", languages=BOTH)


def test_what_is_given_wrong_is_one_sentence(
    grafana: Peer, token_file: Path, url: str, timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """Nothing is sent anywhere before all of it is right."""
    with pytest.raises(BadInput, match=r"--token-file names .*which cannot be read"):
        pushed(grafana, tmp_path / "none", url)
    (tmp_path / "empty").write_text("\n", "utf-8")
    with pytest.raises(BadInput, match=r"does not hold a token"):
        pushed(grafana, tmp_path / "empty", url)
    with pytest.raises(BadInput, match=r"--database 10.0.0.1 is not host:port"):
        pushed(grafana, token_file, url, seen_by_grafana="10.0.0.1")
    with pytest.raises(BadSetting, match=r"it must be davy_grafana"):
        pushed(grafana, token_file, timescale_database.url("web"))
    with pytest.raises(BadInput, match=r"--url grafana.example is not an address"):
        push("grafana.example", token_file, url, seen_by_grafana="", languages=BOTH)
    with timescale_database.connect("owner") as owner:
        owner.execute("DELETE FROM grafana_scope")
    with pytest.raises(BadSetting, match=r"davy_grafana may see no company.*davy grafana allow"):
        pushed(grafana, token_file, url)
    assert grafana.requests == []


def test_the_command_says_what_it_did(
    grafana: Peer, token_file: Path, url: str, timescale_database: TestDatabase
) -> None:
    """`davy grafana scope|push|withdraw` as one types them."""

    def davy(*words: str) -> subprocess.CompletedProcess[str]:
        environ = {
            "DAVY_DATABASE_URL_OWNER": timescale_database.url("owner"),
            "DAVY_DATABASE_URL_GRAFANA": url,
            "PATH": "/usr/bin:/bin",
        }
        command = [sys.executable, "-m", "davy", "grafana", *words]
        root = Path(__file__).parents[2]
        return subprocess.run(command, env=environ, cwd=root, capture_output=True, text=True, timeout=60, check=False)

    listed = json.loads(davy("scope", "--json").stdout)["scope"]
    assert [(row["role"], row["company"], row["audience"]) for row in listed] == [
        ("davy_grafana", "huaihai-petro", "client")
    ]
    done = davy(
        "push", "--url", grafana.url, "--token-file", str(token_file), "--database", "10.1.2.3:5432", "--language", "zh"
    )
    assert done.returncode == 0, done.stderr
    assert "made      dashboard davy-alarms-zh" in done.stdout
    assert grafana.sources["davy-postgres"]["url"] == "10.1.2.3:5432"
    assert "before: huaihai-petro" in davy("withdraw", "--reason", "over").stdout
    assert davy("scope").stdout.strip() == "No Grafana may see anything."
    wrong = davy("push", "--url", grafana.url, "--token-file", str(token_file))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert len(wrong.stderr.strip().splitlines()) == 1
