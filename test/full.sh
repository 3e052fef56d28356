#!/bin/sh
# full.sh: what takes too long for check.sh: an hour or less on two processors.
#
#     sh test/full.sh
#
# Builds a PostgreSQL with assertions from Debian's source under tmp/, and another one
# with the address and undefined behaviour sanitizers; the regression and isolation
# tests must pass on both without a finding.  Where the source cannot be had, Debian's
# own runs the regression tests under valgrind.  Then chance has 5,000 steps, a month is
# larger than a tally, calendars are walked for 60 years, clusters are upgraded
# (pg_upgrade.sh), and unit tests must notice small changes to the plain-C core.  Each
# fuzz target runs for FULL_FUZZ_SECONDS (600); tables say how often it ran, and which
# lines of the sources all of this has reached.  At the end BI tools ask, with R, Cube and
# Observable Framework.
# The last line is "N passed, N failed".  The exit status is 0 only when nothing failed.
#
# A suite is a function that calls suite_begins, one_result and suite_ends (suites.sh);
# it works on the sources in "$place/tree" and is called at the end of this file.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"
# shellcheck source=test/postgres.sh
. "$top/test/postgres.sh"
# shellcheck source=http/lib.sh
. "$top/http/lib.sh"
# shellcheck source=test/clients/suite.sh
. "$top/test/clients/suite.sh"
# shellcheck source=test/tools/suite.sh
. "$top/test/tools/suite.sh"

seconds=${FULL_FUZZ_SECONDS:-600}
processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

# What the server and the extension are watched with; alignment is PostgreSQL's own affair.
sanitizers="-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1

# ---------------------------------------------------------------- packages

# Clang's libFuzzer is in a package of the same version.
full_packages()
{
	command -v clang >/dev/null 2>&1 || echo clang
	[ -n "$(find /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer*' 2>/dev/null | head -n 1)" ] || echo libclang-rt-dev
	command -v llvm-cov >/dev/null 2>&1 || echo llvm
	command -v valgrind >/dev/null 2>&1 || echo valgrind
	command -v bzip2 >/dev/null 2>&1 || echo bzip2
	command -v flex >/dev/null 2>&1 || echo flex
	command -v bison >/dev/null 2>&1 || echo bison
	[ -e /usr/include/zlib.h ] || echo zlib1g-dev
}

install_full()
{
	missing=$(full_packages)
	if [ -z "$missing" ] || ! command -v apt-get >/dev/null 2>&1; then
		return
	fi
	install_log=$(mktemp /tmp/kindly_stats_apt.XXXXXX)
	as_root apt-get -qq update >"$install_log" 2>&1 || die "apt-get update failed, see $install_log"
	# shellcheck disable=SC2086
	install_packages $missing
	rm -f "$install_log"
}

# ---------------------------------------------------------------- servers that watch

# What a server's log must not have: a failed assertion, a crash, a sanitizer's report.
findings='TRAP:|PANIC:|was terminated by signal|ERROR: AddressSanitizer|runtime error:|SUMMARY: '

# no_finding NAME LOG...
no_finding()
{
	name=$1
	shift
	if grep -h -E -A 12 -e "$findings" "$@" 2>/dev/null >"$place/findings"; then
		one_result 1 "$name: findings"
		show_tail "$place/findings" 60
	else
		one_result 0 "$name: findings"
	fi
}

