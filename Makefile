# make demo | test | bench | install | deny
# One target directory; clippy and tests share what they can, and nothing carries debug information.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO_DB := target/demo.db

.PHONY: demo build test check bench install deny formats

demo: build
	mkdir -p target
	rm -f $(DEMO_DB) $(DEMO_DB)-wal $(DEMO_DB)-shm
	$(TARGET)/release/bartizan --db $(DEMO_DB) demo

build:
	$(CARGO) build --release --locked -p bartizan

# All checks. Needs git, a C compiler (for SQLite and zstd) and Rust; licences, bans, sources, layers and the
# shape of files are tests of xtask.
test:
	@$(CARGO) fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@$(CARGO) clippy --version >/dev/null 2>&1 || rustup component add clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked
	@if [ -x $(TARGET)/debug/bartizan ]; then $(CARGO) xtask formats --check $(TARGET)/debug/bartizan; \
	 else echo "docs/formats.md was not compared: no test built $(TARGET)/debug/bartizan"; fi

# The fast part of the above, while working.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --locked -p xtask

# Known vulnerabilities of dependencies too: needs cargo-deny and the network.
deny:
	$(CARGO) xtask licences
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	   $(CARGO) deny check licenses bans sources advisories; \
	 else \
	   echo "advisories were NOT checked: cargo-deny is not installed (cargo install cargo-deny --locked)"; exit 1; \
	 fi

# Prints JSON. Takes minutes; only ratios and processor time mean anything on a shared machine.
bench: build
	$(CARGO) xtask bench-import $(TARGET)/release/bartizan
	$(CARGO) bench --locked -p bartizan-graph

formats:
	$(CARGO) build --locked -p bartizan
	$(CARGO) xtask formats $(TARGET)/debug/bartizan

install:
	$(CARGO) install --locked --path crates/cli
