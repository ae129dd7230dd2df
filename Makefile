# The commands a person needs. Everything they make lies in .venv/ and var/, both ignored by git.
PYTHON = .venv/bin/python
# Some images set it: each of the many processes would then compile everything it imports.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help openapi docs demo check test faults deep golden schema bench services services-stop journey format coverage clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## / | /' | column -t -s '|'

demo:  ## the portal on this machine, with demo data: http://127.0.0.1:8000 (GUICHET_PORT=…, GUICHET_VAR=…)
	@sh deploy/environment.sh runtime
	@exec $(PYTHON) manage.py demo

check:  ## at each commit: static checks, consistency, the tests of the rooms touched (ARGS="--list", ARGS="--base …")
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.run_check $(ARGS)

test:  ## every check and test, real servers and both journeys included
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.run_all

faults:  ## deaths at every point, lost answers, brokers and providers that fail: all those of which `make test` plays a share
	@sh deploy/environment.sh tests
	@GUICHET_DEEP=1 exec $(PYTHON) -m pytest -n 2 -m faults --ignore tests/e2e --ignore tests/contracts tests

deep:  ## the whole of the matrices of which `make test` plays a share that moves with each commit, the mutants, both databases whole
	@sh deploy/environment.sh tests
	@GUICHET_DEEP=1 exec $(PYTHON) -m pytest -n 2 $$(grep -rl 'support.rotation import' tests)
	@exec $(PYTHON) -m tests.mutants.run
	@exec $(PYTHON) -m tests.run_all suite-postgresql suite-sqlite-whole

golden:  ## what every account is answered, compared with a commit's answers: BASE=<commit> (FULL=1, KEEP=folder)
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.golden.run $(if $(FULL),--full) $(if $(KEEP),--keep $(KEEP)) "$(BASE)"

bench:  ## benchmark tables
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.benchmarks.run

services:  ## real servers for development; prints what to export, `make services-stop` ends them
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.servers.run start --dir var/servers

services-stop:
	@exec $(PYTHON) -m tests.servers.run stop --dir var/servers --purge

journey:  ## the main job, from search to revoked key, each step with its proof (ARGS="--real", ARGS="--url …")
	@sh deploy/environment.sh tests
	@exec $(PYTHON) manage.py journey $(ARGS)

schema:  ## what the migrations make of a database, against those of a commit (BASE=…)
	@sh deploy/environment.sh tests
	@exec $(PYTHON) -m tests.migrations.schema $(if $(BASE),--against $(BASE)) $(ARGS)

openapi:  ## rewrite the committed description of the API, which the portal serves
	@$(PYTHON) -m tests.catalog.api.describe

docs:  ## rewrite docs/workflow.md from the state machines and procedures
	@$(PYTHON) manage.py describe_workflow > docs/workflow.md

format:  ## rewrite Python to the house style
	@$(PYTHON) -m ruff check --fix-only -q . ; $(PYTHON) -m ruff format -q .

coverage:  ## branch coverage of the suite on SQLite
	@sh deploy/environment.sh tests
	@$(PYTHON) -m pytest tests -n 2 --ignore tests/e2e --ignore tests/contracts --cov --cov-report=term:skip-covered

clean:  ## forget the demo's state (GUICHET_VAR, or var/) and caches, keep .venv
	@cd $${GUICHET_VAR:-var} 2>/dev/null && rm -rf run log guichet.sqlite3* broker search sandbox cache mail files ; true
	@rm -rf .mypy_cache .ruff_cache