# The regression and isolation tests on the server that PG_CONFIG is about; the
# extension is built with $2.
watched_suites()
{
	find_postgres
	copy_sources "$place/tree"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R postgres "$place/tree"
	fi
	suite_begins
	# the server's user installs, as it did the server
	as_server make -C "$place/tree" -j "$processors" PG_CONFIG="$PG_CONFIG" COPT="-Werror $2" all install >"$place/tree.log" 2>&1
	status=$?
	one_result "$status" "build for a server with $1"
	if [ "$status" -ne 0 ]; then
		show_tail "$place/tree.log"
	fi
	suite_ends "build, $1"
	if [ "$status" -ne 0 ]; then
		return
	fi
	rm -rf "$place/server"
	if start_server "$place/server"; then
		regress_suite "regression, $1" REGRESS ISOLATION .
		regress_suite "isolation, $1" ISOLATION REGRESS output_iso
		suite_begins
		stop_server "$place/server"
		no_finding "$1" "$place/server/server.log" "$place/server/data/log"/*
		suite_ends "findings, $1"
	else
		suite_begins
		one_result 1 "the server with $1 does not start"
		suite_ends "$1"
	fi
}

# Everything on servers of our own; fails where there is no source.
watched_servers()
{
	fetch_postgres "$pg_major" || return 1
	suite_begins
	build_postgres assert "-O1 -g" && (find_postgres)
	status=$?
	one_result "$status" "PostgreSQL $pg_major with assertions, see $sources/assert.log"
	suite_ends "PostgreSQL, assertions"
	if [ "$status" -ne 0 ]; then
		return 1
	fi
	watched_suites "assertions" "--coverage"
	server_coverage
	suite_begins
	build_postgres sanitize "-O1 -g $sanitizers" && (find_postgres)
	status=$?
	one_result "$status" "PostgreSQL $pg_major with sanitizers, see $sources/sanitize.log"
	suite_ends "PostgreSQL, sanitizers"
	if [ "$status" -eq 0 ]; then
		watched_suites "sanitizers" "$sanitizers"
	fi
}

# The regression tests, every process of Debian's server under valgrind: only what
# has our library on its stack is a finding.
valgrind_suite()
{
	suite_begins
	build_and_install "$place/tree" COPT="-Werror -g" && start_server "$place/server" && stop_server "$place/server"
	one_result "$?" "server for valgrind"
	mkdir -p "$place/valgrind" && chmod 777 "$place/valgrind"
	as_server setsid -f valgrind -q --trace-children=yes --leak-check=no --undef-value-errors=yes --gen-suppressions=no \
		--suppressions="$place/tree/test/valgrind.supp" --log-file="$place/valgrind/%p.log" \
		"$bindir/postgres" -D "$place/server/data" >"$place/server/server.log" 2>&1 </dev/null
	waited=0
	until sql -d postgres -c 'SELECT' >/dev/null 2>&1 || [ "$waited" -ge 120 ]; do
		sleep 1
		waited=$((waited + 1))
	done
	suite_ends "valgrind, server"
	regress_suite "regression, valgrind" REGRESS ISOLATION .
	suite_begins
	stop_server "$place/server"
	if grep -l 'kindly_stats' "$place"/valgrind/*.log >"$place/findings" 2>/dev/null; then
		one_result 1 "valgrind: findings"
		# shellcheck disable=SC2046,SC2012
		show_tail "$(head -n 1 "$place/findings")" 80
	else
		one_result 0 "valgrind: findings"
	fi
	no_finding "valgrind" "$place/server/server.log"
	suite_ends "findings, valgrind"
}

# ---------------------------------------------------------------- fuzzing

# fuzz_library NAME: a libFuzzer target, its head says how it is built.
fuzz_library()
{
	mkdir -p "$place/corpus/$1" &&
		cd "$place/tree" &&
		eval "$(unit_command "test/fuzz/$1.c")" &&
		"./test/fuzz/$1" -seed=1 -max_total_time="$seconds" -malloc_limit_mb=8 -print_final_stats=1 \
			-artifact_prefix="$place/corpus/$1." "$place/corpus/$1"
}

# fuzz_server NAME: a script that runs in a server, the one that was watched last.
fuzz_server()
{
	rm -rf "$place/server"
	start_server "$place/server" &&
		sql -d postgres -c "CREATE DATABASE $1" &&
		sql -d "$1" -v seconds="$seconds" -v seed=0.5 -f "$place/tree/test/fuzz/$1.sql" &&
		! grep -E -e "$findings" "$place/server/server.log"
}

# One after the other, those of the targets whose turn it is.
fuzz_lane()
{
	lane=$1
	turn=0
	shift
	for file; do
		turn=$((turn + 1))
		if [ $((turn % processors)) -ne "$lane" ]; then
			continue
		fi
		name=$(basename "${file%.*}")
		case $file in
			*.sql) (fuzz_server "$name") ;;
			*) (fuzz_library "$name") ;;
		esac >"$place/$name.log" 2>&1 </dev/null
		echo "$?" >"$place/$name.status"
	done
}

# Runs, seconds and inputs worth keeping, from what a target said last.
fuzz_figures()
{
	runs=$(sed -n 's/.*Done \([0-9]*\) runs in \([0-9]*\) second.*/\1/p' "$place/$1.log" | tail -n 1)
	took=$(sed -n 's/.*Done \([0-9]*\) runs in \([0-9]*\) second.*/\2/p' "$place/$1.log" | tail -n 1)
	kept=$(find "$place/corpus/$1" -type f 2>/dev/null | wc -l)
	printf '    %-12s %12s runs %6s s %7s inputs\n' "${1#fuzz_}" "${runs:-?}" "${took:-?}" "$kept"
}

