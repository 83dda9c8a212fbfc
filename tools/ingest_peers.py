"""What others store a second of the same messages, on the same machine and servers as `davy bench ingest`: for docs/performance.md.

Two peers: the script of a tutorial (paho-mqtt, json, psycopg: a row a reading, once committing each message, once 500 at a time), and
Node-RED with the library pg (a statement each message, and one for 500). None of them looks for a repeat, a late reading, a
deadband or a delay, none keeps what it cannot store, and only the script that commits each message has stored what it acknowledges: it is
less work than Davy's.

    .venv/bin/python tools/ingest_peers.py [--node-red FOLDER]

FOLDER is where `npm install node-red pg` was run; without it Node-RED is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from davy.answer import progress
from davy.bench.instance import Instance, opened
from davy.bench.portfolio import SETPOINT, Portfolio
from davy.bench.receiver import BareReceiver
from davy.servers.processes import free_port

TOPIC: Final = "davy/v1/+/+/readings"
SENSORS: Final = 20_000
SINGLE, BATCHED = 60_000, 24_000  # messages of a drain: of one reading, of fifty
QUICK: Final = 6  # times as many messages of one reading, for a peer that gathers: what takes a second cannot be measured to a second
AT_ONCE: Final = 500  # messages of a statement where a peer gathers them
FIRST_S: Final = 60.0  # so long for a peer to start
SILENT_S: Final = 20.0  # nothing more for so long: what is missing is lost

SCRIPT: Final = """
import json, sys
import psycopg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

host, port, user, password, client_id, topic, database, at_once = sys.argv[1:]
connection = psycopg.connect(database)
rows, messages = [], 0

def store():
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO reading_peer VALUES (%s, %s, to_timestamp(%s / 1000.0), %s, %s)", rows)
    connection.commit()
    rows.clear()

def on_message(client, given, message):
    global messages
    told = json.loads(message.payload)
    device = message.topic.split("/")[3]
    for reading in told.get("readings", [told]):
        rows.append((device, reading["s"], reading.get("t", told["sent_at"]), reading["v"], reading["v"] > SETPOINT))
    messages += 1
    if messages % int(at_once) == 0:
        store()

client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
client.username_pw_set(user, password)
client.on_message = on_message
client.on_connect = lambda client, *rest: client.subscribe(topic, qos=1)
client.connect(host, int(port), keepalive=300)
client.loop_forever()
""".replace("SETPOINT", str(SETPOINT))

# One statement a message or, where it gathers, one for many; up to ten at once, as the library's pool has it.
FUNCTION: Final = """
const told = msg.payload, device = msg.topic.split('/')[3];
const rows = context.get('rows') || [];
for (const reading of (told.readings || [told]))
  rows.push(`('${device}','${reading.s}',to_timestamp(${(reading.t || told.sent_at) / 1000}),${reading.v},${reading.v > SETPOINT})`);
const gathered = (context.get('gathered') || 0) + 1;
if (gathered < AT_ONCE) { context.set('rows', rows); context.set('gathered', gathered); return null; }
context.set('rows', []); context.set('gathered', 0);
await context.get('pool').query('INSERT INTO reading_peer VALUES ' + rows.join(','));
return null;
""".replace("SETPOINT", str(SETPOINT))


def main() -> int:
    """Prints a line for each peer and one JSON object at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--node-red", type=Path, metavar="FOLDER", help="where npm has installed it")
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=[1, AT_ONCE], metavar="N", help="messages of a statement"
    )
    asked = parser.parse_args()
    node_red: Path | None = asked.node_red
    found: dict[str, float] = {}
    with opened(Portfolio.of(SENSORS), ()) as instance:
        instance.owner.execute(
            "CREATE TABLE reading_peer (device text, sensor text, measured_at timestamptz NOT NULL, value float8, high boolean)"
        )
        instance.owner.execute("SELECT create_hypertable('reading_peer', by_range('measured_at', INTERVAL '1 day'))")
        for at_once in asked.at_once:
            for kind, single in (("single", True), ("batched", False)):
                name = f"script-{at_once}"
                found[f"{name}-{kind}"] = _drained(instance, name, single, _script(instance, at_once))
                if node_red:
                    name = f"node-red-{at_once}"
                    with tempfile.TemporaryDirectory(prefix="davy-peer-") as folder:
                        flow = _node_red(instance, node_red.resolve(), Path(folder), at_once)
                        times = QUICK if at_once > 1 else 1
                        found[f"{name}-{kind}"] = _drained(instance, name, single, flow, times)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


def _script(instance: Instance, at_once: int) -> list[str]:
    """What starts the script; its session and topic are the last two, as for Node-RED."""
    broker = instance.stack.broker
    user, password = _credentials(instance)
    return [
        *(sys.executable, "-c", SCRIPT, broker.host, str(broker.port), user, password),
        *(f"davy-peer-script-{at_once}", TOPIC, instance.stack.database_url("owner"), str(at_once)),
    ]


