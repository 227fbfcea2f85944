# Everything runs in .venv, made from requirements.lock; needs Python >= 3.11 as python3 and an index of packages.
PYTHON ?= python3
WORKERS ?= 2
DATA ?= ../shared/data/rr30a
BIN = .venv/bin
DEMO = demo/study

.PHONY: demo test quick bench lint lock docs clean

demo: .venv/ready
	rm -rf $(DEMO)
	$(BIN)/respine simulate $(DEMO) --size small --subjects 1 --only structure
	$(BIN)/respine check $(DEMO)
	$(BIN)/respine run $(DEMO)

test: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

quick: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

bench: .venv/ready
	$(BIN)/python benchmarks/simulator_voxels.py
	$(BIN)/python benchmarks/mixed_models.py
	@test -d $(DATA) || echo "$(DATA) is not here: the benchmarks on real stacks are left out"
	test ! -d $(DATA) || for name in registration_rr30a tracing_rr30a stages; do \
		$(BIN)/python benchmarks/$$name.py $(DATA) || exit 1; done

lint: .venv/ready
	$(BIN)/python -m pip install --quiet "ruff>=0.9"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The lock names versions and hashes, and no address; uv makes it, plain pip installs it.
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--generate-hashes --extra all --extra bench --extra test --python-version 3.11 pyproject.toml requirements.build.in \
		-o requirements.lock

docs: .venv/ready
	for page in cli settings tables simulator_settings; do $(BIN)/python docs/write_$$page.py > docs/$$(echo $$page | tr _ -).md || exit 1; done

# hatchling, which builds the package, is in the lock too: nothing is installed that the lock does not name.
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv demo
