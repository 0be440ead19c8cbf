# What a newcomer needs. Each target sets up what it needs by itself; `make` alone lists them.

CARGO ?= cargo
# A toolchain by rustup may not be on the path yet.
# libtss2 writes every wrong PIN of a test on standard error by itself.
export TSS2_LOG ?= all+none
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# Unattended demo: make demo PINS=1593,26481 (PIN1 of 4 to 12 digits, PIN2 of 5 to 12).
PINS ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-web test test-tokens kryoptic interop fuzz bench lint audit deb try-packages dependencies

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: dependencies ## a login, a signature and a lock, on a TPM emulator, in a folder of its own
	$(CARGO) build --quiet --workspace --bins
	@SYMBOLON_DEMO_PINS=$(PINS) target/debug/demo

demo-web: dependencies ## an e-service in your browser: log in and sign, until Ctrl-C
	$(CARGO) build --quiet --workspace --bins
	@SYMBOLON_DEMO_PINS=$(PINS) target/debug/demo-web

test: dependencies kryoptic ## every test, on real parts
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace

test-tokens: dependencies kryoptic ## tokens of others: SoftHSM2, kryoptic, NSS, tpm2-pkcs11
	packaging/install-dependencies --tokens
	$(CARGO) build --workspace --bins
	$(CARGO) test -p symbolon-hsm --test vault
	$(CARGO) test -p symbolon-tests --test tokens

# The module of a token that locks PINs, from its authors' crate; a minute, once.
kryoptic: dependencies
	$(CARGO) build --locked --manifest-path interop/kryoptic/Cargo.toml --package kryoptic --target-dir target/kryoptic

# Their clients have a workspace of their own, whose dependencies are not Symbolon's.
interop: dependencies ## clients of others, from their published packages, against the whole system
	packaging/install-dependencies --interop
	$(CARGO) build --workspace --bins
	$(CARGO) build --locked --manifest-path interop/rust-client/Cargo.toml --target-dir target/interop
	$(CARGO) build --locked --manifest-path interop/rust-client-v2/Cargo.toml --target-dir target/interop
	$(CARGO) test -p symbolon-tests --test interop -- --ignored

fuzz: dependencies ## some minutes of requests that nobody should make, to the relying-party API
	$(CARGO) build --workspace --bins
	@target/debug/fuzz

bench: dependencies ## how fast, as ratios; also written to target/bench.json
	$(CARGO) build --release --workspace --bins
	@target/release/bench

# Recipes fail with the first command of a pipe that fails.
SHELL := bash
.SHELLFLAGS := -o pipefail -c

lint: ## format, clippy, licences, the units' hardening
	packaging/install-dependencies --lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) deny check bans licenses sources
	systemd-analyze security --offline=true --threshold=15 --no-pager systemd/system/symbolond.service | tail -n 1
	systemd-analyze security --offline=true --threshold=15 --no-pager systemd/system/symbolon-service.service | tail -n 1

audit: ## known holes in what we build on (fetches the advisory database)
	packaging/install-dependencies --lint
	$(CARGO) deny check advisories

deb: ## the Debian packages, into target/debian
	packaging/install-dependencies --deb
	packaging/build-deb

try-packages: deb ## those packages on a new Debian with systemd, in a container (root, network)
	packaging/install-dependencies --container
	packaging/try-packages

dependencies:
	@packaging/install-dependencies
