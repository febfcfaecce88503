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
