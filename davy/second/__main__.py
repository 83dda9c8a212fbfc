"""`python -m davy.second FOLDER SECONDS`: judges the cases of a folder; started by `davy.second.apart` alone."""

from __future__ import annotations

import sys
from pathlib import Path

from davy.second.apart import run

if __name__ == "__main__":
    run(Path(sys.argv[1]), float(sys.argv[2]))
