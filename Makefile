# kindly_stats: chatbot statistics inside PostgreSQL

EXTENSION = kindly_stats
EXTVERSION = 0.1.0
MODULE_big = kindly_stats

ROOMS = tally bucket rollup stats bi picture dialect http
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c $(addsuffix /*.c,$(addprefix src/,$(ROOMS))))))

# One source for the install script; the built file is not committed.
SQL_PARTS = $(sort $(wildcard src/sql/*.sql))
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --inputdir=. --load-extension=kindly_stats
ISOLATION = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=kindly_stats

# The TAP tests need IPC::Run (libipc-run-perl); without it `make installcheck` runs the rest.
ifeq ($(shell perl -MIPC::Run -e 'print 1' 2>/dev/null),1)
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl
endif

PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags icu-i18n)
SHLIB_LINK = $(shell pkg-config --libs icu-i18n icu-uc)

EXTRA_CLEAN = $(DATA_built) $(basename $(wildcard test/unit/unit_*.c test/fuzz/fuzz_*.c))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Hours, and tables in doc/performance.md; `sh test/bench/run.sh PART...` for parts of it.
.PHONY: bench
bench:
	sh $(srcdir)/test/bench/run.sh

# doc/reference.md, of the extension that is installed in the server that psql finds.
.PHONY: reference
reference:
	$(bindir)/psql -X -d postgres -f $(srcdir)/doc/reference.sql > $(srcdir)/doc/reference.new
	mv $(srcdir)/doc/reference.new $(srcdir)/doc/reference.md

$(DATA_built): $(SQL_PARTS)
	cat $^ > $@

# Headers are few; rebuilding everything when one changes costs seconds.
$(OBJS): $(wildcard src/*.h src/*/*.h)
