# `make demo` and `make test` set everything up themselves, in .venv and node_modules; the second time they are quick.
# PYTHON=python3.13 chooses the interpreter; PORT=9000 the demo's first port; ONCE=1 lets the demo end by itself.

PYTHON ?= python3
PORT ?= 9000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test quick check bench node-client lock clean

demo: $(VENV)/.ready node_modules/.ready
	@$(BIN)/python scripts/demo.py --port $(PORT) $(if $(ONCE),--once)

# ARGS="path -k name" chooses tests. Without ARGS two processes run all of them.
test: $(VENV)/.ready node_modules/.ready
	@$(BIN)/python -m pytest $(or $(ARGS),$(ALL_TESTS))

ALL_TESTS := --numprocesses 2 --dist worksteal $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

# Tests without processes, the CDK and the network; few examples of each property.
quick: $(VENV)/.ready
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -m pure --quiet $(QUICK) $(ARGS)

QUICK := tests/lambda_streaming tests/lambda_emulator tests/lambda_bundling tests/test_prose.py tests/test_docs.py

check: $(VENV)/.ready
	@scripts/check

# Handlers beside AWS's own clients, then web applications beside AWS's Lambda Web Adapter, which cargo compiles.
# ARGS=--write puts the tables into docs/.
bench: $(VENV)/.ready node-client benchmarks/peers/lambda_web_adapter/.ready
	@$(BIN)/python -m benchmarks.run $(ARGS)
	@$(BIN)/python -m benchmarks.web $(ARGS)

benchmarks/peers/lambda_web_adapter/.ready: scripts/set_up_web_adapter
	@scripts/set_up_web_adapter benchmarks/peers/lambda_web_adapter

# Compiles AWS's Node.js client, which benchmarks and conformance tests run beside the runtime.
node-client: benchmarks/node_client/node_modules/.ready

benchmarks/node_client/node_modules/.ready: benchmarks/node_client/package-lock.json $(VENV)/.ready scripts/set_up_node_client
	@scripts/set_up_node_client $(VENV)

$(VENV)/.ready: requirements-dev.txt pyproject.toml runtime_asset/pyproject.toml emulator/pyproject.toml scripts/set_up_python
	@scripts/set_up_python "$(PYTHON)" $(VENV)

node_modules/.ready: package-lock.json $(VENV)/.ready scripts/set_up_node
	@scripts/set_up_node $(VENV)

# Pins newer versions of the tools, for every supported Python at once.
lock: $(VENV)/.ready
	$(BIN)/uv pip compile --universal --python-version 3.10 --no-header --no-annotate --upgrade --quiet \
		requirements-dev.in --output-file requirements-dev.txt

clean:
	rm -rf $(VENV) node_modules cdk.out dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
