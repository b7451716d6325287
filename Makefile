# Run 'make' to see what there is. Everything works in a fresh clone: each target installs what it needs, once.
PYTHON ?= python3
VENV := $(CURDIR)/.venv
INSTALLED := $(VENV)/installed
export PATH := $(VENV)/bin:$(PATH)

.PHONY: help install repro test test-distributed bench lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## create .venv and install the project into it

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.11")'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into .venv (a few minutes: torch is large)"
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

repro: install ## run the pipeline; 'make repro DATASETS=birdlets,cub10' names other datasets in params.yaml first
	@pipeline plan $(if $(DATASETS),--datasets $(DATASETS))
	@dvc repro
	@for page in reports/*/index.html; do echo; cat "$${page%index.html}table-6.md"; echo "report: $$page"; done

test: install ## run the tests, side by side on all cores
	@OMP_NUM_THREADS=1 pytest --numprocesses logical --maxprocesses 8 --dist loadgroup

test-distributed: install ## train on two machines (network namespaces; needs root)
	@pytest -m machines

bench: install ## measure speed beside references; writes benchmarks/results.md
	@python -m benchmarks

lint: install ## check the style
	@ruff check .
	@ruff format --check .

