# promoai: AI for shop promotions inside PostgreSQL.  `make help` lists the targets.

EXTENSION = promoai
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" promoai.control)
MODULE_big = promoai

rooms = src src/api src/model src/bridge src/worker src/core src/core/*
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard $(addsuffix /*.c,$(rooms)))))
headers = $(wildcard $(addsuffix /*.h,$(rooms)))

# The install script is joined from its parts, in order, and so is the upgrade to it.  Released ones are never changed again.
sql_parts = $(sort $(wildcard sql/parts/*.sql))
install_sql = sql/$(EXTENSION)--$(EXTVERSION).sql
upgrade_changes = $(wildcard sql/upgrade/*--$(EXTVERSION).sql)
upgrade_sql = $(patsubst sql/upgrade/%,sql/$(EXTENSION)--%,$(upgrade_changes))
DATA = $(sort $(install_sql) $(upgrade_sql) $(wildcard sql/$(EXTENSION)--*.sql))

# Debian's alternatives put cblas.h and libopenblas where the compiler looks; elsewhere say where they are, such as
# make BLAS_CPPFLAGS=-I/usr/include/openblas BLAS_LIBS='-L/opt/openblas/lib -lopenblas'
BLAS_CPPFLAGS ?=
BLAS_LIBS ?= -lopenblas

# ICU breaks words, libstemmer takes endings off; the same ICU that PostgreSQL is built with.
TEXT_LIBS ?= -licuuc -lstemmer
PG_CPPFLAGS = -Isrc $(BLAS_CPPFLAGS)
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-declaration-after-statement $(WERROR)
SHLIB_LINK = -Wl,-Bsymbolic $(BLAS_LIBS) $(TEXT_LIBS) -lm

# test/sql/install.sql creates the extension, then the others in the alphabet's order.
REGRESS = install $(filter-out install,$(sort $(basename $(notdir $(wildcard test/sql/*.sql)))))
REGRESS_OPTS = --inputdir=build/regress --outputdir=build/regress
REGRESS_PREP = check-server build/regress
EXTRA_CLEAN = build

PG_CONFIG ?= pg_config
export PG_CONFIG BLAS_CPPFLAGS BLAS_LIBS TEXT_LIBS
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

ifneq ($(wildcard $(PGXS)),)
# PostgreSQL may have been built with LLVM; where its clang is not installed, do without the bitcode for inlining.
CLANG := $(shell sed -n 's/^CLANG *= *//p' '$(dir $(PGXS))../Makefile.global')
ifeq ($(shell command -v '$(CLANG)'),)
override with_llvm = no
endif
include $(PGXS)
else
all install installcheck uninstall: check-needs
clean:
	@rm -rf $(OBJS) $(OBJS:.o=.bc) $(MODULE_big).so $(EXTRA_CLEAN)
endif

all: $(install_sql) $(upgrade_sql) ## build (the default)

# Objects are built again when a header or the flags change; -Werror changes no object, so `make test` after `make` compiles
# nothing again (.ci/run begins with a clean tree).
built_by = $(CC) $(CPPFLAGS) $(filter-out -Werror,$(CFLAGS))
$(OBJS) $(OBJS:.o=.bc): $(headers) build/flags | check-needs

build/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' '$(built_by)' | cmp -s - $@ || printf '%s\n' '$(built_by)' >$@

# By content: a checkout or a merge may leave the script younger than a part that has changed.
$(install_sql): $(sql_parts) FORCE
	@mkdir -p build
	@bash sql/join.sh install >build/install.sql
	@cmp -s build/install.sql $@ || cp build/install.sql $@

$(upgrade_sql): sql/$(EXTENSION)--%.sql: sql/upgrade/%.sql $(sql_parts) FORCE
	@mkdir -p build
	@bash sql/join.sh upgrade $(subst --, ,$*) >build/upgrade.sql
	@cmp -s build/upgrade.sql $@ || cp build/upgrade.sql $@

# pg_regress of PostgreSQL 15 looks for sql/ and expected/ in one folder and writes its results beside them.
build/regress: FORCE
	@mkdir -p $@ && ln -sfn ../../test/sql $@/sql && ln -sfn ../../expected $@/expected

check-needs:
	@bash test/tools/install-deps.sh --check build

check-server:
	@bash test/tools/check-server.sh

##install: into the PostgreSQL that PG_CONFIG names
##installcheck: pg_regress against a running server, as a superuser of it (PGHOST, PGPORT, PGUSER)
##uninstall: remove the files that install wrote; DROP EXTENSION in each database comes first
##clean: remove what was built

demo: ## install what is missing, build, and show it all in a throwaway server
	@bash test/tools/demo.sh
demo-stop: ## end the demo's server
	@bash test/tools/demo.sh stop

test: ## everything that tests, ending with "N passed, N failed"
	@bash test/tools/test.sh
test-core test-regress test-pgtap test-server: ## one stage of it
	@bash test/tools/test.sh $(@:test-%=%)

bench: ## benchmarks beside the peers that are installed, into doc/performance.md
	@status=0; bash test/bench/run.sh || status=1; perl test/bench/table.pl --write && exit $$status
bench-quick: ## the same on less data, printed only
	@bash test/bench/run.sh --quick

reliability: ## long proofs (crashes, load, memory checkers, other PostgreSQLs) into doc/reliability.md
	@bash test/reliability/run.sh
fuzz: ## libFuzzer on all that reads a stranger's bytes, ten minutes each (clang); fuzz-quick: ten seconds each
	@$(MAKE) --no-print-directory -C test/fuzz BUILD=$(CURDIR)/build/fuzz
fuzz-quick:
	@$(MAKE) --no-print-directory -C test/fuzz BUILD=$(CURDIR)/build/fuzz FUZZ_SECONDS=10

format: ## run clang-format 14 over all C files
	@bash test/tools/check.sh format --write
check-format check-core check-sql check-paths: ## unformatted code; core knowing PostgreSQL; script = parts; local paths
	@bash test/tools/check.sh $(@:check-%=%)

help: ## this list
	@sed -n -e 's/^##\([a-z]*\): /\1:## /' -e '/^[a-z][a-z -]*:.*## /p' $(firstword $(MAKEFILE_LIST)) | \
		sed 's/:.*## /|/' | awk -F'|' '{ printf "  %-48s %s\n", $$1, $$2 }'

.PHONY: FORCE check-needs check-server demo demo-stop test test-core test-regress test-pgtap test-server bench bench-quick reliability \
	fuzz fuzz-quick format check-format check-core check-sql check-paths help
