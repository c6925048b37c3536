# uplinkd. `make help` lists what can be made; every variable set with ?= can be given on the
# command line or in the environment.

VERSION := 0.1.0

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/uplinkd
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DATADIR    ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
DESTDIR    ?=

ifeq ($(origin CC),default)
CC = gcc
endif
AR         ?= ar
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2 -g

# A sanitizer or another compiler builds into a directory of its own.
SAN   ?=
empty :=
space := $(empty) $(empty)
comma := ,
FLAVOUR := $(strip $(if $(SAN),$(subst $(comma),-,$(SAN))) $(if $(filter clang%,$(notdir $(CC))),clang))
BUILD := build$(if $(FLAVOUR),/$(subst $(space),-,$(FLAVOUR)))
BIN   := $(BUILD)/bin
Q     := $(if $(V),,@)
say    = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef \
	    -Wpointer-arith -Wwrite-strings -Wvla $(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE $(WARNINGS) $(HARDEN) $(CFLAGS) \
	     $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
	     -Idaemon -Iinclude -DUPLINKD_VERSION='"$(VERSION)"' \
	     -DUPLINKD_LIBEXECDIR='"$(LIBEXECDIR)"' -DUPLINKD_SYSCONFDIR='"$(SYSCONFDIR)"'
ALL_LDFLAGS = -pie -Wl,--as-needed -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

pkg-cflags = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)
pkg-libs   = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

PKG_DAEMON := libnl-3.0 libnl-route-3.0 libnl-genl-3.0 libcrypto libsystemd jansson
PKG_AV     := libavformat libavcodec libavutil libswscale libswresample libavfilter
LIBS_CORE   = -lcrypto
LIBS_DAEMON = -lev $(call pkg-libs,$(PKG_DAEMON))
LIBS_WORKER = $(call pkg-libs,libsystemd jansson)
CFLAGS_NL  := $(call pkg-cflags,libnl-3.0)

