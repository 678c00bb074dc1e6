.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/.installed

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

setup: $(STAMP)  ## make .venv with everything in it

demo: $(STAMP)   ## run the main job: an agent sends under a person's gate, and reads the reply
	.venv/bin/gatepost demo

test: $(STAMP)   ## run the tests; what needs PostgreSQL, Chromium, Postfix or Exim is skipped with its reason
	$(PY) -m pytest

explore: $(STAMP) ## let the property tests look for what nobody has seen yet: new examples, and many
	$(PY) -m pytest -m hypothesis --hypothesis-profile explore

corpora: $(STAMP) ## score what is published to test mail software with (docs/corpora.md)
	$(PY) -m tests.corpora

check: $(STAMP)  ## types, lint, format
	.venv/bin/mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: $(STAMP) ## rewrite the code in the house format
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: $(STAMP)   ## write the generated pages again
	$(PY) -m server.docs

bench: $(STAMP)  ## measure the relay beside Postfix and OpenDKIM (as root), the SMTP client, sending over MCP, a dead destination, mail coming in, memory, cut lines, a slow crowd, a stormy neighbour
	$(PY) bench/relay.py
	$(PY) bench/client.py
	$(PY) bench/send.py
	$(PY) bench/dead_destination.py
	$(PY) bench/search.py
	$(PY) bench/inbound.py
	$(PY) bench/memory.py
	$(PY) bench/cuts.py
	$(PY) bench/crowd.py
	$(PY) bench/neighbours.py

clean:           ## remove what was made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dist

.PHONY: help setup demo test explore corpora check format docs bench clean
