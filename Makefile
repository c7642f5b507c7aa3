# ModelOps. `make up` needs Debian 12 with git, make and ca-certificates; everything else is installed by it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MODELOPS := build/release/modelops

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

up:  ## Install, build, start everything and show two models answering (DETACH=1: leave it running; WEB_PORT=3000; PROMETHEUS_URL=…; OTLP_URL=…)
	@tools/setup run
	@tools/build release modelops
	@exec $(MODELOPS) up $(if $(DETACH),--detach) $(if $(WEB_PORT),--web-port $(WEB_PORT)) \
	  $(if $(PROMETHEUS_URL),--prometheus-url $(PROMETHEUS_URL)) $(if $(OTLP_URL),--otlp-url $(OTLP_URL))

down:  ## Stop what `make up` started
	@if [ -x $(MODELOPS) ]; then exec $(MODELOPS) down; else echo "nothing is built, so nothing is running"; fi

test:  ## Run every tier of tests; the last line counts them
	@tools/test

test-fresh:  ## Prove `make up` and `make test` in a new Debian 12 tree (root only)
	@tools/test-fresh

soak:  ## Kill the server a thousand times under load (ROUNDS=500, on each database)
	@tools/setup test
	@tools/soak $(or $(ROUNDS),500)

fuzz:  ## Look for inputs that break a reader (MINUTES=5 for each)
	@tools/fuzz $(or $(MINUTES),5)

deb:  ## Make the Debian package, in build/packages
	@tools/package deb

image:  ## Make the container image of that package, with a running Docker engine (BASE=debian:12-slim)
	@tools/package image

lint:  ## Check format, house rules, the web app, and the changed sources with clang-tidy (ALL=1: every source)
	@tools/lint $(if $(ALL),--all)

format:  ## Apply clang-format and Biome
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs -r clang-format-19 -i
	@tools/node npm run --silent format -- ../tests/e2e ../tools ../bench

openapi:  ## Write openapi.json, the web app's types of it, the roles, the settings and migrations/schema.sql, after an intended change
	@tools/build release modelops contract_test
	@build/release/modelops openapi >openapi.json
	@tools/node npm run --silent api
	@MODELOPS_WRITE_GOLDEN=1 build/release/tests/contract_test --gtest_brief=1 --gtest_filter='*WrittenDown'

screenshots:  ## Take the pictures of docs/guides/web.md anew
	@tools/setup test
	@tools/build release modelops
	@tools/node node ../tools/screenshots.mjs

bench:  ## Measure it beside its peers (ONLY=gateway,runtime: some of it; QUICK=1: shorter)
	@tools/setup bench
	@tools/build release modelops
	@tools/node node ../bench/run.mjs

bench-web:  ## Measure the web app over 100,000 models (MODELS=2400: over fewer)
	@tools/setup test
	@tools/build release modelops
	@tools/node node ../bench/web.mjs

.PHONY: soak fuzz deb image screenshots bench bench-web openapi help up down test test-fresh lint format
