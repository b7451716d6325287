# Run 'make' to see what there is. Everything works in a fresh clone: each target installs what it needs, once.
PYTHON ?= python3
PY := .venv/bin/python# relative, and 'python -m' throughout: a space in the project's path harms neither
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# What would lead pip or Python away from .venv.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PIP_PREFIX PIP_ROOT PIP_TARGET
export PIP_USER := 0

# DVC asks for a name and a home; in a container a user may have neither, or root's home.
ifeq ($(USER)$(LOGNAME),)
export USER := $(shell id -un 2>/dev/null || id -u)
endif
ifneq ($(shell test -x "$$HOME" && echo usable),usable)
export HOME := $(CURDIR)/.venv
endif

ifeq ($(wildcard pipeline/plan.py),)
$(error run make in the project's folder: make -C FOLDER)
endif
ODD := $(strip $(foreach one,: $$ " `,$(findstring $(one),$(CURDIR))))
ifneq ($(ODD),)
$(error $(CURDIR): PATH, setuptools or scripts fail in a folder with $(ODD) in its name: move the project)
endif

.PHONY: help install repro test test-long test-gpu test-distributed test-browser test-serving bench lint

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## create .venv and install the project into it
	@d="$$PWD"; until test -e "$$d/.git" -o "$$d" = /; do d=$$(dirname "$$d"); done; \
	test -e "$$d/.git" || grep -qs no_scm .dvc/config.local || $(PY) -m dvc config --local core.no_scm true

.venv/installed: pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.11")'
	@$(PY) -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv .venv
	@echo "installing into .venv (a few minutes: torch is large)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

repro: install ## run the pipeline; 'make repro DATASETS=birdlets,cub10' names other datasets in params.yaml first
	@$(if $(DATASETS),$(PY) -m pipeline plan --datasets '$(DATASETS)')
	@$(PY) -m pipeline repro
	@for name in $$(sed -n '/^planned:/,/^[^ p]/s/^  \([^:]*\):.*/\1/p' cells.yaml); do \
	echo; cat "reports/$$name/table-6.md"; echo "report: reports/$$name/index.html"; done

test: install ## run the tests, side by side on all cores
	@OMP_NUM_THREADS=1 $(PY) -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test-long: install ## run the tests that take minutes: damaged files, experiments, stages side by side
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m long --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

test-serving: install ## register a model, serve it with MLflow on this machine and ask it over HTTP
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m serving

test-gpu: install ## run the tests that need a GPU; says which were skipped for want of one
	@$(PY) -m pytest -m gpu

test-distributed: install ## train on two machines (network namespaces) and through SLURM; needs root
	@command -v slurmd >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes slurm-wlm munge; } >/dev/null 2>&1; } \
	|| echo "no SLURM here, and none that could be installed: its tests are skipped"
	@$(PY) -m pytest -m machines

test-browser: install ## open the page of 'pipeline show' in Chromium, and load its server; installs Chromium where it may
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chromium chromium-driver; } >/dev/null 2>&1; } \
	|| echo "no Chromium here, and none that could be installed: its tests are skipped"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable ".[browser]"
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m browser

bench: install ## measure speed beside references; writes benchmarks/results.md
	@$(PY) -m benchmarks

lint: install ## check the style
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
