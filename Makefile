# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
DEMO_ENV := .venv-demo
TEST_ENV := .venv-test
BIN := $(TEST_ENV)/bin

.PHONY: demo test test-slow lint check bench clean

demo: $(DEMO_ENV)/ready
	$(DEMO_ENV)/bin/mdsd demo

test: lint check
	$(BIN)/python -m pytest -n 2 -m "not slow" tests
	$(BIN)/python -m pytest -q --doctest-modules mdsd_theory
	$(BIN)/python -m pytest -q --doctest-glob=README.md README.md
	$(BIN)/mdsd prove --level quick

test-slow: $(TEST_ENV)/ready
	$(BIN)/python -m pytest -n 2 -m slow tests

lint: $(TEST_ENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check: $(TEST_ENV)/ready
	$(BIN)/mypy
	$(BIN)/mypy proofs/*.py

# The demo needs the slim core only: no torch, no cvxpy.
$(DEMO_ENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(DEMO_ENV)
	$(DEMO_ENV)/bin/python -m pip install --quiet --upgrade pip
	$(DEMO_ENV)/bin/python -m pip install --quiet -e .
	touch $@

$(TEST_ENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(TEST_ENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@

bench: $(TEST_ENV)/ready
	$(BIN)/python -m pip install --quiet -e ".[bench]"
	$(BIN)/python benchmarks/dual.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/reference.py

clean:
	rm -rf $(DEMO_ENV) $(TEST_ENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
