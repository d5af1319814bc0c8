# A thin front door: every job is done by bootstrap.py, which sets itself up first.
#   make demo                 make test                 make test ARGS="-k dyads"
#   make setup PYTHON=python3.12
PYTHON ?= python3
JOBS := setup demo test bench lab site wheel lint lock environment

.PHONY: help $(JOBS)
.NOTPARALLEL:

help:
	@$(PYTHON) bootstrap.py help

$(JOBS):
	@$(PYTHON) bootstrap.py $@ $(ARGS)
