# A thin front over CMake. `make` builds the program; `make demo` and `make test` also install what is
# missing (apt). See CMakePresets.json for the builds.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
PROGRAM = build/release/ballast

.PHONY: all demo test install bench format check tidy clean help setup
all: $(if $(wildcard build/release/CMakeCache.txt),,setup)
	cmake --preset release
	cmake --build build/release --parallel $(JOBS)

setup:
	scripts/setup.sh build

demo:
	scripts/setup.sh build demo
	$(MAKE) all
	scripts/demo.sh $(PROGRAM)

test:
	scripts/setup.sh build demo test
	cmake --preset dev
	cmake --build build/dev --parallel $(JOBS)
	BALLAST_REQUIRE_DATA=1 ctest --test-dir build/dev --output-on-failure --parallel $(JOBS)

install: all
	cmake --install build/release --prefix $(PREFIX)

bench: all
	bench/side_by_side.sh $(PROGRAM)

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

# What needs no build: format, layers, headers alone, links of the documents.
check:
	scripts/check-format
	scripts/check-layers
	scripts/check-headers
	scripts/check-docs

# clang-tidy over the library and the program; a finding is a failure.
tidy:
	scripts/setup.sh build tidy
	cmake --preset release
	git ls-files 'src/*.c' 'cli/*.c' | xargs -n 4 -P $(JOBS) clang-tidy -p build/release --quiet --warnings-as-errors='*'

clean:
	rm -rf build

help:
	@echo "make            build $(PROGRAM)"
	@echo "make demo       install what is missing, build, train on Fashion-MNIST, show"
	@echo "make test       install what is missing, build, run all tests"
	@echo "make install    library, headers, program, manual under PREFIX ($(PREFIX))"
	@echo "make check      format, layers, headers, links"
	@echo "make tidy       clang-tidy"
	@echo "make bench      speed beside PyTorch (needs python3-torch)"