# Every target for its time, as many at once as there are processors.
long_fuzz_suite()
{
	suite_begins
	if ! has_fuzzer; then
		one_result 1 "fuzzing: no clang with libFuzzer"
		suite_ends "fuzzing"
		return
	fi
	set -- "$place"/tree/test/fuzz/fuzz_*.c "$place"/tree/test/fuzz/fuzz_*.sql
	lane=0
	lanes=
	while [ "$lane" -lt "$processors" ]; do
		fuzz_lane "$lane" "$@" &
		lanes="$lanes $!"
		lane=$((lane + 1))
	done
	# shellcheck disable=SC2086
	wait $lanes
	for file; do
		name=$(basename "${file%.*}")
		status=$(cat "$place/$name.status" 2>/dev/null || echo 1)
		one_result "$status" "$name, $seconds s"
		if [ "$status" -ne 0 ]; then
			show_tail "$place/$name.log"
			keep_inputs "$name"
		fi
		fuzz_figures "$name"
	done
	suite_ends "fuzzing"
}

# What a target has found stays, beside what is thrown away.
keep_inputs()
{
	for input in "$place/corpus/$1".*; do
		if [ -f "$input" ]; then
			mkdir -p "$top/tmp/found"
			cp "$input" "$top/tmp/found/"
			say "    the input is kept: tmp/found/${input##*/}"
		fi
	done
}

# ---------------------------------------------------------------- mutants

# Changes to the plain-C core that no unit test notices.
mutants_suite()
{
	suite_begins
	sh "$place/tree/test/plain.sh" mutants >"$place/mutants.log" 2>&1
	one_result "$?" "the unit tests notice what is changed in the plain-C core"
	show_tail "$place/mutants.log"
	suite_ends "mutants"
}

# ---------------------------------------------------------------- coverage

