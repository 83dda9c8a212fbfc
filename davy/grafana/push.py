"""`davy grafana push`: our data source and dashboards, written into a running Grafana through its HTTP API.

Files are the default way (deploy/grafana/provisioning): they need no token and nothing of this. Push is for a Grafana
whose files one does not own. Everything is addressed by uid: Grafana 13 refuses numeric ids.

Source: Grafana's HTTP API documentation for 13 (folders, data sources, dashboards). Checked against a peer written from that
documentation (tests/davy/grafana_peer.py), not yet against a Grafana.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from psycopg.conninfo import conninfo_to_dict

from core.db import connect
from core.errors import BadInput, BadSetting, Refused, Unavailable
from core.migrate import kind_of
from core.settings import variable
from core.store.grafana_scope import companies_seen

Grafana = Any  # grafana_client.api.GrafanaApi: an extra, and without types

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
TIMEOUT_S: Final = 15.0
_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_HOST_PORT: Final = re.compile(r"[A-Za-z0-9._-]+:\d{1,5}|")
_ROLE: Final = re.compile(r"davy_grafana(_[a-z0-9_]+)?")
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to one thing: "made", "changed" or "as it was"."""

    what: str
    outcome: str


def push(
    url: str, token_file: Path, database_url: str, *, seen_by_grafana: str, languages: Sequence[str]
) -> list[Step]:
    """Folder, data source and dashboards, each made or brought to what our files say.

    Args:
        database_url: the data source's own address; its role must be one of Grafana's and see something.
        seen_by_grafana: host:port under which Grafana finds the database; empty: as in `database_url`.
        languages: "en", "zh".

    Raises:
        BadInput, BadSetting: something given is wrong.
        Refused: Grafana says no, with its reason.
        Unavailable: it does not answer, or its client is not installed.
    """
    source = data_source(database_url, seen_by_grafana)
    grafana = _connected(url, token_file)
    with closing(grafana.client.s):
        steps = [_put_data_source(grafana, source)]
        for language in languages:
            provider = _provider(language)
            steps.append(_put_folder(grafana, provider["folderUid"], provider["folder"]))
            for file in sorted((DEPLOY / "dashboards" / language).glob("*.json")):
                dashboard = json.loads(file.read_text("utf-8"))
                steps.append(_put_dashboard(grafana, dashboard, provider["folderUid"]))
        return steps


def data_source(database_url: str, seen_by_grafana: str = "") -> dict[str, Any]:
    """The data source of the provisioning file with this database's address and password.

    Raises:
        BadSetting: another role, or one that may see nothing.
    """
    name, given = variable("database_url_grafana"), conninfo_to_dict(database_url)
    user, host = str(given.get("user", "")), str(given.get("host", "127.0.0.1"))
    if not _ROLE.fullmatch(user):
        raise BadSetting(
            f"{name} leads to the role {user or '(none)'}; it must be davy_grafana, or begin with davy_grafana_."
        )
    if not _HOST_PORT.fullmatch(seen_by_grafana):
        raise BadInput(f"--database {seen_by_grafana} is not host:port.")
    with closing(connect(database_url, application="grafana-push")) as connection:
        if not companies_seen(connection):
            raise BadSetting(
                f"{user} may see no company, so every panel would be empty: run `davy grafana allow` first."
            )
        kind = kind_of(connection)
    (source,) = yaml.safe_load((DEPLOY / "provisioning/datasources/davy.yaml").read_text("utf-8"))["datasources"]
    del source["editable"]  # a word of files only
    mode = str(given.get("sslmode") or ("disable" if host in _LOOPBACK else "require"))
    return {
        **source,
        "user": user,
        "url": seen_by_grafana or f"{host}:{given.get('port', 5432)}",
        "jsonData": {
            **source["jsonData"],
            "database": str(given.get("dbname", "davy")),
            "sslmode": mode,
            "timescaledb": kind == "timescaledb",
        },
        "secureJsonData": {"password": str(given.get("password", ""))},
    }


def _provider(language: str) -> dict[str, Any]:
    """The provisioning file's entry for the dashboards of a language: its folder's uid and title."""
    listed = yaml.safe_load((DEPLOY / "provisioning/dashboards/davy.yaml").read_text("utf-8"))["providers"]
    return next(entry for entry in listed if entry["options"]["path"].endswith(f"/{language}"))


def _connected(url: str, token_file: Path) -> Grafana:
    if not _URL.fullmatch(url):
        raise BadInput(f"--url {url} is not an address such as https://grafana.example.")
    try:
        token = token_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"--token-file names {token_file}, which cannot be read ({why}).") from error
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise BadInput(f"{token_file} does not hold a token; it must be the one line that Grafana showed.")
    try:
        from grafana_client.api import GrafanaApi
    except ImportError as error:
        raise Unavailable(
            "Pushing needs the package grafana-client: install davy-safety[grafana], or use the files in deploy/grafana."
        ) from error
    # Its client puts "api" right behind the path.
    return GrafanaApi.from_url(f"{url.rstrip('/')}/" if urlsplit(url).path else url, token, timeout=TIMEOUT_S)


