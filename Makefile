# Everything one does with a checkout. No target has a file name with the checkout's path in it, which may hold spaces.
.PHONY: help setup servers chromium apprise check test soak demo bench evaluate lock
.SILENT:
SHELL := /bin/sh
PYTHON ?= python3
PACKAGES := davy ingest api simulators alerting detectors risk core packs
# Twice as many as cores: tests wait for servers half of their time.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) * 2 )))
# Hundreds of short-lived processes are started; each would compile Davy anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	echo "make demo     the whole of Davy with a simulated tank farm, on this machine"
	echo "make setup    .venv from requirements.lock, kernels compiled"
	echo "make servers  TimescaleDB and mosquitto from distribution packages, unpacked into your cache"
	echo "make apprise  the library of the channel apprise, for its tests, in an environment of its own"
	echo "make check    ruff, mypy, import-linter, house rules"
	echo "make test     everything, on real servers and a real browser"
	echo "make soak     the long versions of outages and properties: most of an hour"
	echo "make bench    the figures of docs/performance.md"
	echo "make evaluate the figures of docs/detection.md, from the data sets under DAVY_DATA"
	echo "make lock     requirements.lock anew from pyproject.toml (needs uv)"

setup: .venv/.installed
	if [ -f davy/cli/__init__.py ]; then .venv/bin/python -m compileall -q $(PACKAGES) && .venv/bin/davy kernels; fi

# pip compiles on one core; what cannot be compiled at all (templates of packages) it leaves aside too.
.venv/.installed: requirements.lock pyproject.toml
	if ! "$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Davy needs Python 3.11 or newer with venv and pip: apt-get install python3 python3-venv python3-pip" \
			"(or make PYTHON=/path/to/python3.12)." >&2; exit 2; fi
	if ! .venv/bin/python -m pip --version >/dev/null 2>&1 \
		&& { ! command -v uv >/dev/null || ! .venv/bin/python -c '' 2>/dev/null; }; then \
		"$(PYTHON)" -m venv .venv; fi
	echo "Installing what requirements.lock names into .venv"
	if command -v uv >/dev/null \
		&& uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock; \
	then \
		uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .; \
	else \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock \
		&& { .venv/bin/python -m compileall -qq -j 0 .venv/lib || true; } \
		&& .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	touch .venv/.installed

servers: .venv/.installed
	.venv/bin/python -m davy.servers

# The library of the channel `apprise`, in an environment of its own as where Davy is installed: its urllib3 is not grafana-client's.
# Nothing is asked of a registry once it is there.
apprise: .venv-apprise/.installed

.venv-apprise/.installed: tests/apprise.txt
	if ! .venv-apprise/bin/python -m pip --version >/dev/null 2>&1; then "$(PYTHON)" -m venv --clear .venv-apprise; fi
	echo "Installing apprise into .venv-apprise"
	.venv-apprise/bin/python -m pip install --quiet --disable-pip-version-check -r tests/apprise.txt
	touch .venv-apprise/.installed

# Chinese pages want a font with Chinese in it, or their pictures show boxes.
chromium:
	wanted=; found=; \
	for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		if [ -z "$$found" ]; then found="$$(command -v "$$name" || true)"; fi; done; \
	if [ -z "$$found" ]; then wanted=chromium; fi; \
	if [ ! -d /usr/share/fonts/opentype/noto ] && [ -z "$$(fc-list :lang=zh 2>/dev/null)" ]; then \
		wanted="$${wanted:+$$wanted }fonts-noto-cjk"; fi; \
	if [ -n "$$wanted" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing $$wanted"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$wanted >/dev/null; \
		found="$${found:-$$(command -v chromium || true)}"; wanted=; fi; \
	if [ -n "$$found" ]; then echo "browser: $$found"; \
		if [ -n "$$wanted" ]; then \
			echo "Pictures of Chinese pages will show boxes; for their letters: sudo apt-get install fonts-noto-cjk"; fi; \
	elif [ "$$(id -u)" = 0 ]; then echo "The browser tests need Chromium: install it and try again." >&2; exit 2; \
	else echo "There is no Chromium, so the browser tests are skipped; to run them: sudo apt-get install $$wanted"; fi

# Types, and the rest with the kernels before it, side by side: each keeps one core busy, and says what it found when it is through.
check: .venv/.installed
	$(MAKE) --no-print-directory --output-sync=target -j 2 check-types check-rest

.PHONY: check-types check-rest
check-types: .venv/.installed
	.venv/bin/mypy

# The last line compiles all tests once, before several workers would each do it; types take longer than all of this.
check-rest: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/pytest -q tests/test_house_rules.py
	said="$$(.venv/bin/pytest -q --collect-only 2>&1)" || { echo "$$said" | tail -n 60; exit 1; }

# An ordinary user goes on without the servers or a browser, and the skipped tests say so; root skips nothing.
test: setup chromium
	$(MAKE) --no-print-directory servers || [ "$$(id -u)" != 0 ]
	$(MAKE) --no-print-directory apprise || [ "$$(id -u)" != 0 ]
	if [ -z "$$DAVY_DATA" ] && [ -d ../shared/data ]; then DAVY_DATA=$$(cd ../shared/data && pwd); export DAVY_DATA; fi; \
	echo "First what can share the machine, a file at a time on $(WORKERS) workers; then what wants it for itself (4 minutes)."; \
	run() { .venv/bin/pytest --durations=10 "$$@" || { \
		echo "What failed is tried once more. A test that passes now depends on timing: mend it, do not trust it."; \
		.venv/bin/pytest --last-failed --last-failed-no-failures none "$$@"; }; }; \
	run -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/servers -m "not alone" \
	&& run tests/servers \
	&& run -m alone $$(grep -rl --include='*.py' 'mark[.]alone' tests)

# The long versions: outages of minutes, and properties with a hundred times as many examples. Nobody waits for it.
soak: setup servers
	.venv/bin/pytest --durations=10 -m soak
	.venv/bin/pytest --durations=10 -n $(WORKERS) --dist loadfile --no-loadscope-reorder --timeout=7200 \
		--hypothesis-profile=soak -m "not db and not broker and not browser and not e2e"

demo: setup
	exec .venv/bin/davy demo

bench: setup servers
	.venv/bin/davy bench ingest --profile batched --sensors 20000 --json
	.venv/bin/davy bench ingest --profile single --sensors 20000 --json
	.venv/bin/davy bench latency --json

evaluate: setup
	if [ -z "$$DAVY_DATA" ] && [ -d ../shared/data ]; then DAVY_DATA=$$(cd ../shared/data && pwd); export DAVY_DATA; fi; \
	.venv/bin/python tools/detection.py

lock:
	uv lock --quiet
	uv export --quiet --format requirements-txt --no-emit-project --extra demo --extra grafana --group dev --no-header \
		--output-file requirements.lock