# --- what is built from what ------------------------------------------------------------------

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
sources = $(sort $(wildcard $(addsuffix /*.c,$(1))))

CORE_SRC   := $(call sources,daemon/base daemon/wire daemon/bond daemon/stream)
DAEMON_SRC := $(call sources,daemon/sys daemon/net daemon/ctl) $(filter-out daemon/main.c,$(call sources,daemon))
WORKERS    := $(sort $(notdir $(wildcard daemon/workers/*)))
TOOLS      := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tools/*/main.c)))))
TOOL_DIRS  := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tools/*/*.c)))))
UNIT       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ       := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
HELPERS    := $(patsubst tests/e2e/%.c,%,$(wildcard tests/e2e/*.c))

LIBCORE   := $(BUILD)/libcore.a
LIBDAEMON := $(BUILD)/libdaemon.a
WORKER_LIBS := $(foreach w,$(WORKERS),$(if $(filter-out %/main.c,$(wildcard daemon/workers/$(w)/*.c)),$(BUILD)/libworker-$(w).a))
TOOL_LIBS := $(foreach t,$(TOOL_DIRS),$(if $(filter-out %/main.c,$(wildcard tools/$(t)/*.c)),$(BUILD)/libtool-$(t).a))

PROGRAMS := $(BIN)/uplinkd \
	    $(foreach w,$(WORKERS),$(if $(wildcard daemon/workers/$(w)/main.c),$(BIN)/uplinkd-$(w))) \
	    $(addprefix $(BIN)/,$(TOOLS))
UNIT_BIN := $(UNIT:%=$(BUILD)/tests/%)
FUZZ_BIN := $(FUZZ:%=$(BUILD)/tests/%)
HELPER_BIN := $(HELPERS:%=$(BUILD)/tests/%)
SIM_BIN  := $(BUILD)/tests/sim
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench_%,$(wildcard tests/bench/*.c)) $(BUILD)/tests/bench_bond

.PHONY: all
all: $(PROGRAMS) ## build every program into build/bin (default)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_NL) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/daemon/workers/srt/%.o: EXTRA_CFLAGS = $(call pkg-cflags,srt)
$(BUILD)/obj/daemon/workers/rtmp/%.o: EXTRA_CFLAGS = $(call pkg-cflags,libavformat)
$(BUILD)/obj/daemon/workers/av/%.o: EXTRA_CFLAGS = $(call pkg-cflags,$(PKG_AV))

define archive
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^
endef
define link
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ -Wl,--start-group $(filter %.o %.a,$^) -Wl,--end-group $(1)
endef

# An archive, so that a bench takes of the simulator what it uses.
SIM_LIB := $(if $(filter-out %/main.c,$(wildcard tests/sim/*.c)),$(BUILD)/libsim.a)
$(BUILD)/libsim.a: $(call objects,$(filter-out %/main.c,$(wildcard tests/sim/*.c)))
	$(archive)
$(LIBCORE): $(call objects,$(CORE_SRC))
	$(archive)
$(LIBDAEMON): $(call objects,$(DAEMON_SRC))
	$(archive)
# Of sys/, a worker may use the log and its side of the control socket.
$(BUILD)/libworkerlog.a: $(call objects,$(addprefix daemon/sys/,log.c lines.c supervisor.c))
	$(archive)

define worker-lib
$(BUILD)/libworker-$(1).a: $(call objects,$(filter-out %/main.c,$(wildcard daemon/workers/$(1)/*.c)))
	$$(archive)
endef
$(foreach w,$(WORKERS),$(eval $(call worker-lib,$(w))))
define tool-lib
$(BUILD)/libtool-$(1).a: $(call objects,$(filter-out %/main.c,$(wildcard tools/$(1)/*.c)))
	$$(archive)
endef
$(foreach t,$(TOOL_DIRS),$(eval $(call tool-lib,$(t))))

$(BIN)/uplinkd: $(BUILD)/obj/daemon/main.o $(LIBDAEMON) $(LIBCORE)
	$(call link,$(LIBS_DAEMON))

LIBS_srt    = $(call pkg-libs,srt) -lpthread
LIBS_rtmp   = -lev $(call pkg-libs,libssl libcrypto libavformat libavcodec libavutil)
LIBS_av     = $(call pkg-libs,$(PKG_AV)) -lpthread
LIBS_record = -lcrypto
.SECONDEXPANSION:
$(BIN)/uplinkd-%: $(BUILD)/obj/daemon/workers/%/main.o $$(filter $(BUILD)/libworker-$$*.a,$(WORKER_LIBS)) $(BUILD)/libworkerlog.a $(LIBCORE)
	$(call link,$(LIBS_$*) $(LIBS_WORKER) $(LIBS_CORE))
$(addprefix $(BIN)/,$(TOOLS)): $(BIN)/%: $(BUILD)/obj/tools/%/main.o $$(filter $(BUILD)/libtool-$$*.a,$(TOOL_LIBS)) $(LIBCORE)
	$(call link,$(call pkg-libs,jansson) $(LIBS_CORE) -lm -lpthread)

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(SIM_LIB) $(WORKER_LIBS) $(TOOL_LIBS) $(LIBDAEMON) $(LIBCORE)
	$(call link,$(LIBS_DAEMON) $(foreach w,$(WORKERS),$(LIBS_$(w))) -lm -lcmocka)
$(BUILD)/tests/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(WORKER_LIBS) $(LIBDAEMON) $(LIBCORE)
	$(call link,$(LIBS_DAEMON) $(foreach w,$(WORKERS),$(LIBS_$(w))))
$(BUILD)/tests/libfuzzer_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(WORKER_LIBS) $(LIBDAEMON) $(LIBCORE)
	$(call link,-fsanitize=fuzzer $(LIBS_DAEMON) $(foreach w,$(WORKERS),$(LIBS_$(w))))
$(BUILD)/tests/bench_%: $(BUILD)/obj/tests/bench/%.o $(SIM_LIB) $(TOOL_LIBS) $(LIBCORE)
	$(call link,$(LIBS_CORE) -lm)
$(BUILD)/tests/bench_bond: $(call objects,$(wildcard tests/bench/bond/*.c)) $(SIM_LIB) $(TOOL_LIBS) $(LIBCORE)
	$(call link,$(LIBS_CORE) -lm)
$(BUILD)/tests/sim: $(call objects,$(wildcard tests/sim/*.c)) $(TOOL_LIBS) $(LIBCORE)
	$(call link,$(LIBS_CORE) -lm)
$(HELPER_BIN): $(BUILD)/tests/%: $(BUILD)/obj/tests/e2e/%.o $(LIBCORE)
	$(call link,$(LIBS_CORE) -lm -lpthread)
$(BUILD)/obj/tests/%.o: EXTRA_CFLAGS = -I. -Itests $(call pkg-cflags,srt)

# The directory of the workers is compiled in: installing to another one compiles that file again.
$(BUILD)/libexecdir: FORCE
	@mkdir -p $(@D); echo '$(LIBEXECDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR)' >$@
$(BUILD)/obj/daemon/sys/spawn.o: $(BUILD)/libexecdir
.PHONY: FORCE
FORCE:

# --- tests ------------------------------------------------------------------------------------

TEST_ENV = UPLINKD_BUILD=$(abspath $(BUILD)) UPLINKD_CC="$(CC)"
TESTS_PURE = $(foreach t,$(UNIT),$(t)=$(BUILD)/tests/$(t)) \
	$(foreach f,$(FUZZ),"$(f)=$(BUILD)/tests/$(f) tests/fuzz/corpus/$(f:fuzz_%=%)") \
	$(if $(SIM_BIN),"sim=$(SIM_BIN) --check") \
	$(foreach s,$(sort $(wildcard tests/arch/*.sh)),$(notdir $(s))=$(s))
TESTS_SYSTEM = $(foreach s,$(sort $(wildcard tests/e2e/test_*.py tests/netns/test_*.py)),$(notdir $(s))=$(s))

.PHONY: deps
deps:
	@tools/install-deps --quiet build test

.PHONY: tests
tests: all $(UNIT_BIN) $(FUZZ_BIN) $(SIM_BIN) $(HELPER_BIN) $(BENCH_BIN) ## build the tests as well

.PHONY: quickcheck
quickcheck: $(UNIT_BIN) $(FUZZ_BIN) $(SIM_BIN) $(LIBCORE) ## the pure tests: no network, no clock, under 30 s
	@$(TEST_ENV) tests/run $(if $(TOTALS),--totals $(TOTALS)) $(TESTS_PURE)

.PHONY: check
check: ## everything a machine can test (installs what is missing)
	@tools/install-deps --quiet build test
	@+$(MAKE) --no-print-directory tests
	@$(TEST_ENV) tests/run --timeout 420 $(if $(TOTALS),--totals $(TOTALS)) $(TESTS_PURE) $(TESTS_SYSTEM)

.PHONY: check-one
check-one: tests ## one system test: make check-one T=tests/e2e/test_NAME.py
	@$(TEST_ENV) tests/run --verbose --timeout 600 $(notdir $(T))=$(T)

.PHONY: demo
demo: ## a live stream over three bad uplinks, end to end, in a minute
	@tools/install-deps --quiet build demo
	@+$(MAKE) --no-print-directory all $(HELPER_BIN)
	@$(TEST_ENV) tests/demo/run

.PHONY: bench
bench: tests ## figures of the README
	@$(TEST_ENV) tests/bench/run

.PHONY: bench-bond
bench-bond: $(BUILD)/tests/bench_bond ## the bond beside other ways to use the links: ARGS="--seeds 15 lte-65"
	@$(BUILD)/tests/bench_bond $(ARGS)

.PHONY: bench-feeds
bench-feeds: tests ## the two feeds of the bond side by side, ten minutes
	@$(TEST_ENV) tests/bench/feeds.py

.PHONY: soak
soak: tests ## long runs: hours of stream time
	@$(TEST_ENV) tests/run --verbose --timeout 7200 $(foreach s,$(sort $(wildcard tests/soak/*.py)),$(notdir $(s))=$(s))

.PHONY: fuzz
FUZZ_TIME ?= 30
fuzz: ## fuzz every decoder for FUZZ_TIME seconds each (clang)
	@tests/fuzz/run $(FUZZ_TIME)

# For tests/fuzz/run, which says with what compiler.
.PHONY: fuzzers
fuzzers: $(FUZZ:fuzz_%=$(BUILD)/tests/libfuzzer_%)

C_FILES = $(shell git ls-files '*.c' '*.h')
.PHONY: format format-check lint
format: ## clang-format the tree
	clang-format -i $(C_FILES)
format-check: ## fail when a file is not formatted
	@clang-format --dry-run -Werror $(C_FILES)
lint: format-check ## cppcheck, clang-tidy, shellcheck, mandoc
	@tests/arch/lint

# --- installation -----------------------------------------------------------------------------

.PHONY: install uninstall
install: all ## into DESTDIR, below PREFIX
	@tools/install DESTDIR="$(DESTDIR)" SBINDIR="$(SBINDIR)" BINDIR="$(BINDIR)" \
		LIBEXECDIR="$(LIBEXECDIR)" INCLUDEDIR="$(INCLUDEDIR)" MANDIR="$(MANDIR)" \
		DATADIR="$(DATADIR)" SYSCONFDIR="$(SYSCONFDIR)" UNITDIR="$(UNITDIR)" \
		SYSUSERSDIR="$(SYSUSERSDIR)" CATALOGDIR="$(CATALOGDIR)" BIN="$(BIN)"
uninstall: ## what install has put there
	@tools/install --remove DESTDIR="$(DESTDIR)" SBINDIR="$(SBINDIR)" BINDIR="$(BINDIR)" \
		LIBEXECDIR="$(LIBEXECDIR)" INCLUDEDIR="$(INCLUDEDIR)" MANDIR="$(MANDIR)" \
		DATADIR="$(DATADIR)" SYSCONFDIR="$(SYSCONFDIR)" UNITDIR="$(UNITDIR)" \
		SYSUSERSDIR="$(SYSUSERSDIR)" CATALOGDIR="$(CATALOGDIR)" BIN="$(BIN)"

.PHONY: clean help
clean: ## remove build/
	rm -rf build
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile
	@echo '  SAN=address,undefined  WERROR=1  CC=clang  V=1  PREFIX=...  DESTDIR=...'

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