# profile_all: builds fuzz targets and unit tests so that they note which lines they
# run; the targets run what their fuzzing has kept, once.
profile_all()
{
	flags="-fprofile-instr-generate -fcoverage-mapping"
	cd "$place/tree" || return
	mkdir -p profile
	for file in test/fuzz/fuzz_*.c test/unit/unit_*.c; do
		name=$(basename "$file" .c)
		command=$(unit_command "$file" | sed "s|-fsanitize=fuzzer,[^ ]*|-fsanitize=fuzzer $flags|; s|-fno-sanitize-recover=all||; s|^cc |clang $flags |")
		eval "$command" || continue
		case $name in
			fuzz_*) LLVM_PROFILE_FILE=profile/$name.profraw "./test/fuzz/$name" -runs=0 "$place/corpus/$name" ;;
			*) LLVM_PROFILE_FILE=profile/$name.profraw "./test/unit/$name" ;;
		esac
	done >"$place/profile.log" 2>&1 </dev/null
	llvm-profdata merge -o profile/fuzz.profdata profile/fuzz_*.profraw
	llvm-profdata merge -o profile/all.profdata profile/*.profraw
}

# covered PROFILE PROGRAM...: file and covered lines, of those in src.
covered()
{
	profile=$1
	first=$2
	shift 2
	objects=
	for program; do
		objects="$objects -object $program"
	done
	# shellcheck disable=SC2086
	llvm-cov report "$first" $objects -instr-profile="$profile" 2>/dev/null |
		awk '$1 ~ /\.c$/ && $1 !~ /(unit|fuzz)_/ && NF >= 10 { print $1, $8, $10 }' | sed 's|^.*src/||' | sort
}

# A file below this in the fuzz targets alone has parts that no hostile input has seen.
plain_coverage()
{
	suite_begins
	if ! command -v llvm-cov >/dev/null 2>&1; then
		suite_note="skipped: no llvm-cov"
		suite_ends "coverage"
		return
	fi
	(profile_all)
	(
		cd "$place/tree" || exit 1
		# shellcheck disable=SC2046,SC2012
		covered profile/fuzz.profdata $(ls test/fuzz/fuzz_*.c | sed 's/\.c$//') >"$place/fuzz.covered"
		# shellcheck disable=SC2046,SC2012
		covered profile/all.profdata $(ls test/fuzz/fuzz_*.c test/unit/unit_*.c | sed 's/\.c$//') >"$place/all.covered"
	)
	printf '    %-24s %6s %8s %8s\n' "lines of plain C" "lines" "fuzzed" "and unit"
	join -a 2 -e - -o 0,2.2,1.3,2.3 "$place/fuzz.covered" "$place/all.covered" |
		while read -r file lines fuzzed all; do
			printf '    %-24s %6s %8s %8s\n' "$file" "$lines" "$fuzzed" "$all"
		done
	for file in query/first_seen.c query/union.c tally/builder.c http/route.c; do
		share=$(sed -n "s|^$file [0-9]* \([0-9]*\).*|\1|p" "$place/fuzz.covered")
		[ "${share:-0}" -ge 85 ]
		one_result "$?" "the fuzz targets reach ${share:-0} % of $file, 85 at least are wanted"
	done
	suite_ends "coverage"
}

# What the regression and isolation tests have reached, of a build with --coverage.
server_coverage()
{
	printf '    %-24s %6s %8s\n' "lines, in the server" "lines" "regress"
	(
		cd "$place/tree" || exit 1
		for file in src/*.c src/*/*.c; do
			gcov -n -o "${file%.c}.o" "$file" 2>/dev/null |
				sed -n "\\|^File '$file'|{n;s|^Lines executed:\\([0-9.]*\\)% of \\([0-9]*\\).*|${file#src/} \\2 \\1|p;}"
		done
	) | while read -r file lines share; do
		printf '    %-24s %6s %7s%%\n' "$file" "$lines" "$share"
	done
}

# ---------------------------------------------------------------- the run

run_begins full
install_full
debian_config=$PG_CONFIG
if ! watched_servers; then
	say "no source of PostgreSQL $pg_major can be had: valgrind instead"
	PG_CONFIG=$debian_config
	find_postgres
	copy_sources "$place/tree"
	valgrind_suite
fi
# longer than check.sh runs them, and what it does not run at all
export KINDLY_STATS_STEPS=5000 KINDLY_STATS_LARGE=1 KINDLY_STATS_YEARS=60 KINDLY_STATS_STRESS=50000
tap_suite machine large hours calendars upgrade
citus_suite
suite_begins
PG_CONFIG='' sh "$top/test/pg_upgrade.sh" >"$place/pg_upgrade.log" 2>&1 </dev/null
one_result "$?" "pg_upgrade"
cat "$place/pg_upgrade.log"
suite_ends "pg_upgrade"
mutants_suite
long_fuzz_suite
stop_server "$place/server"
plain_coverage
rm -rf "$place/server"
if start_server "$place/server"; then
	tools_suite large
fi
# shellcheck disable=SC2034 # finish, in suites.sh, reads it
ended=1
