"""Apprise against a real receiver on loopback: one message, one try, nowhere but where it may go."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from alerting.apprise_child import Guard
from alerting.channels.apprise import IN_THE_CLEAR, KNOWN, Apprise
from alerting.channels.channel import Address
from alerting.message import Message, compose
from core.errors import AddressGone, BadSetting, DeliveryFailed
from core.settings import Settings
from tests.alerting.messages import claimed
from tests.alerting.receivers import Request, webhook_receiver

pytestmark = pytest.mark.enable_socket

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PATIENT_S = 60.0
KEYS = {"DAVY_ADDRESS_KEYS": f"k1={'ab' * 32}"}


# An environment that has the library: it cannot share one with Davy's own packages (docs/reference/channels.md).
_OWN = Path(__file__).resolve().parents[2] / ".venv-apprise/bin/python"
PYTHON = Path(os.environ.get("DAVY_APPRISE_PYTHON", _OWN if _OWN.exists() else sys.executable))


@cache
def _has_it() -> bool:
    return subprocess.run([PYTHON, "-I", "-c", "import apprise"], capture_output=True, check=False).returncode == 0


def installed() -> None:
    if not _has_it():
        pytest.skip(
            "the library apprise is not installed: make apprise, or name a Python that has it in DAVY_APPRISE_PYTHON"
        )


def message() -> Message:
    return compose(claimed(language="zh"), public_url="https://davy.example")


def send(url: str, allow: list[str], *services: str, timeout_s: float = PATIENT_S) -> str:
    channel = Apprise(PYTHON, services or ["json", "jsons"], allow)
    return channel.send(message(), Address(url), now=NOW, timeout_s=timeout_s)


def test_a_message_arrives_whole_and_once() -> None:
    """Title, text and links in the reader's language; retries, redirects and leniency that the URL asks for are not granted."""
    installed()
    with webhook_receiver() as (received, port):
        orders = "retry=5&wait=5&optional=yes&redirect=yes&verify=no"
        receipt = send(f"json://127.0.0.1:{port}/geheim?{orders}", [f"127.0.0.1:{port}"])
    assert receipt == "Apprise handed it to json"
    (request,) = received
    document = json.loads(request.body)
    assert document["title"] == "【人身安全】可燃气体达25%LEL，罐区"
    assert "https://davy.example/occurrences/5" in document["message"]


@pytest.mark.parametrize(
    ("status", "kind"), [(403, DeliveryFailed), (410, AddressGone), (503, DeliveryFailed), (302, DeliveryFailed)]
)
def test_what_the_receiver_refuses_is_a_failure_after_one_try(status: int, kind: type[DeliveryFailed]) -> None:
    """`optional=yes` in the URL does not make a success of it, `retry=5` does not try again, a redirect is not followed."""
    installed()

    def answer(request: Request) -> tuple[int, dict[str, str]]:
        return status, {"location": f"http://127.0.0.1:{port}/elsewhere"}

    with webhook_receiver(answer) as (received, port), pytest.raises(kind, match=f"HTTP {status}") as caught:
        send(f"json://127.0.0.1:{port}/geheim?optional=yes&retry=5&redirect=yes", [f"127.0.0.1:{port}"])
    assert len(received) == 1
    assert "geheim" not in str(caught.value)
    assert caught.value.permanent is (status == 410)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "169.254.169.254", "10.0.0.1"]
)
def test_nothing_goes_to_a_private_address(host: str) -> None:
    """However it is written, over TLS too: the allow list names one host and port."""
    installed()
    with webhook_receiver() as (received, port), pytest.raises(DeliveryFailed) as caught:
        send(f"jsons://{host}:{port}/geheim", ["127.0.0.1:1"])
    assert received == []
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("json://sink.example/hook", "in the clear: use jsons"),
        ("dbus://", "not an Apprise URL"),
        ("syslog://local", "does not name syslog"),
        ("windows://x", "does not name windows"),
        ("exec://x", "does not name exec"),
        ("file://etc", "does not name file"),
        ("slack://a/b/c", "does not name slack"),
        ("json://a.example/,json://b.example/", "not an Apprise URL"),
        ("json://[::1", "not an Apprise URL"),
    ],
)  # fmt: skip
def test_what_it_is_not_asked_for(url: str, sentence: str) -> None:
    """Services of this machine, those that the settings do not name, several URLs in one: refused for good, before any child."""
    with pytest.raises(DeliveryFailed, match=sentence) as caught:
        send(url, [])
    assert caught.value.permanent


def test_what_the_library_does_not_know_is_refused_for_good() -> None:
    """A service of the list with an URL that names no receiver."""
    installed()
    with pytest.raises(DeliveryFailed, match="not an URL that Apprise knows for slack") as caught:
        send("slack://geheim", [], "slack")
    assert caught.value.permanent
    assert "geheim" not in str(caught.value)