def _put_data_source(grafana: Grafana, source: dict[str, Any]) -> Step:
    what = f"data source {source['uid']}"
    found = _looked_up(what, lambda: grafana.datasource.get_datasource_by_uid(source["uid"]))
    if found is None:
        _asked(what, lambda: grafana.datasource.create_datasource(source))
        return Step(what, "made")
    if found.get("readOnly"):
        raise Refused(f"The {what} is provisioned from files on that Grafana: change it there, or take the file away.")
    # Always written: whether the password is still the same is what Grafana never tells.
    version = {"version": found["version"]} if "version" in found else {}
    _asked(what, lambda: grafana.datasource.update_datasource_by_uid(source["uid"], {**source, **version}))
    said = {key: found.get(key) for key in source if key != "secureJsonData"}
    same = said == {key: value for key, value in source.items() if key != "secureJsonData"}
    return Step(what, "as it was" if same else "changed")


def _put_folder(grafana: Grafana, uid: str, title: str) -> Step:
    what = f"folder {uid}"
    found = _looked_up(what, lambda: grafana.folder.get_folder(uid))
    if found is None:
        _asked(what, lambda: grafana.folder.create_folder(title, uid))
        return Step(what, "made")
    if found["title"] == title:
        return Step(what, "as it was")
    _asked(what, lambda: grafana.folder.update_folder(uid, title, version=found["version"]))
    return Step(what, "changed")


def _put_dashboard(grafana: Grafana, dashboard: dict[str, Any], folder: str) -> Step:
    uid = dashboard["uid"]
    what = f"dashboard {uid}"
    found = _looked_up(what, lambda: grafana.dashboard.get_dashboard(uid))
    fresh = {**dashboard, "id": None}
    if found is not None:
        if found["meta"].get("provisioned"):
            raise Refused(
                f"The {what} is provisioned from files on that Grafana: change it there, or take the file away."
            )
        there = found["dashboard"]
        if _content(there) == _content(dashboard) and found["meta"].get("folderUid") == folder:
            return Step(what, "as it was")
        fresh["version"] = there["version"]  # so that a change made meanwhile is not overwritten
    request = {"dashboard": fresh, "folderUid": folder, "overwrite": False, "message": "davy grafana push"}
    _asked(what, lambda: grafana.dashboard.update_dashboard(request))
    return Step(what, "made" if found is None else "changed")


def _content(dashboard: dict[str, Any]) -> dict[str, Any]:
    """A dashboard without what Grafana counts itself."""
    return {key: value for key, value in dashboard.items() if key not in {"id", "version"}}


def _looked_up(what: str, call: Callable[[], Any]) -> dict[str, Any] | None:
    """What Grafana has of one thing; None where it has none."""
    answer = _asked(what, call, may_lack=True)
    if answer is not None and not isinstance(answer, dict):
        raise Unavailable(
            "What answers there is not a Grafana, or not its API: give the address under which its pages are."
        )
    return answer


def _asked(what: str, call: Callable[[], Any], *, may_lack: bool = False) -> Any:
    """The answer to one request.

    Args:
        may_lack: None where Grafana knows no such thing, in place of an error.

    Raises:
        Refused: it says no. Unavailable: it does not answer as a Grafana does.
    """
    from grafana_client.client import GrafanaException
    from niquests.exceptions import RequestException

    try:
        return call()
    except GrafanaException as error:
        status, said = int(error.status_code or 0), _said(error)
        if status == 404 and may_lack:
            return None
        if status == 404:
            raise Refused(
                f"What answers there has no place for the {what}: give the address under which Grafana's pages are."
            ) from error
        if status == 401:
            raise Refused(
                "Grafana does not know this token: make one for a service account, and put it into the file."
            ) from error
        if status == 403:
            raise Refused(
                f"The token may not write the {what}: give its service account the role Admin ({said})."
            ) from error
        if status in {409, 412}:
            raise Refused(
                f"Somebody changed the {what} meanwhile, so nothing of it was written: push again ({said})."
            ) from error
        if 400 <= status < 500:
            raise Refused(f"Grafana refuses the {what}: {said}.") from error
        raise Unavailable(f"Grafana failed on the {what}: {said}.") from error
    except RequestException as error:
        raise Unavailable(
            f"Grafana does not answer, or not as a Grafana does: {str(error).splitlines()[0]}."
        ) from error


def _said(error: Any) -> str:
    answer = error.response
    said = answer.get("message") if isinstance(answer, dict) else None
    return str(said or error.message).splitlines()[0].rstrip(".")[:300]
