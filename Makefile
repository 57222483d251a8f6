# What people and CI call; the work itself is in scripts/ and in cargo.
# `build` and `demo` make what is shipped; `test` wants overflow checks and debug assertions.
# CARGO_FLAGS goes to every cargo call that builds.
PROFILE ?= release
TEST_PROFILE ?= dev
CARGO_FLAGS ?=

# Extensions, examples and programs that tests and demo load from the target folder: cargo test alone does not build them.
BUILD = cargo build --workspace --lib --bins --examples $(CARGO_FLAGS) --profile

# `make chaos CHAOS=short CASES=disk`: the short form, of the cases whose names begin so.
CHAOS ?= full
CASES ?=

# `make fuzz FUZZ_SECONDS=600`: so long for each target.
FUZZ_SECONDS ?= 60

.PHONY: help setup build test test-gxf sanitize demo docs package lint bench instructions chaos fuzz install uninstall four-requests
.DEFAULT_GOAL := help

help:
	@echo 'make setup   install what is missing (Debian packages, the GXF runtime in .gxf/)'
	@echo 'make build   setup, then build the extension, the programs and the examples'
	@echo 'make test    setup, then build and run all tests; the last line sums them up'
	@echo 'make test-gxf  one build on every GXF release, fetched into .gxf-releases/: a table (SMOKE=yes: a minute or two;'
	@echo '               WRITE=yes: also to docs/gxf-matrix.md; RELEASES="4.0.0 5.7.1": on these)'
	@echo 'make sanitize  the end-to-end tests with the C++ shim under AddressSanitizer and UBSan'
	@echo 'make demo    a camera and a Kafka broker, the graph on them, two overlapping recordings, a contact sheet'
	@echo 'make docs    build, then write what is generated in docs/'
	@echo 'make lint    formatting, clippy, documentation: no warning allowed'
	@echo 'make bench   build, then the benchmarks, joined in one table (NVDSSR_PEER=<library>: NVIDIA'"'"'s recordbin, too;'
	@echo '               WRITE=yes: also to README.md and docs/; BENCHES="cache_cost start_up": these)'
	@echo 'make instructions  a buffer'"'"'s instructions and a source'"'"'s bytes against what is recorded (WRITE=yes: record them)'
	@echo 'make package a folder and an archive of each extension in dist/, for the registry (ARCH=aarch64: cross-compiled, too;'
	@echo '               TWICE=yes: build it all twice and compare the bytes)'
	@echo 'make install    build libnvdsgst_smartrecord.so and install it (PREFIX=/usr/local LIBDIR=lib DESTDIR=)'
	@echo 'make uninstall  remove what that has installed'
	@echo 'make four-requests  35 s in real time: what a library records of four requests (LIBRARY=<file>: NVIDIA'"'"'s)'
	@echo 'make chaos   build, then crashes, disk and network trouble, as root (CHAOS=short: a minute or two)'
	@echo 'make fuzz    what reads foreign text, under libFuzzer (needs nightly and cargo-fuzz; make test makes a short run without)'

# Where `make install` puts libnvdsgst_smartrecord.so: folders below PREFIX, or absolute ones; DESTDIR is for packages.
PREFIX ?= /usr/local
LIBDIR ?= lib
INCLUDEDIR ?= include
DESTDIR ?=
INSTALL = PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' DESTDIR='$(DESTDIR)' PROFILE='$(PROFILE)' scripts/install

docs: build
	@PROFILE=$(PROFILE) scripts/docs

# `make package ARCH=aarch64`: for aarch64, too. TWICE=yes: built twice and compared.
ARCH ?=
TWICE ?=

package: setup
	@PROFILE=$(PROFILE) scripts/package $(if $(filter aarch64,$(ARCH)),--aarch64) $(if $(TWICE),--twice)

setup:
	@scripts/setup

build: setup
	$(BUILD) $(PROFILE)

test: setup
	$(BUILD) $(TEST_PROFILE)
	@PROFILE=$(TEST_PROFILE) scripts/test $(CARGO_FLAGS)

# SMOKE=yes, WRITE=yes: see help. RELEASES: which ones, all if empty.
SMOKE ?=
WRITE ?=
RELEASES ?=

test-gxf: setup
	$(BUILD) $(TEST_PROFILE)
	@PROFILE=$(TEST_PROFILE) CARGO_FLAGS='$(CARGO_FLAGS)' scripts/test-gxf $(if $(SMOKE),--smoke) $(if $(WRITE),--write) $(RELEASES)

sanitize: setup
	@PROFILE=$(TEST_PROFILE) CARGO_FLAGS='$(CARGO_FLAGS)' scripts/sanitize

demo: build
	@PROFILE=$(PROFILE) scripts/demo

lint:
	@scripts/setup --lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps $(CARGO_FLAGS)
	find gxf/shim gxf/abi crates/cloud-msg/include tests/cpp crates/cli/tests/cpp -name '*.h' -o -name '*.cpp' | xargs -r clang-format --dry-run -Werror
	for script in scripts/* .ci/run; do bash -n "$$script" || exit 1; done

# BENCHES="cache_cost start_up": these; all if empty.
BENCHES ?=

bench: build
	@CARGO_FLAGS='$(CARGO_FLAGS)' scripts/bench $(if $(WRITE),--write) $(BENCHES)

# Counts, not times: the same on a busy machine. WRITE=yes: records them.
instructions: setup
	@CARGO_FLAGS='$(CARGO_FLAGS)' scripts/instructions $(if $(WRITE),--write)

chaos:
	@scripts/setup --chaos
	$(BUILD) $(TEST_PROFILE)
	cargo run --quiet --package chaos --profile $(TEST_PROFILE) $(CARGO_FLAGS) -- run $(if $(filter short,$(CHAOS)),--short) $(CASES)

install: setup
	cargo build --package nvdssr --lib $(CARGO_FLAGS) --profile $(PROFILE)
	@$(INSTALL)

uninstall:
	@$(INSTALL) --uninstall

# The library to be shown; ours where none is named.
LIBRARY ?=

four-requests:
	cargo build --package nvdssr --lib --example four_requests $(CARGO_FLAGS) --profile $(TEST_PROFILE)
	cargo run --quiet --package nvdssr --example four_requests $(CARGO_FLAGS) --profile $(TEST_PROFILE) -- $(LIBRARY)

# What is found goes to found/ and artifacts/; the corpus stays as it is.
fuzz:
	@cargo +nightly fuzz --version || { echo 'make fuzz needs: rustup toolchain install nightly; cargo install cargo-fuzz' >&2; exit 1; }
	cd crates/trigger/fuzz && for target in message sensor_list import_config broker_settings; do \
	  mkdir -p found/$$target && cargo +nightly fuzz run --fuzz-dir . $$target found/$$target corpus/$$target \
	    -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