def test_its_settings_are_looked_at_when_it_is_made() -> None:
    """Only with a Python of its own, only what is of the list, only with keys for addresses."""
    python = {"DAVY_APPRISE_PYTHON": sys.executable}
    services = {"DAVY_APPRISE_SERVICES": "slack, tgram"}
    assert Apprise.from_settings(Settings.read({**KEYS, **services})) is None
    assert Apprise.from_settings(Settings.read({**python, **services})) is None
    assert Apprise.from_settings(Settings.read({**KEYS, **python, **services})) is not None
    for wrong, sentence in (
        (python, "DAVY_APPRISE_SERVICES names no service"),
        (
            {**python, "DAVY_APPRISE_SERVICES": "slack, dbus, syslog"},
            "names dbus, syslog, which Davy does not let Apprise use",
        ),
        ({**services, "DAVY_APPRISE_PYTHON": "/nowhere/python"}, "names /nowhere/python, which is no program"),
    ):
        with pytest.raises(BadSetting, match=sentence):
            Apprise.from_settings(Settings.read({**KEYS, **wrong}))
    with pytest.raises(BadSetting, match="DAVY_APPRISE_SERVICES"):
        Settings.read({"DAVY_APPRISE_SERVICES": "slack://geheim"})


def test_a_python_without_the_library_is_said() -> None:
    """Tried again: somebody will install it; life safety goes another way meanwhile."""
    channel = Apprise(Path(sys.executable), ["slack"])
    with pytest.raises(DeliveryFailed, match="DAVY_APPRISE_PYTHON has no library apprise") as caught:
        channel.send(message(), Address("slack://a/b/c"), now=NOW, timeout_s=PATIENT_S)
    assert not caught.value.permanent


def test_the_list_is_of_services_that_the_library_has() -> None:
    """And none of it shows, runs or writes something here; what goes in the clear has a way with TLS."""
    installed()
    script = (
        "import apprise, json; print(json.dumps([s for e in apprise.Apprise().details()['schemas']"
        " for s in (*(e['protocols'] or ()), *(e['secure_protocols'] or ()))], default=str))"
    )
    done = subprocess.run([PYTHON, "-I", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert set(json.loads(done.stdout)) >= KNOWN
    assert {name + "s" for name in IN_THE_CLEAR} <= KNOWN
    assert not KNOWN & {
        "dbus",
        "kde",
        "qt",
        "glib",
        "gnome",
        "macosx",
        "windows",
        "syslog",
        "rsyslog",
        "mqtt",
        "mqtts",
        "fcm",
        "vapid",
    }


TRIES = {
    "connects": "import socket; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2)",
    "connects by name": "import socket; s = socket.socket(); s.connect(('localhost', int(sys.argv[1])))",
    "speaks to a socket of this machine": "import socket; socket.socket(socket.AF_UNIX).connect('/nowhere')",
    "starts a program": "import subprocess; subprocess.run(['true'])",
    "asks the shell": "import os; os.system('true')",
    "reads what is not its own": "open('/etc/passwd')",
    "reads it by another way": "import os; os.open('/usr/../etc/passwd', os.O_RDONLY)",
    "writes": "open('/tmp/davy-apprise-test', 'w')",
}


@pytest.mark.parametrize("what", sorted(TRIES))
def test_the_childs_guard_holds_whatever_the_library_does(what: str) -> None:
    """In a process of its own, as the child is: nothing takes a hook away again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = f"import sys; from alerting.apprise_child import Guard; import subprocess; sys.addaudithook(Guard([])); {TRIES[what]}"
        done = subprocess.run(
            [sys.executable, "-c", script, str(server.getsockname()[1])],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert "PermissionError" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    "service", ["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x", "workflows://1.1.1.1/wf/sig/"]
)
def test_no_file_that_an_url_names_is_read(service: str, tmp_path: Path) -> None:
    """Some services make their message of a template on the disk: whoever types an address must not have ours sent to them."""
    installed()
    template = tmp_path / "secret.json"
    template.write_text('{"text": "{{ app_body }}", "secret": 1}', encoding="utf-8")
    script = (
        "import builtins; from alerting.apprise_child import deliver; read, plain = [], open\n"
        "def watched(path, *rest, **more):\n    found = plain(path, *rest, **more); read.append(str(path)); return found\n"
        "builtins.open = watched\n"
        f"asked = {{'url': '{service}?template={template}', 'title': 't', 'body': 'b', 'urgent': True, 'allow': [], 'timeout_s': 1}}\n"
        f"print(deliver(asked)['sent'], '{template}' in read)"
    )
    done = subprocess.run(
        [PYTHON, "-B", "-c", script], env={"PYTHONPATH": str(Path(__file__).resolve().parents[2])}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_the_guard_lets_the_public_and_the_allowed_through() -> None:
    """And says afterwards whether it refused."""
    guard = Guard([("127.0.0.1", 8025)])
    for to in (("1.1.1.1", 443), ("2606:4700::1111", 443, 0, 0), ("127.0.0.1", 8025)):
        guard("socket.connect", (None, to))
    assert not guard.refused
    with pytest.raises(PermissionError):
        guard("socket.connect", (None, ("127.0.0.1", 8026)))
    assert guard.refused
