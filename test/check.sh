#!/bin/sh
# check.sh: everything that can be checked, on a throwaway server.
#
#     sh test/check.sh
#     sh test/check.sh NAME...
#
# NAME is a suite (unit, fuzz, regress, isolation, clients, tools, http, tap, citus) or a test: a file
# of sql/, test/isolation/specs/, test/t/, test/citus/, test/unit/ or test/fuzz/, without its ending,
# or several, where they have one name.
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

# ---------------------------------------------------------------- what is wanted

# Sets wanted, the suites, and for each of them, in NAME_tests, the tests; none are all.
read_names()
{
	wanted=
	unit_tests="" fuzz_tests="" regress_tests="" isolation_tests="" tap_tests="" citus_tests=""
	for name; do
		suites=
		[ -e "$top/sql/$name.sql" ] && suites="$suites regress" regress_tests="$regress_tests $name"
		[ -e "$top/test/isolation/specs/$name.spec" ] && suites="$suites isolation" isolation_tests="$isolation_tests $name"
		[ -e "$top/test/t/$name.pl" ] && suites="$suites tap" tap_tests="$tap_tests $name"
		[ -e "$top/test/citus/$name.pl" ] && suites="$suites citus" citus_tests="$citus_tests $name"
		[ -e "$top/test/unit/$name.c" ] && suites="$suites unit" unit_tests="$unit_tests $name"
		[ -e "$top/test/fuzz/$name.c" ] && suites="$suites fuzz" fuzz_tests="$fuzz_tests $name"
		case $name in
		unit | fuzz | regress | isolation | clients | tools | tap | citus) suites=$name ;;
		http) suites="$suites http" ;;
		esac
		[ -n "$suites" ] || die "there is no suite and no test of the name $name"
		wanted="$wanted $suites"
	done
}

is_wanted()
{
	case " ${wanted:-$1} " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# ---------------------------------------------------------------- the run

read_names "$@"
run_begins check
copy_sources "$place/tree"
# Bitcode takes half of the time, and only who runs everything needs it.
[ "$#" -eq 0 ] || without=with_llvm=no
if build_suite ${without:-}; then
	# shellcheck disable=SC2086
	{
		if is_wanted unit; then unit_suite $unit_tests; fi
		if is_wanted fuzz; then fuzz_suite $fuzz_tests; fi
	}
	if ! is_wanted regress && ! is_wanted isolation && ! is_wanted clients && ! is_wanted tools && ! is_wanted http; then
		:
	elif start_server "$place/server"; then
		# shellcheck disable=SC2086
		{
			if is_wanted regress; then regress_suite "regression" REGRESS ISOLATION . $regress_tests; fi
			if is_wanted isolation; then regress_suite "isolation" ISOLATION REGRESS output_iso $isolation_tests; fi
		}
		if is_wanted clients; then clients_suite; fi
		if is_wanted tools; then tools_suite small; fi
		if is_wanted http; then http_suite; fi
		stop_server "$place/server"
	else
		suite_begins
		one_result 1 "the throwaway server does not start"
		suite_ends "server"
	fi
	# shellcheck disable=SC2086
	{
		if is_wanted tap; then tap_suite $tap_tests; fi
		if is_wanted citus; then citus_suite $citus_tests; fi
	}
else
	say "nothing else can run without a build"
fi
ended=1
