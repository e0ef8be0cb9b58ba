# Nightfold. `make demo` and `make test` install what is missing; `make help` lists the rest.

PREFIX ?= /usr/local
comma := ,
COVERAGE := $(filter coverage,$(MAKECMDGOALS))
B := build$(if $(filter clang%,$(CC)),-clang)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)
Q := $(if $(V),,@)

# What is built ---------------------------------------------------------------

PACKAGES := libzstd libsodium libcrypto lmdb yaml-0.1 libcbor yajl
LIB := $(B)/libnightfold.a
PARTS := agent restore verify keys
PROGRAMS := $(PARTS:%=$(B)/nightfold-%)
LIB_SRC := $(wildcard lib/*/*.c)
PROGRAM_SRC := $(foreach part,$(PARTS),$(wildcard $(part)/*.c))
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
BENCH_SRC := $(wildcard bench/*.c)
SCALE_SRC := $(wildcard bench/scale/*.c)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
BENCH := $(BENCH_SRC:%.c=$(B)/%)
SCALE := $(PARTS:%=$(B)/scale/nightfold-%)
SRC := $(LIB_SRC) $(PROGRAM_SRC) $(UNIT_SRC) $(BENCH_SRC) $(SCALE_SRC) $(wildcard tests/tools/*.c)
HEADERS := $(wildcard lib/*/*.h $(PARTS:%=%/*.h) tests/unit/*/*.h bench/*.h bench/scale/*.h)
SCRIPTS := $(shell grep -rlIm1 '^#!/bin/\(ba\)\?sh' .ci bench demo tests tools 2>/dev/null)

# How -------------------------------------------------------------------------

OPT ?= -O2 -g
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wvla -Wformat=2 -Wundef -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Werror=return-type
CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib $(PKG_CFLAGS) $(CPPFLAGS)
INSTRUMENT := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer) $(if $(COVERAGE),--coverage -O0)
CFLAGS_ALL = -std=c17 $(OPT) $(WARN) -fstack-protector-strong -fPIE -pthread $(INSTRUMENT) $(CFLAGS)
LDFLAGS_ALL = -pie -pthread -Wl,-z,relro,-z,now -Wl,--gc-sections $(INSTRUMENT) $(LDFLAGS)

export PYTHONDONTWRITEBYTECODE := 1

.PHONY: all demo test unit unit-programs bench deps lint format install coverage clean help

all: $(PROGRAMS) ## build the four programs into build/ (the default)

demo: all ## two nights, damage, repair, restore and expiry, before your eyes
	$(Q)demo/run $(B)

test: all unit-programs $(SCALE) ## build and run everything; FAST=1 leaves the slow scenarios out
	$(Q)tests/run $(B) $(if $(FAST),--fast)

unit: unit-programs ## build and run the unit tests alone; UNDER=valgrind
	$(Q)tests/run $(B) $(if $(UNDER),--under "$(UNDER)") unit/

unit-programs: $(UNIT)

bench: all $(BENCH) $(SCALE) ## measure beside restic, borg and the machine's limits; ONLY=messages,mails,large,access,expiry,growth,dedup,scale SIZE=1G ROUNDS=3; SAVE=1 writes bench/RESULTS.md
	$(Q)bench/run $(B) --size $(or $(SIZE),1G) $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SAVE),--save)
	$(Q)$(if $(and $(SAVE),$(findstring growth,$(ONLY))),bench/plot)

coverage: unit-programs ## lines of lib/ that the unit tests reach: the total, and files under 90 %
	$(Q)find $(B) -name '*.gcda' -delete
	$(Q)tests/run $(B) unit/; status=$$?; gcovr --root . --filter lib/ --csv - $(B) | tools/coverage; exit $$status

# Dependencies: asked for by the generated flags, so before anything is compiled, and only then -----------------------

SETS := build $(if $(filter demo test unit unit-programs coverage lint,$(MAKECMDGOALS)),test) \
	$(if $(filter coverage lint,$(MAKECMDGOALS)),lint) $(filter bench,$(MAKECMDGOALS))

deps: ## install the Debian packages that are missing, and say which
	$(Q)tools/deps $(if $(filter deps,$(MAKECMDGOALS)),build test lint bench,$(SETS))

$(B)/flags.mk: Makefile | deps
	@mkdir -p $(@D)
	@{ echo "PKG_CFLAGS := $$(pkg-config --cflags $(PACKAGES))"; \
	   echo "PKG_LIBS := $$(pkg-config --libs $(PACKAGES))"; } > $@

ifneq ($(filter-out deps format clean help,$(or $(MAKECMDGOALS),all)),)
include $(B)/flags.mk
endif

# Rules -----------------------------------------------------------------------

$(B)/%.o: %.c $(B)/flags.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(LIB): $(LIB_SRC:%.c=$(B)/%.o)
	@echo "  AR    $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# The link map shows that the agent has no code that opens a seal.
define program
$(B)/nightfold-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(LIB)
	@echo "  LINK  $$@"
	$(Q)$$(CC) $$(LDFLAGS_ALL) -Wl,-Map=$$@.map -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach part,$(PARTS),$(eval $(call program,$(part))))

# The same programs with content left out: bench/scale/ghost.h.
GHOSTS := sha256 chunker_max chunker_next blob_encode pack_add
define scale
$(B)/scale/nightfold-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(SCALE_SRC:%.c=$(B)/%.o) $(LIB)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$(Q)$$(CC) $$(LDFLAGS_ALL) $(GHOSTS:%=-Wl,--wrap=%) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach part,$(PARTS),$(eval $(call scale,$(part))))

$(UNIT): TEST_LIBS := -lcmocka
$(UNIT) $(BENCH): %: %.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS) -lm

-include $(SRC:%.c=$(B)/%.d)

# Care ------------------------------------------------------------------------

lint: $(B)/flags.mk ## clang-format, clang-tidy, cppcheck and shellcheck, all without a finding
	$(Q)tools/lint "$(CPPFLAGS_ALL) -std=c17" $(SRC) $(HEADERS) $(SCRIPTS)

format: ## clang-format in place
	$(Q)clang-format -i $(SRC) $(HEADERS)

install: all ## install below DESTDIR= and PREFIX= (default /usr/local)
	$(Q)tools/install $(B) "$(DESTDIR)" "$(PREFIX)"

clean: ## remove everything that was built
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12
	@echo 'SANITIZE=address,undefined, SANITIZE=thread and CC=clang build into folders of their own; V=1 shows the commands.'
