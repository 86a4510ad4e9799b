# The two commands: `make demo` and `make test`. Everything else is for development.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
TOOLING := .runtimes/tooling/bin/python
PLATFORM := $(TOOLING) -m local_platform
export PYTHONPATH := $(CURDIR)

.PHONY: demo table history backfill airflow lineage test test-faults lint coverage up down status clean environments reconcile cases compose-test \
        locks data-dictionary pages help

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## *' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: environments  ## the whole pipeline, on sample data or DATA=<folder> [OVERRIDE_BY=<name>] [AS_OF=<date>] [OOT_MONTHS=] [VALIDATION_MONTHS=] [HORIZON_MONTHS=]
	@$(PLATFORM) demo $(if $(DATA),--data "$(DATA)") $(if $(ECONOMIC),--economic "$(ECONOMIC)") \
	  $(if $(AS_OF),--as-of "$(AS_OF)") $(if $(OVERRIDE_BY),--override-by "$(OVERRIDE_BY)") $(if $(LOANS),--loans "$(LOANS)") \
	  $(if $(OOT_MONTHS),--oot-months "$(OOT_MONTHS)") $(if $(VALIDATION_MONTHS),--validation-months "$(VALIDATION_MONTHS)") \
	  $(if $(HORIZON_MONTHS),--horizon-months "$(HORIZON_MONTHS)")

table: environments  ## a model of any table: CONTRACT=<ODCS file> DATA=<csv or parquet> [OUTPUT=<folder>] [TRIALS=<n>]
	@test -n "$(CONTRACT)" -a -n "$(DATA)" || { echo "usage: make table CONTRACT=<ODCS file> DATA=<csv or parquet>"; exit 2; }
	@PYTHONPATH="$$PYTHONPATH:$$PYTHONPATH/sagemaker_entrypoints" .runtimes/sagemaker-xgboost-3.2-0/bin/python \
	  sagemaker_entrypoints/mortgage_table_script.py --contract "$(CONTRACT)" --data "$(DATA)" \
	  $(if $(OUTPUT),--output "$(OUTPUT)") $(if $(TRIALS),--trials "$(TRIALS)")

test: environments  ## lint, types and every test
	@$(TOOLING) -m local_platform.checks

lint: environments  ## rules only: ruff, format, types, which room may import which
	@$(TOOLING) -m local_platform.checks ruff format imports types

coverage: environments  ## what the tests run of each package, and the lines that none runs
	@$(TOOLING) -m local_platform.coverage_report

test-faults: environments  ## every fault in a real Airflow, the slow ones too
	@$(TOOLING) -m pytest tests/faults -p no:cacheprovider

up: environments    ## start Airflow and the local AWS
	@$(PLATFORM) up

down:               ## stop them; state is kept
	@$(PLATFORM) down

status:             ## state of each process
	@$(PLATFORM) status

clean:              ## stop, and remove state, environments and tools
	@if [ -x $(TOOLING) ]; then $(PLATFORM) down; fi
	rm -rf .state .runtimes .tools

environments:
	@"$(PYTHON)" -m local_platform.environments

history: environments  ## two years of monitored nights for the dashboard, from the demo's model [PLANT="kind@first..last …"]
	@$(PLATFORM) history $(foreach fault,$(PLANT),--plant "$(fault)")

backfill: environments  ## past nights: FROM=<date> TO=<day after the last> [DAG=mortgage_nightly_scoring] [AT_ONCE=3] [AGAIN=failed|completed]
	@test -n "$(FROM)" -a -n "$(TO)" || { echo "usage: make backfill FROM=<date> TO=<day after the last>"; exit 2; }
	@$(PLATFORM) backfill "$(or $(DAG),mortgage_nightly_scoring)" "$(FROM)" "$(TO)" \
	  $(if $(AT_ONCE),--at-once "$(AT_ONCE)") $(if $(AGAIN),--again "$(AGAIN)")

airflow: environments  ## Airflow's own command on this installation: ARGS="dags list"
	@$(PLATFORM) airflow $(ARGS)

reconcile: environments  ## the ETL alone on DATA=<folder>: one line of JSON with every count
	@test -n "$(DATA)" || { echo "usage: make reconcile DATA=<folder of loan files>"; exit 2; }
	@$(PLATFORM) reconcile --data "$(DATA)" $(if $(AS_OF),--as-of "$(AS_OF)")

cases: environments  ## every case in CASES=<folder>, after public bug reports: what is right and what was seen
	@test -n "$(CASES)" || { echo "usage: make cases CASES=<folder of cases>"; exit 2; }
	@$(PLATFORM) cases "$(CASES)"

lineage: environments  ## from a score to its model and training data: DATE=<score date> [LOAN=<loan id>] [SOURCE=<source>]
	@test -n "$(DATE)" || { echo "usage: make lineage DATE=<score date> [LOAN=<loan id>] [SOURCE=<source>]"; exit 2; }
	@$(PLATFORM) lineage --date "$(DATE)" $(if $(LOAN),--loan "$(LOAN)") $(if $(SOURCE),--source "$(SOURCE)")

compose-test: environments  ## bring docker-compose.yaml up for real, run the pipeline in it, take it down
	@$(TOOLING) -m local_platform.compose_test

data-dictionary: environments  ## docs/data-dictionary.md from the contracts
	@$(TOOLING) -m contracts.dictionary

pages: data-dictionary  ## every page and picture under docs/ that is made from code
	@$(TOOLING) -m local_platform.documents.settings_page
	@$(TOOLING) -m local_platform.documents.rooms

locks: environments  ## recompile every lock from its .in file; CONSTRAINTS=<MWAA's airflow_constraints.txt>
	@test -n "$(CONSTRAINTS)" || { echo "usage: make locks CONSTRAINTS=<MWAA image's airflow_constraints.txt>"; exit 2; }
	@for f in requirements/tooling local_aws/runtimes/local-aws local_aws/runtimes/glue-5.1 local_aws/runtimes/sagemaker-xgboost-3.2-0; do \
	  .tools/bin/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate $$f.in -o $$f.lock; done
	@.tools/bin/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate -c "$(CONSTRAINTS)" requirements/airflow.in -o requirements/airflow.lock
