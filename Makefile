# kindly_stats: chatbot statistics inside PostgreSQL
#
# In this folder, or in an empty one: make -f DIR/Makefile VPATH=DIR

EXTENSION = kindly_stats
EXTVERSION = 1.0.0
# Of the library: counts patch releases, too, which leave the objects as they are.
LIBVERSION = $(EXTVERSION)
MODULE_big = kindly_stats

# Where the sources are; what is made of them is made where make runs.
SRC := $(if $(VPATH),$(VPATH),$(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST)))))

ROOMS = base tally query bucket access rollup conversation stats bi picture dialect http
SOURCES := $(sort $(wildcard $(SRC)/src/*.c $(addsuffix /*.c,$(addprefix $(SRC)/src/,$(ROOMS)))))
OBJS := $(patsubst $(SRC)/%.c,%.o,$(SOURCES))

# One source for the install script; the built file is not committed.
SQL_PARTS := $(sort $(wildcard $(SRC)/src/sql/*.sql))
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
DATA = $(patsubst $(SRC)/%,%,$(wildcard $(SRC)/src/upgrade/*.sql))

REGRESS = $(patsubst $(SRC)/sql/%.sql,%,$(sort $(wildcard $(SRC)/sql/*.sql)))
REGRESS_OPTS = --inputdir=$(SRC) --load-extension=kindly_stats
ISOLATION = $(patsubst $(SRC)/test/isolation/specs/%.spec,%,$(sort $(wildcard $(SRC)/test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(SRC)/test/isolation --load-extension=kindly_stats
REGRESS_PREP = may-test

# The TAP tests need IPC::Run (libipc-run-perl); without it `make installcheck` runs the rest.
ifeq ($(shell perl -MIPC::Run -e 'print 1' 2>/dev/null),1)
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl
endif

# Paths are written into debugging information and messages as they are seen from
# the sources, so that the same library is built in whatever folder.
PG_CPPFLAGS = -DKS_VERSION='"$(LIBVERSION)"' -I$(SRC)/src -ffile-prefix-map=$(SRC)/= -ffile-prefix-map='$(CURDIR)'=. \
	$(shell pkg-config --cflags icu-i18n)
SHLIB_LINK = $(shell pkg-config --libs icu-i18n icu-uc)

EXTRA_CLEAN = $(DATA_built) $(basename $(wildcard test/unit/unit_*.c test/fuzz/fuzz_*.c))

# What would be found instead of being made, as make looks in both folders.
ifneq ($(SRC),.)
ifneq ($(filter-out installcheck dist unit fuzz coverage mutants bench reference samples,$(or $(MAKECMDGOALS),all)),)
ifneq ($(wildcard $(addprefix $(SRC)/,$(OBJS) $(DATA_built))),)
$(error the sources were built in their own folder: run `make clean` there first)
endif
endif
$(shell mkdir -p $(sort $(dir $(OBJS))))
endif
ifeq ($(SOURCES),)
$(error no sources in $(SRC)/src: with -f DIR/Makefile, pass VPATH=DIR)
endif

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifneq ($(PGXS),)
include $(PGXS)
else
# What needs no PostgreSQL can be made without it.
.PHONY: all install installcheck clean
all install installcheck clean:
	@echo "$(PG_CONFIG) does not run: install PostgreSQL's development files, or pass PG_CONFIG=..." >&2; exit 1
endif

# Headers are few; rebuilding everything when one changes costs seconds.
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(SRC)/src/*.h $(SRC)/src/*/*.h)

# The upgrade script from the version before, and the functions that only its objects call (doc/releasing.md).
UPGRADE_FROM = 0.1.0
UPGRADE_RENAMED = chatbot=chatbot_com
.PHONY: upgrade
upgrade: $(DATA_built)
	perl $(SRC)/test/upgrade/draft.pl $(SRC)/test/upgrade/$(EXTENSION)--$(UPGRADE_FROM).sql $(DATA_built) $(UPGRADE_RENAMED) \
		> $(SRC)/src/upgrade/$(EXTENSION)--$(UPGRADE_FROM)--$(EXTVERSION).sql
	perl $(SRC)/test/upgrade/retired.pl > $(SRC)/src/retired.c

# Tallies as this version stores them, from the extension that is installed in the server that psql finds; once it is released, they stay.
.PHONY: samples
samples:
	$(bindir)/psql -X -q -d postgres -f $(SRC)/test/upgrade/samples.sql > $(SRC)/test/upgrade/tally-1.txt

$(DATA_built): $(SQL_PARTS)
	cat $^ > $@

# The tests change the roles that the extension shares between databases.
.PHONY: may-test
may-test:
	@$(bindir)/psql -X -q -v ON_ERROR_STOP=1 -d postgres -f $(SRC)/test/may_test.sql

# The sources as one file, the same bytes whenever and wherever it is made: they are
# what git has, or, where there is no git, what such a file has brought.
.PHONY: dist
dist:
	sh $(SRC)/test/dist.sh $(EXTENSION)-$(EXTVERSION)

# The plain-C core, without a server: CONTRIBUTING.md has examples.
.PHONY: unit fuzz coverage mutants
unit fuzz coverage mutants:
	sh $(SRC)/test/plain.sh $@ $(NAMES)

# Hours, and tables in doc/performance.md; `sh test/bench/run.sh PART...` for parts of it.
.PHONY: bench
bench:
	sh $(SRC)/test/bench/run.sh

# doc/reference.md, of the extension that the server that psql finds has installed; its
# database postgres must be without it.
.PHONY: reference
reference:
	$(bindir)/psql -X -d postgres -f $(SRC)/doc/reference.sql > $(SRC)/doc/reference.new || { rm -f $(SRC)/doc/reference.new; exit 1; }
	mv $(SRC)/doc/reference.new $(SRC)/doc/reference.md
