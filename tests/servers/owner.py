"""A parent process for the tests: starts the server it is told to, says where it is, waits to be killed."""

import json
import signal
import sys
import threading

from davy.servers import start_broker, start_postgres


def main(kind: str) -> None:
    """Start in a thread that ends at once: the server belongs to the process, not to the thread."""
    started = []

    def start() -> None:
        server = start_postgres("plain", fsync=False) if kind == "postgres" else start_broker(kind, {"ingest": "x"})  # type: ignore[arg-type]
        started.append(server)

    starter = threading.Thread(target=start)
    starter.start()
    starter.join()
    server = started[0]
    sys.stdout.write(json.dumps({"pid": server.pid, "port": server.port, "folder": str(server.folder)}) + "\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
