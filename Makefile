# Everything that a developer types. `make` alone explains itself.
#
# Two stamps in .venv make the second `make build` instant: one for the locked dependencies, one for the build itself. The
# dashboard has its own beside it; without node it is not written, so that each build says what is missing.

VENV := .venv
BIN := $(VENV)/bin
DEPS := $(VENV)/.deps-installed
BUILT := $(VENV)/.weft-built
DASHBOARD := python/weft/controller/dashboard/sources

# Whatever changes the wheel. Python sources do not: the install is editable.
RUST_SOURCES := $(shell find crates -type f \( -name '*.rs' -o -name 'Cargo.toml' -o -name '*.c' -o -name '*.h' \) 2>/dev/null)
BUILD_INPUTS := setup.py pyproject.toml Cargo.toml Cargo.lock tools/generate_proto.py $(wildcard proto/weft/v1/*.proto) $(RUST_SOURCES)
WEB_SOURCES := tools/build_dashboard.py $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)

# One interpreter for every build step: pyo3 is compiled again whenever this changes.
export PYO3_PYTHON := $(abspath $(BIN)/python)
# Builds that pip starts in other directories (sdist, wheel) reuse what is compiled here.
export CARGO_TARGET_DIR := $(abspath target)

.DEFAULT_GOAL := help
.PHONY: help build demo newcomer test check bench bench-quick wheel docs site lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BUILT) $(DASHBOARD) ## Make .venv with weft in it (needs Python 3.11, Rust 1.85, a C compiler; node 18 for the dashboard)

$(DEPS): requirements-dev.lock
	@tools/preflight.sh
	@test -x $(BIN)/python || "$$(tools/preflight.sh --python)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(BUILT): $(DEPS) $(BUILD_INPUTS)
	@tools/preflight.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DASHBOARD): $(DEPS) $(WEB_SOURCES)
	@$(BIN)/python tools/build_dashboard.py

demo: build ## Run a bookshop with people in it until Ctrl-C; DURATION=30 measures it for so long
	$(BIN)/weft demo $(if $(DURATION),--duration $(DURATION))

newcomer: build ## The first hour from an empty directory, judged; WHEEL=dist/weft-….whl begins with that
	$(BIN)/python -m tools.newcomer $(if $(WHEEL),--wheel $(WHEEL))

check: build ## Linters, types, formats and the rules of the house
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/check_test_files.py
	$(BIN)/python tools/check_platform.py
	$(BIN)/python tools/check_words.py
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked -- -D warnings

# pytest is last: its closing line is the verdict.
test: build check ## Everything that must hold before a merge
	cargo test --release --workspace --locked --quiet
	$(BIN)/python -m pytest

bench: build ## Measure weft beside nginx, HAProxy and Envoy (all levels, five runs)
	cargo build --profile fat --locked -p weft-proxy
	$(BIN)/python -m bench full

bench-quick: build ## The headline figures in under four minutes
	cargo build --profile fat --locked -p weft-proxy
	$(BIN)/python -m bench quick

wheel: $(DEPS) ## Build dist/*.whl and the sdist
	$(BIN)/python -m build --no-isolation

docs: build ## Write the generated pages of docs/reference anew
	$(BIN)/python tools/generate_wire.py
	$(BIN)/python tools/generate_reasons.py
	$(BIN)/python tools/generate_tables.py
	$(BIN)/python tools/generate_cli.py
	$(BIN)/python tools/generate_schema.py
	$(BIN)/python tools/generate_resources.py
	$(BIN)/python tools/generate_rest.py

site: build ## Build the docs as a site in build/site, with pictures where Chromium is
	$(BIN)/python tools/build_site.py

lock: ## Resolve the Python dependencies anew
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --upgrade --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command 'make lock' --upgrade --quiet -o requirements-dev.lock

clean: ## Remove everything that was built
	rm -rf $(VENV) target build dist docs/images web/node_modules python/weft/controller/dashboard python/*.egg-info python/weft/bin python/weft/v1/*_pb2*
	find python tests tools examples bench -name __pycache__ -type d -prune -exec rm -rf {} +
	find python -name '*.so' -delete
