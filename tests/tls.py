"""A TLS listener of a mosquitto that runs: a certificate made for the test, signed by itself, and so its own authority."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from davy.servers import Broker
from davy.servers.processes import accepts_connections, free_port, wait_until


def tls_listener(broker: Broker, folder: Path) -> tuple[int, Path]:
    """Gives `broker` one more listener and starts it again; returns its port and the authority's file in `folder`."""
    authority, key, port = folder / "broker.crt", folder / "broker.key", free_port()
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=broker"
    subprocess.run(
        [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(authority), "-keyout", str(key)],
        check=True,
        capture_output=True,
    )
    for file in (authority, key):
        copy = broker.folder / file.name
        shutil.copyfile(file, copy)
        copy.chmod(
            0o644
        )  # the broker may run as another user; the folder is closed, and the key lives as long as the test
    with (broker.folder / "mosquitto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"listener {port} 127.0.0.1\ncertfile {authority.name}\nkeyfile {key.name}\n")
    broker.restart()
    assert wait_until(lambda: accepts_connections(port), 10)
    return port, authority
