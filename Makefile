# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types order bench campaign audit constraints pictures words clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that is needed

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Stockpile needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@echo "setting up $(VENV): some minutes the first time"
	@$(PYTHON) -m venv $(VENV) || { echo "no virtual environment: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,dev,cluster,telemetry]'
	@touch $(READY)

demo: $(READY) ## answer a real surge with a simulated stockpile, then serve it (ARGS="--no-serve")
	$(BIN)/stockpile demo $(ARGS)

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint types order test ## lint, types, import order, tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

order: $(READY)
	$(BIN)/lint-imports

bench: $(READY) ## run the benchmarks (tests/benchmarks)
	$(BIN)/python -m pytest tests/benchmarks -o python_files='bench_*.py' $(ARGS)

campaign: $(READY) ## kill, cut off and fill up a service under load (ARGS="--seeds 10 --minutes 4")
	$(BIN)/python -m tests.campaign $(ARGS)

audit: $(READY) ## ask the advisory database about every pinned package (needs the network)
	$(BIN)/uv tool run pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

constraints: $(READY) ## pin the newest versions that work together in constraints.txt
	$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --all-extras --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml --output-file constraints.txt

clean: ## delete what was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

pictures: $(READY) ## take the README's pictures of the main screens (ARGS="--home DIR": of a demonstration told there)
	$(BIN)/python -m fixtures.pictures $(ARGS)

words: $(READY) ## bring the message catalogues (stockpile/locale) up to date with the screens
	@mkdir -p build
	$(BIN)/pybabel -q extract -F stockpile/locale/babel.cfg -k say --no-wrap --omit-header --add-location file -o build/messages.pot .
	for language in nl fr de; do \
	  $(BIN)/pybabel -q update -i build/messages.pot -l $$language --no-wrap --no-fuzzy-matching --ignore-obsolete -o stockpile/locale/$$language.po; \
	  sed -i -E '/^"(Project-Id-Version|Report-Msgid-Bugs-To|Last-Translator|Language-Team|POT-Creation-Date|PO-Revision-Date|Generated-By)/d' stockpile/locale/$$language.po; \
	done
