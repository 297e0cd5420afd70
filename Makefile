# Everything a newcomer needs: `make demo` and `make test`. Each target installs what it needs.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
VENDOR := services/gateway/console/vendor/licences.json
DEMO_ARGS ?=
TOWN ?=
TRACES ?=
BENCH_ARGS ?=
SCHEMA_ARGS ?=
TEST_ARGS ?=
FUZZ_ARGS ?=
# A plain python3 serves where it is new enough and python3.11 is not on the path.
PYTHON := $(shell command -v $(PYTHON) 2>/dev/null || command -v python3)

.DEFAULT_GOAL := help
.PHONY: help setup check test test-secure test-unit demo up down bench fuzz schemas metrics pin-images monitoring check-rules check-cluster manifests lock format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(STAMP) $(VENDOR) ## the virtual environment with every locked dependency, the JVM's jars included

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Qunli needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (each checked against its hash)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock || { echo "The dependencies could not be installed: the first run needs the network. Run the same command again."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/qunli fetch
	@touch $@

$(VENDOR): $(STAMP) deploy/node/package-lock.json deploy/node/modules.py
	@$(BIN)/python -m deploy.node

check: setup ## ruff, mypy --strict, the import walls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## all tests, on a Kafka and a Postgres that they start themselves
	@$(BIN)/python -m deploy.tools
	$(BIN)/pytest -m "not slow" $(TEST_ARGS)

test-secure: setup ## the integration tests once more, on a Kafka and a Postgres that let nobody in unknown
	@$(BIN)/python -m deploy.tools
	$(BIN)/pytest --secure -m "not slow" tests/integration $(TEST_ARGS)

test-unit: setup ## the tests without I/O
	$(BIN)/pytest tests/unit $(TEST_ARGS)

demo: setup ## a year of a real grocer's baskets through the real door (DEMO_ARGS="--days 60 --exit", TOWN=1, TRACES=1)
	$(BIN)/qunli demo $(if $(TOWN),--town) $(if $(TRACES),--traces) $(DEMO_ARGS)

up: setup ## the whole stack on this machine, in the background
	$(BIN)/qunli up --detach

down: setup ## stop it; its data stays
	$(BIN)/qunli down

bench: setup ## measured figures as a table and a chart (BENCH_ARGS="--only p4")
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

schemas: setup ## write docs/schemas anew from the types (SCHEMA_ARGS=--narrow where one may refuse more than before)
	$(BIN)/python -m services.ingest.schemas $(SCHEMA_ARGS)

metrics: setup ## write docs/metrics.md anew from the catalogue
	$(BIN)/python -m libs.common.metrics_page

monitoring: setup ## write Grafana's dashboards and the PrometheusRule anew from deploy/monitoring
	$(BIN)/python -m deploy.monitoring

check-rules: setup ## Prometheus' own tool on alert rules, dashboards and autoscalers: each alert fires and stays silent
	$(BIN)/pytest tests/unit/deploy/monitoring tests/integration/test_rules.py $(TEST_ARGS)

manifests: setup ## write what of deploy/k8s is made of the code: topics, users, network policies
	$(BIN)/python -m deploy.k8s

check-cluster: setup ## the overlays of deploy/k8s on a real API server of Kubernetes; eleven minutes the first time
	$(BIN)/python -m deploy.tools.cluster_check

fuzz: setup ## 100,000 requests of every kind at both doors (FUZZ_ARGS="--requests 5000 --seed 7")
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

lock: setup ## write the locks anew: of pyproject.toml, of the container image, of the console's modules
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 --extra local --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 --constraint requirements.lock pyproject.toml -o deploy/requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 --constraint requirements.lock deploy/requirements-build.in -o deploy/requirements-build.lock
	$(BIN)/python -m deploy.node lock

pin-images: setup ## write the digest that the registry has beside each image's tag
	$(BIN)/python -m deploy.tools.images

format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the virtual environment and build leftovers (never data)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