def _node_red(instance: Instance, installed: Path, folder: Path, at_once: int) -> list[str]:
    """Writes its flow into `folder`: what comes, a look at the limit, rows, the database."""
    broker = instance.stack.broker
    user, password = _credentials(instance)
    pool = {"connectionString": instance.stack.database_url("owner"), "max": 10}
    flow: list[dict[str, Any]] = [
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": broker.host,
            "port": broker.port,
            "protocolVersion": "4",
            "clientid": f"davy-peer-node-red-{at_once}",
            "autoConnect": True,
            "cleansession": False,
            "keepalive": "300",
        },
        {
            "id": "in",
            "type": "mqtt in",
            "topic": TOPIC,
            "qos": "1",
            "datatype": "json",
            "broker": "broker",
            "wires": [["store"]],
        },
        {
            "id": "store",
            "type": "function",
            "libs": [{"var": "pg", "module": "pg"}],
            "initialize": f"context.set('pool', new pg.Pool({json.dumps(pool)}));",
            "func": FUNCTION.replace("AT_ONCE", str(at_once)),
            "outputs": 1,
            "wires": [[]],
        },
    ]
    told = {
        "flowFile": "flows.json",
        "credentialSecret": False,
        "uiHost": "127.0.0.1",
        "uiPort": free_port(),
        "httpAdminRoot": False,
        "functionExternalModules": True,
        "externalModules": {"modules": {"allowInstall": False}},
    }
    (folder / "flows.json").write_text(json.dumps(flow))
    (folder / "flows_cred.json").write_text(json.dumps({"broker": {"user": user, "password": password}}))
    (folder / "settings.js").write_text(f"module.exports = {json.dumps(told)};\n")
    (folder / "package.json").write_text(json.dumps({"name": "peer", "dependencies": {"pg": "*"}}))
    (folder / "node_modules").symlink_to(installed / "node_modules")
    return ["node", str(installed / "node_modules/node-red/red.js"), "--userDir", str(folder)]


def _credentials(instance: Instance) -> tuple[str, str]:
    return "ingest", instance.stack.mqtt_passwords["ingest"]


def _drained(instance: Instance, peer: str, single: bool, command: list[str], times: int = 1) -> float:
    """Readings a second of a peer whose session found all of them at the broker."""
    broker = instance.stack.broker
    user, password = _credentials(instance)
    instance.owner.execute("TRUNCATE reading_peer")
    BareReceiver(broker.host, broker.port, user, password, client_id=f"davy-peer-{peer}", topic=TOPIC).join()
    generator = instance.generate(
        single=single, cap=0, messages=SINGLE * times if single else BATCHED, alarms_per_s=10.0
    )
    while not generator.ended():
        instance.wait(0.05)
    published = generator.stop()
    with _running(command) as process:
        rate = _rate(instance, published.readings, process)
    progress(f"{peer}, {'single' if single else 'batched'}: {rate:,.0f} readings/s")
    return round(rate, 1)


def _rate(instance: Instance, wanted: int, process: subprocess.Popen[bytes]) -> float:
    """As the table grows: readings from the first look that saw some to the last, over that time."""
    before = _inserted(instance)
    moved = time.monotonic() + FIRST_S - SILENT_S
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < wanted:
        now, stored = time.monotonic(), _inserted(instance) - before
        if stored > (seen[-1][1] if seen else 0):
            seen.append((now, stored))
            moved = now
        if process.poll() is not None:
            raise SystemExit(f"The peer ended with status {process.returncode}.")
        if now - moved > SILENT_S:
            break
        instance.wait(0.1)
    if len(seen) < 2:
        raise SystemExit("The peer has stored nothing that could be measured.")
    if seen[-1][1] < wanted:
        progress(
            f"{wanted - seen[-1][1]} of {wanted} readings were not stored: they were not gathered to the end, or are lost"
        )
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / (ended - began)


def _inserted(instance: Instance) -> int:
    """Rows put into the table, as the server's statistics know them: to a second, and without reading the table."""
    row = instance.owner.execute(
        """
        SELECT coalesce(sum(s.n_tup_ins), 0) FROM timescaledb_information.chunks c
          JOIN pg_stat_all_tables s ON s.schemaname = c.chunk_schema AND s.relname = c.chunk_name
         WHERE c.hypertable_name = 'reading_peer'
        """
    ).fetchone()
    return int(row[0]) if row else 0


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    peer = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield peer
    finally:
        peer.send_signal(signal.SIGTERM)
        try:
            peer.wait(10)
        except subprocess.TimeoutExpired:
            peer.kill()
            peer.wait()


if __name__ == "__main__":
    sys.exit(main())
