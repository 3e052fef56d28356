#!/bin/sh
# check.sh: everything that can be checked, on a throwaway server.
#
#     sh test/check.sh
#
# Builds with warnings as errors, then runs the unit tests of the plain C core
# (as they are, and under the address and undefined behaviour sanitizers), the
# fuzz targets for some seconds where clang can build them, the regression tests,
# the isolation tests, the TAP tests, those of the drivers that programs ask with and
# of BI tools, and those of the HTTP API and its page, with PostgREST, nginx and
# Chromium.  The last line is "N passed, N failed".  The exit status is 0 only when
# nothing failed.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"
# shellcheck source=http/lib.sh
. "$top/http/lib.sh"
# shellcheck source=test/http/suite.sh
. "$top/test/http/suite.sh"
# shellcheck source=test/clients/suite.sh
. "$top/test/clients/suite.sh"
# shellcheck source=test/tools/suite.sh
. "$top/test/tools/suite.sh"

run_begins check
copy_sources "$place/tree"
if build_suite; then
	unit_suite
	fuzz_suite
	if start_server "$place/server"; then
		regress_suite "regression" REGRESS ISOLATION .
		regress_suite "isolation" ISOLATION REGRESS output_iso
		clients_suite
		tools_suite small
		http_suite
		stop_server "$place/server"
	else
		suite_begins
		one_result 1 "the throwaway server does not start"
		suite_ends "server"
	fi
	tap_suite
else
	say "nothing else can run without a build"
fi
ended=1
