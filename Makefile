# The workshop. `make demo` shows Posta; `make test` is what every change must pass.
# ARGS goes to the command: `make demo ARGS="--fresh"`, `make test-fast ARGS="-k merge"`.

PY := .venv/bin/python
WORKERS ?= auto
# What stands still for half an hour says where, and fails instead of holding up all others.
WATCHED = -m pytest -o faulthandler_timeout=1800 -o faulthandler_exit_on_timeout=true
PYTEST = $(PY) $(WATCHED) -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)
# The walks share two real nodes and one browser, whose event loop no other test in its process would bear.
WALKS = $(PY) $(WATCHED) $(ARGS) tests/browser

.PHONY: help setup demo run test test-fast bench bench-tablets bench-log-ins lint format lock chromium

help:
	@echo 'make setup | demo | run | test | test-fast | bench | bench-tablets | bench-log-ins | lint | format | lock   (ARGS="…" is passed on)'

setup:
	@PYTHON='$(PYTHON)' deploy/workshop/setup.sh
	@$(PY) -m deploy.catalogues compile

demo: setup
	@$(PY) manage.py demo $(ARGS)

run: setup
	@$(PY) manage.py serve $(ARGS)

chromium:
	@deploy/workshop/chromium.sh

test: setup chromium lint
	POSTA_TEST_ENGINE=sqlite $(PYTEST) --ignore=tests/browser
	POSTA_TEST_ENGINE=sqlite $(WALKS)
	POSTA_TEST_ENGINE=postgres $(PYTEST) --ignore=tests/browser

test-fast: setup
	POSTA_MACHINE_SEEDS=20 $(PYTEST) --ignore=tests/browser --ignore=tests/system --ignore=tests/bench

bench-tablets: setup
	@$(PY) -m tests.bench.tablets $(ARGS)

bench-log-ins: setup
	@$(PY) -m tests.bench.log_ins $(ARGS)

bench: setup
	@$(PY) -m tests.bench $(ARGS)

# mypy's Django plugin loads the settings, which make a node's secrets: not those of a real one.
lint: export POSTA_DATA = .venv/lint-data
lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	@$(PY) deploy/workshop/audit.py

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# After a change of dependencies in pyproject.toml; ARGS="--upgrade" looks for newer ones. Needs uv.
lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command 'make lock' \
		--output-file deploy/workshop/locked.txt $(ARGS)
