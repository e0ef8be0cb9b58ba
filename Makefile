# Nightfold. `make demo` and `make test` install what is missing; `make help` lists the rest.

B := build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(COVERAGE),-coverage)
comma := ,
PACKAGES := libzstd libsodium libcrypto lmdb yaml-0.1 libcbor yajl

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wvla -Wformat=2 -Wundef -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Werror=return-type
OPT ?= -O2 -g
CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib $(CPPFLAGS)
CFLAGS_ALL = -std=c17 $(OPT) $(WARN) -fstack-protector-strong -fPIE -pthread $(PKG_CFLAGS) $(SAN) $(CFLAGS)
LDFLAGS_ALL = -pie -pthread -Wl,-z,relro,-z,now -Wl,--gc-sections $(SAN) $(LDFLAGS)
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) $(if $(COVERAGE),--coverage -O0)

LIB := $(B)/libnightfold.a
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard lib/*/*.c))
PROGRAMS := nightfold-agent nightfold-restore nightfold-verify nightfold-keys
BIN := $(addprefix $(B)/,$(PROGRAMS))
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
UNIT := $(patsubst %.c,$(B)/%,$(UNIT_SRC))

Q := $(if $(V),,@)
.PHONY: all test unit clean
all: $(BIN)

-include $(B)/flags.mk
$(B)/flags.mk: Makefile
	@mkdir -p $(@D)
	@{ echo "PKG_CFLAGS := $$(pkg-config --cflags $(PACKAGES))"; echo "PKG_LIBS := $$(pkg-config --libs $(PACKAGES))"; \
	   echo "CMOCKA_LIBS := $$(pkg-config --libs cmocka)"; } > $@

$(B)/%.o: %.c $(B)/flags.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	@echo "  AR    $@"
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

define program
$(B)/nightfold-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(LIB)
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,-Map=$$@.map -o $$@ $$^ $(PKG_LIBS)
endef
$(foreach p,agent restore verify keys,$(eval $(call program,$(p))))

$(B)/tests/unit/%_test: $(B)/tests/unit/%_test.o $(LIB)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) $(CMOCKA_LIBS)

unit: $(UNIT)
test: all unit
	$(Q)tests/run $(B)

clean:
	rm -rf build build-*

-include $(LIB_OBJ:.o=.d) $(UNIT:=.d)
