# A front for Meson: what a newcomer types. `make help` lists it.
BUILD ?= build

all: $(BUILD)/build.ninja ## build/piste, build/libpiste.so, build/libpiste.a
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@pkg-config --exists libelf jansson libbpf && ninja --version >/dev/null && \
		meson --version >/dev/null || tools/setup
	meson setup $(BUILD)

demo: all ## a traced program, from start to answer
	tools/demo.sh

test: ## everything that CI holds; ends with: N passed, N failed, N skipped
	tests/run

lint: ## the cheap checks alone: form, layers, headers, sizes, symbols
	tests/run lint

fuzz: ## each parser for a minute (FUZZ_SECONDS); new finds stay in tests/fuzz/corpus
	tests/fuzz/run

guest: ## tests that need another kernel, in qemu
	tests/run guest

bench: all ## measures against the peers
	bench/run.sh

format: ## writes every C file in the form that lint asks for
	tools/list-c-files | xargs clang-format -i

install: all ## DESTDIR and meson's prefix are respected
	meson install -C $(BUILD) --no-rebuild

clean: ## removes every build directory
	rm -rf build build-*

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

.PHONY: all demo test lint fuzz guest bench format install clean help
