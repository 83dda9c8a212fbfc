"""`python -m davy.servers` is `make servers`: unpack TimescaleDB and mosquitto into the cache."""

import sys

from davy.servers.fetch import main

sys.exit(main())
