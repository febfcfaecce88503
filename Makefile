# Every task of the repository. `make help` lists them; CI calls nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := $(CURDIR)/.bin
# The release of protovalidate whose validate.proto the contracts import.
PROTOVALIDATE := github.com/bufbuild/protovalidate@v1.2.2
MODULE_DIRS = $(shell go list -m -f '{{.Dir}}')
PACKAGES = $(shell go list -m -f '{{.Dir}}/...')

.PHONY: help
help: ## Lists the tasks.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## --- tools ---

# Each family of tools is a module of its own outside go.work, so that its
# dependencies decide nothing about the product's.
$(BIN)/buf: tools/buf/go.mod
	GOWORK=off go -C tools/buf build -o $(BIN)/ tool && touch $@
$(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc &: tools/protoc/go.mod
	GOWORK=off go -C tools/protoc build -o $(BIN)/ tool && touch $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc
$(BIN)/golangci-lint: tools/lint/go.mod
	GOWORK=off go -C tools/lint build -o $(BIN)/ tool && touch $@
$(BIN)/grpcurl: tools/grpcurl/go.mod
	GOWORK=off go -C tools/grpcurl build -o $(BIN)/ tool && touch $@
# Nothing else needs it, and it takes minutes.
$(BIN)/jaeger: tools/jaeger/go.mod
	CGO_ENABLED=0 GOWORK=off go -C tools/jaeger build -trimpath -ldflags '-s -w' -o $(BIN)/ tool && touch $@

.PHONY: standin-jaeger
standin-jaeger: $(BIN)/jaeger ## Builds what stands in for Jaeger and the OpenTelemetry collector where no registry is reached.

$(BIN)/govulncheck: tools/vuln/go.mod
	GOWORK=off go -C tools/vuln build -o $(BIN)/ tool && touch $@

.PHONY: tools
tools: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/golangci-lint $(BIN)/grpcurl ## Builds the pinned developer tools into .bin/.

.PHONY: deps-proto
deps-proto: .proto-deps/protovalidate/buf/validate/validate.proto
.proto-deps/protovalidate/buf/validate/validate.proto: Makefile
	dir=$$(GOWORK=off go -C tools/protoc mod download -json $(PROTOVALIDATE) | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p'); \
	install -D -m 644 $$dir/proto/protovalidate/buf/validate/validate.proto $@

## --- code ---

.PHONY: generate
generate: $(BIN)/buf $(BIN)/protoc-gen-go deps-proto ## Makes all generated code anew.
	$(BIN)/buf format -w proto
	$(BIN)/buf generate
	go generate $(PACKAGES)

.PHONY: build
build: ## Builds everything; the binary goes to .bin/muster.
	go build $(PACKAGES)
	go build -o $(BIN)/muster ./cmd/muster

.PHONY: lint
lint: $(BIN)/buf $(BIN)/golangci-lint deps-proto ## Holds code and contracts against their rules.
	$(BIN)/golangci-lint run $(PACKAGES)
	$(BIN)/buf lint
	$(BIN)/buf format -d --exit-code proto

.PHONY: fmt
fmt: $(BIN)/golangci-lint $(BIN)/buf deps-proto ## Formats code and contracts.
	$(BIN)/golangci-lint fmt $(PACKAGES)
	$(BIN)/buf format -w proto

.PHONY: breaking
breaking: $(BIN)/buf deps-proto ## Holds the contracts against the last release's (proto/baseline.binpb).
	$(BIN)/buf breaking proto --against proto/baseline.binpb

.PHONY: baseline
baseline: $(BIN)/buf deps-proto ## Makes the contracts as they are the ones that later changes must not break.
	$(BIN)/buf build proto --exclude-source-info -o proto/baseline.binpb

# What is known of vulnerabilities, as of a day: the database itself can not be
# asked everywhere. VULNDB=https://vuln.go.dev asks it.
VULNDB_MODULE := golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018
VULNDB ?=
# The Go release that binaries for others are built with (deploy/compose/Dockerfile).
RELEASE_GO := go1.26.10

.PHONY: vuln
vuln: $(BIN)/govulncheck ## Holds all that the modules call against the known vulnerabilities (VULNDB=https://vuln.go.dev for those of today).
	@db='$(VULNDB)'; if [ -z "$$db" ]; then \
		db=file://$$(GOWORK=off go mod download -json $(VULNDB_MODULE) | sed -n 's/^\t"Dir": "\(.*\)",$$/\1/p')/data/osv; \
		echo 'vuln: known vulnerabilities as of $(VULNDB_MODULE)'; \
	fi; \
	for dir in $(MODULE_DIRS); do echo "vuln: $$dir"; GOTOOLCHAIN=$(RELEASE_GO) $(BIN)/govulncheck -C $$dir -db "$$db" ./... || exit 1; done

.PHONY: tidy
tidy: ## Tidies every module.
	tools/scripts/replaces.sh
	for dir in $(MODULE_DIRS); do go -C $$dir mod tidy; done
	GOWORK=off go -C test/ecs mod tidy

.PHONY: verify
verify: lint breaking verify-generated ## Everything CI checks but the tests: lint, contracts, generated code, modules.
	tools/scripts/replaces.sh
	for dir in $(MODULE_DIRS); do go -C $$dir mod tidy -diff; done
	GOWORK=off go -C test/ecs mod tidy -diff

# Holds generated code against what its sources give now, without asking git:
# the tree may hold other changes.
.PHONY: verify-generated
verify-generated: $(BIN)/buf $(BIN)/protoc-gen-go deps-proto
	before=$$(mktemp -d); cp -r proto/gen $$before/; \
	$(BIN)/buf generate; \
	diff -r $$before/gen proto/gen; rm -r $$before

# The folder of public market data that docs/market.md compares the market with.
DATA ?= ../shared/data

.PHONY: market-doc
market-doc: ## Makes the plots and tables of docs/market.md anew (DATA=folder of public market data).
	go run ./services/fleetsim/market/calibrate -data $(DATA)

## --- tests ---

CHECKS ?= 100000
FUZZ_TIME ?= 30s

# What one test run may take; a hang then shows where.
TIMEOUT := 20m

.PHONY: packages
packages: ## Installs the Debian packages that the tests need and that are not there.
	tools/scripts/packages.sh

# Many packages wait for processes more than they compute: -p lets more of them
# run at a time than there are cores.
.PHONY: test
test: packages $(BIN)/grpcurl ## Runs every test with the race detector.
	go test -race -shuffle=on -p 4 -timeout $(TIMEOUT) $(PACKAGES)

# Seeds of the whole-system simulation: each is a day.
SEEDS ?= 1000

.PHONY: sim
sim: ## Simulates a day of the whole system for each of SEEDS seeds (1,000), holds it against the invariants, and shows that three deliberate defects are found.
	GOGC=400 go test -count=1 -timeout $(TIMEOUT) ./test/simulation -v -args -seeds=$(SEEDS)

.PHONY: ci
ci: verify test sim test-ecs bench ## All that a change is held against.

# A module of its own outside go.work: what the client libraries need must not
# decide which versions all else is built with.
.PHONY: test-ecs
test-ecs: ## Holds the ECS API against the client libraries that people call the real one with.
	GOWORK=off go -C test/ecs test -timeout $(TIMEOUT) ./...

.PHONY: test-long
test-long: ## Property tests with CHECKS cases (100,000), then fuzzing, FUZZ_TIME (30s) a target.
	go test -timeout 60m $$(grep -rl --include='*_test.go' pgregory.net/rapid $(MODULE_DIRS) | xargs -n1 dirname | sort -u) \
		-run '_Prop$$|Prop_' -args -rapid.checks=$(CHECKS)
	tools/scripts/fuzz.sh $(FUZZ_TIME)

.PHONY: test-robust
test-robust: ## Kills the process 50 times while a group of 1,000 is delivered, what events pass 100 times, three replicas or their store 30 times under 20,000 instances, breaks and fills all there is by name (as root), and kills the group service at every point of a group's life (SEED=n for other moments).
	go test -count=1 -timeout 20m ./services/groupsvc -run TestCrash -args -crash-step=1
	go test -count=1 -timeout 60m ./test/robust -v -args -rounds=50 -event-kills=100 -group-event-kills=50 -replica-groups=200 -replica-kills=30 -disk-full -seed=$${SEED:-1}

.PHONY: test-compose
test-compose: $(BIN)/grpcurl ## Brings the stack of deploy/compose up and kills its containers (SHORT=-short: fewer of them). Needs a Docker engine.
	@if ! docker info >/dev/null 2>&1; then \
		echo '*** deploy/compose was NOT tested: no Docker engine answers on this machine. ***' >&2; exit 0; \
	else set -x; \
		tools/scripts/standins.sh; \
		go test -count=1 -tags compose -timeout $(TIMEOUT) -v ./test/compose $(SHORT); \
	fi

.PHONY: bench
bench: ## Measures what is promised of speed; one line a bar.
	go test -count=1 -timeout $(TIMEOUT) -run '^$$' -bench '^BenchmarkBar' -benchtime 1x ./test/bench | grep '^bar ' || { echo 'bench: failed; run: go test -bench . -benchtime 1x ./test/bench' >&2; exit 1; }
