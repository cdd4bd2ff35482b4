# The two commands of a newcomer: `make parity` and `make test`. Both make the environment they need.

VENV ?= .venv
PYTHON ?= python3
PYTEST_OPTIONS ?=
RUN_OPTIONS ?=
INSTALLED := $(VENV)/.installed

.PHONY: parity test quick lint bench clean help

help:
	@echo "make parity   the model on both sides, layer by layer, and the canonical cases: a report"
	@echo "make test     the whole suite"
	@echo "make quick    the suite in a minute"
	@echo "make lint     style, types, workflow"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: say make PYTHON=/path/to/it"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]' \
		|| { echo "If PyTorch's CPU build was not found: set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU"; \
		     echo "builds (its installation page has the address) and say make again."; exit 1; }
	@touch $@

parity: $(INSTALLED)
	$(VENV)/bin/parity run $(RUN_OPTIONS)

test: $(INSTALLED)
	$(VENV)/bin/pytest parity/ -n auto --dist worksteal $(PYTEST_OPTIONS)

quick: $(INSTALLED)
	$(VENV)/bin/pytest parity/ --profile quick -n auto --dist worksteal $(PYTEST_OPTIONS)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy parity reference mlx_impl
	$(VENV)/bin/parity lint
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/zizmor --quiet --offline .github/workflows

bench: $(INSTALLED)
	$(VENV)/bin/pytest parity/benchmarks/bench_words.py parity/benchmarks/bench_profiles.py --dtypes f32 --benchmark-columns=median,iqr,rounds

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
