# A thin front: every target is a script or one CMake call that can be typed by hand. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench python optuna-suite soak gpu-test fuzz format lint asan python-asan tsan clean

# Set on the command line: make build JOBS=4, make test PRESET=ci, make demo SETUP="--no-torch", make bench ONLY=study,
# make fuzz FUZZ_SECONDS=3600, make gpu-test ONLY="devices kill".
PRESET ?= release
JOBS ?= $(shell nproc)
SETUP ?=
ONLY ?=
FUZZ_SECONDS ?= 60

# Ubuntu 22.04: g++ is 11, version 12 has its own name.
ifeq ($(origin CXX),default)
ifneq ($(and $(filter 5 6 7 8 9 10 11,$(shell g++ -dumpversion 2>/dev/null | cut -d. -f1)),$(shell command -v g++-12)),)
export CXX := g++-12
endif
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what is needed: packages and .venv (scripts/setup --help)
	@scripts/setup $(SETUP)

build: setup ## library, command, tests and examples into build/
	@scripts/build $(PRESET) $(JOBS)

demo: build ## tune a neural network on handwritten digits, two workers, one SQLite file
	@scripts/demo

test: build $(if $(wildcard pyproject.toml),python) ## every test, C++ and Python
	@scripts/run-tests $(PRESET) $(JOBS)

bench: setup ## bluefin beside Optuna and Rustuna, ten minutes; ONLY="trial sqlite" for some sections, ONLY=storage for many processes on one file (docs/benchmarks.md)
	@bench/setup --packages
	@scripts/build bench $(JOBS)
	@bench/setup
	@.venv-bench/bin/python bench/run --only "$(ONLY)"

python: setup ## the Python module, into .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-build-isolation ./

optuna-suite: python ## how many of Optuna's own tests pass with bluefin in its part (scripts/optuna-suite --help)
	@scripts/optuna-suite --all

soak: build python ## killed and stopped workers, power cuts, a failing disk, 64 writers, slots, Optuna's workers, memory: 45 min
	@BLUEFIN_ROUNDS=60 BLUEFIN_CUTS=300 BLUEFIN_FAULT_STEP=1 BLUEFIN_STOP_SECONDS=60 $(shell scripts/build-folder $(PRESET))/tests/bluefin_tests "[kill9],[power],[faults],[stop]"
	@.venv/bin/python bench/storage --soak 10 --build $(shell scripts/build-folder $(PRESET))
	@BLUEFIN_LEDGER_SECONDS=600 .venv/bin/python -m pytest -q tests/python/test_trial_ledger.py -s
	@.venv/bin/python scripts/soak-mixed
	@.venv/bin/python scripts/soak-python

gpu-test: ## what only a real GPU can show, 9 minutes, no network; skipped where there is none (tests/gpu/run --help)
	@tests/gpu/run $(ONLY)

fuzz: ## libFuzzer on what reads files and messages of others and on TPE, FUZZ_SECONDS=60 in all (scripts/fuzz)
	@scripts/setup --ci $(SETUP)
	@JOBS=$(JOBS) scripts/fuzz $(FUZZ_SECONDS)

format: ## clang-format 14 over every C++ file
	@scripts/setup --format $(SETUP)
	@scripts/format

lint: build ## format, layers, headers that compile alone, the README's examples, links in documents
	@scripts/setup --format $(SETUP)
	@ctest --test-dir build -L lint --output-on-failure -j $(JOBS)

asan: ## the fast tests under AddressSanitizer and UBSan, compiled by clang 14
	@scripts/setup --ci $(SETUP)
	@scripts/build asan $(JOBS)
	@scripts/run-tests asan $(JOBS)

python-asan: ## the Python module's tests under AddressSanitizer and UBSan
	@scripts/setup --ci $(SETUP)
	@JOBS=$(JOBS) scripts/python-asan

tsan: ## the tests that use threads under ThreadSanitizer
	@scripts/setup --ci $(SETUP)
	@scripts/build tsan $(JOBS)
	@scripts/run-tests tsan $(JOBS)

clean: ## remove every build folder (.venv stays)
	rm -rf build build-*
