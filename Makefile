# A fresh machine needs python3 and make; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONSAFEPATH := 1
# Tests start hundreds of processes, and each would compile hundreds of modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test quick test-all counts slow check style types layers rules fresh docs site results bench clean tree

run: .venv/installed      ## the tour: at most a minute, offline
	$(BIN)/adabench run

SUITE := PYTHONPATH=. $(BIN)/python -m tests.suite

test: .venv/installed     ## what has not passed here with these inputs; CI=true: everything; ARGS=... goes to pytest
	$(SUITE) test $(ARGS)

quick: .venv/installed    ## what an edit reaches, nearest first, for at most a minute
	$(SUITE) quick $(ARGS)

test-all: .venv/installed ## all there is but slow and GPU tests: cold interpreters, random examples, files opened
	$(SUITE) all $(ARGS)

counts: .venv/installed   ## what methods count on small cases, recorded anew; ARGS="-k paging" for some
	$(BIN)/pytest tests/test_conformance.py -n 0 --record-counts $(ARGS)

slow: .venv/installed     ## trainings and the claims of every card
	$(BIN)/pytest -m slow

check: style types layers rules fresh    ## all five; `make -k check` goes on after the first that fails

tree:                     ## a copy of the product in build/tree/adabench, for tools that look for modules in the tree
	PYTHONPATH=. $(PYTHON) -m checks.layout build/tree

style: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

layers: .venv/installed
	$(BIN)/lint-imports --no-logo

rules: .venv/installed    ## reachability, size budgets, fairness, names: see checks/
	PYTHONPATH=. $(BIN)/python -m checks

fresh: .venv/installed    ## generated docs are those that docs/generate.py would write
	PYTHONPATH=. $(BIN)/python -m docs.generate --check

docs: .venv/installed     ## write the generated docs again
	PYTHONPATH=. $(BIN)/python -m docs.generate

site: .venv/installed     ## the documentation as a site in build/docs; a warning or a broken link fails
	$(BIN)/pip install --quiet --group docs
	PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

results: .venv/installed  ## record runs of all tasks anew, or of those in ARGS; `make docs` renders them
	PYTHONPATH=. $(BIN)/python -m docs.record $(ARGS)

bench: .venv/installed    ## our overhead beside other tools, and all of them on a busy machine
	$(BIN)/pip install --quiet --group bench
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/disturbed.py

clean:                    ## caches, and the compiled kernels of all checkouts of this machine
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
	rm -rf "$${ADABENCH_KERNELS:-$${ADABENCH_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/adabench}/kernels}"
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Python compiles what is imported; of all that is installed that is a small part.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --no-compile -e . --group test
	touch $@
