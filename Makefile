# ModelOps. `make up` needs Debian 12 with git, make and ca-certificates; everything else is installed by it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MODELOPS := build/release/modelops

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

up:  ## Install, build, start everything and show two models answering (DETACH=1: leave it running)
	@tools/setup run
	@tools/build release modelops
	@exec $(MODELOPS) up $(if $(DETACH),--detach)

down:  ## Stop what `make up` started
	@if [ -x $(MODELOPS) ]; then exec $(MODELOPS) down; else echo "nothing is built, so nothing is running"; fi

test:  ## Run every tier of tests; the last line counts them
	@tools/test

test-fresh:  ## Prove `make up` and `make test` in a new Debian 12 tree (root only)
	@tools/test-fresh

lint:  ## Check format, house rules, and the changed sources with clang-tidy (ALL=1: every source)
	@tools/lint $(if $(ALL),--all)

format:  ## Apply clang-format
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs -r clang-format-19 -i

openapi:  ## Write openapi.json and the table of roles, after an intended change of the API
	@tools/build release modelops contract_test
	@build/release/modelops openapi >openapi.json
	@MODELOPS_WRITE_GOLDEN=1 build/release/tests/contract_test --gtest_brief=1

.PHONY: openapi help up down test test-fresh lint format
