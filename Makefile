# Everything runs from .venv, which is made when missing and mended when a requirements file changes.
# HOST, PORT and STATE choose where `run` listens and keeps what must last; STAGE what is packaged.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STAGE ?= dev

# Byte code is kept here, whatever this machine's habit: a shop is six processes, the suite hundreds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run demo test check bench package clean

help: ## say what can be made
	@sed -n "s/^\([a-z]*\):.*## /make \1  /p" $(MAKEFILE_LIST)

run: $(READY) ## the whole shop on this machine, until Ctrl-C
	@exec $(BIN)/python -m local

demo: $(READY) ## the same with forty products and a busy crowd, until Ctrl-C
	@exec $(BIN)/python -m drills demo

test: $(READY) ## the whole suite
	@$(BIN)/python tests/whole.py

check: $(READY) ## style, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(READY) ## the figures, into bench/results/latest.json
	@$(BIN)/python -m bench

package: $(READY) ## the template and the zip that CloudFormation is given, into out/STAGE
	@$(BIN)/python -m ops.package "$(STAGE)" "out/$(STAGE)"

clean: ## what can be made again; never what a shop keeps
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo "Tillstream needs Python 3.11; '$(PYTHON)' is not that. Try: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@echo "setting up $(VENV) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@
