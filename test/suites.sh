# shellcheck shell=sh
# suites.sh: the suites that test/check.sh and test/full.sh are made of, and how
# they report.  Sourced after lib.sh, never run.
#
# A suite works on the copy of the sources in "$place/tree" (regress and TAP with
# what of it is installed), begins with suite_begins and ends with suite_ends; the
# script around them calls run_begins, and finish at every exit.

# shellcheck disable=SC2034 # lib.sh reads it
with_tests=1
passed=0
failed=0
began=$(date +%s)

# ---------------------------------------------------------------- reporting

suite_begins()
{
	suite_began=$(date +%s)
	suite_passed=0
	suite_failed=0
	suite_note=
}

# suite_ends NAME: one line, and the suite's counts on top of the others.
suite_ends()
{
	passed=$((passed + suite_passed))
	failed=$((failed + suite_failed))
	printf '%-28s %5d passed %3d failed %5d s%s\n' "$1" "$suite_passed" "$suite_failed" \
		$(($(date +%s) - suite_began)) "${suite_note:+   ($suite_note)}"
}

# one_result STATUS NAME
one_result()
{
	if [ "$1" -eq 0 ]; then
		suite_passed=$((suite_passed + 1))
	else
		suite_failed=$((suite_failed + 1))
		say "FAILED: $2"
	fi
}

# show_tail FILE [LINES]: the end of a log, indented, so that no line of it
# passes for one of ours.
show_tail()
{
	if [ -s "$1" ]; then
		tail -n "${2:-60}" "$1" | sed 's/^/    /'
	fi
}

# count_in FILE PATTERN
count_in()
{
	grep -c -E -e "$2" "$1" 2>/dev/null || true
}

# count_tap NAME LOG STATUS: what a program said in TAP, a line a test; one that
# says nothing is one test.  A skipped test is no passed one, and is named.
count_tap()
{
	oks=$(count_in "$2" '^ok( |$)')
	skips=$(count_in "$2" '^ok .*# (skip|SKIP)')
	not_oks=$(($(count_in "$2" '^not ok( |$)') - $(count_in "$2" '^not ok .*# (TODO|todo)')))
	suite_passed=$((suite_passed + oks - skips))
	suite_failed=$((suite_failed + not_oks))
	if [ "$not_oks" -gt 0 ]; then
		grep '^not ok' "$2" | sed "s/^/FAILED: $1: /"
	elif [ "$3" -ne 0 ]; then
		one_result "$3" "$1 (exit status $3)"
	elif [ "$oks" -eq 0 ] && ! grep -q '^1\.\.0' "$2"; then
		one_result 0 "$1"
	fi
	if [ "$3" -ne 0 ] || [ "$not_oks" -gt 0 ]; then
		grep -A 12 '^not ok' "$2" | head -n 60 | sed 's/^/    /'
		say "    ..."
		show_tail "$2" 20
	fi
	grep -E '^(1\.\.0|ok ).*# (skip|SKIP)' "$2" | sed "s/^.*# *\(skip\|SKIP\)/skipped: $1:/" | sort | uniq -c
}

# ---------------------------------------------------------------- suites

# build_suite [ARGUMENT]...: of make.
build_suite()
{
	suite_begins
	build_and_install "$place/tree" COPT=-Werror "$@"
	status=$?
	one_result "$status" "build with warnings as errors, and install"
	if [ "$status" -ne 0 ]; then
		show_tail "$place/tree.log"
	fi
	suite_ends "build"
	return "$status"
}

# A unit test says in its head comment how it is compiled, from the top:
#     Build: cc -I src -o test/unit/unit_x test/unit/unit_x.c src/...
# A line that ends with a backslash goes on in the next.
unit_command()
{
	awk '
		NR > 60 { exit }
		!on && !sub(/^.*Build:[ \t]*/, "") { next }
		{ on = 1; sub(/^[ \t]*\*?[ \t]+/, ""); sub(/[ \t]*\*\/[ \t]*$/, "") }
		{ more = sub(/\\$/, ""); printf "%s ", $0 }
		!more { exit }
	' "$1"
}

# run_unit NAME FLAGS LOG: compiles and runs; the program is built under a name
# of its own.
run_unit()
{
	(
		cd "$place/tree" || exit 1
		program=./test/unit/$1
		rm -f "$program"
		eval "$(unit_command "test/unit/$1.c" | sed "s|^cc |cc $2 |")" && "$program"
	) >"$3" 2>&1 </dev/null
}

# unit_suite [NAME]...: some of them, or all.
unit_suite()
{
	suite_begins
	if [ "$#" -eq 0 ]; then
		for file in "$place"/tree/test/unit/unit_*.c; do
			set -- "$@" "$(basename "$file" .c)"
		done
	fi
	for name; do
		file=$place/tree/test/unit/$name.c
		[ -e "$file" ] || continue
		log=$place/$name.log
		if [ -z "$(unit_command "$file")" ]; then
			one_result 1 "$name: no line 'Build: cc ...' in its head"
			continue
		fi
		run_unit "$name" "" "$log"
		count_tap "$name" "$log" "$?"
		run_unit "$name" "-g -fsanitize=address,undefined -fno-sanitize-recover=all" "$log.san"
		status=$?
		one_result "$status" "$name under the sanitizers"
		if [ "$status" -ne 0 ]; then
			show_tail "$log.san"
		fi
	done
	if [ $((suite_passed + suite_failed)) -eq 0 ]; then
		suite_note="none there"
	fi
	suite_ends "unit"
}

# has_fuzzer: whether there is a clang whose libFuzzer can be linked.
has_fuzzer()
{
	echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n ? 0 : 0; }' |
		clang -fsanitize=fuzzer,address,undefined -x c -o "$place/has_fuzzer" - >/dev/null 2>&1
}

# A short run of each fuzz target, where clang can build them; its head says how,
# like a unit test's.  fuzz_suite [NAME]...: some of them, or all.
fuzz_suite()
{
	suite_begins
	if [ "$#" -eq 0 ]; then
		for file in "$place"/tree/test/fuzz/fuzz_*.c; do
			set -- "$@" "$(basename "$file" .c)"
		done
	fi
	if ! has_fuzzer; then
		suite_note="skipped: no clang with libFuzzer"
		suite_ends "fuzz"
		return
	fi
	for name; do
		[ -e "$place/tree/test/fuzz/$name.c" ] || continue
		log=$place/$name.log
		(
			cd "$place/tree" &&
				eval "$(unit_command "test/fuzz/$name.c")" &&
				"./test/fuzz/$name" -seed=1 -runs=300000 -max_total_time=60 -malloc_limit_mb=8
		) >"$log" 2>&1 </dev/null
		status=$?
		one_result "$status" "$name, 300,000 runs or a minute"
		if [ "$status" -ne 0 ]; then
			show_tail "$log"
		fi
	done
	suite_ends "fuzz"
}

# keep_results DIFFERENCES: what tests said that failed stays, to be looked at and, if it
# is right, to be expected from then on.
keep_results()
{
	mkdir -p "$top/tmp/results"
	sed -n 's/^+++ \(.*\.out\)\t.*/\1/p' "$1" | while read -r result; do
		cp "$result" "$top/tmp/results/" && say "kept: tmp/results/${result##*/}"
	done
}

# regress_suite NAME LIST-VARIABLE OTHER-VARIABLE OUTPUT-DIR [TEST]...: the tests that
# the Makefile lists in LIST-VARIABLE, or these, through `make installcheck`, without the rest.
regress_suite()
{
	suite_begins
	log=$place/$2.log
	[ "$#" -gt 4 ] || tests=$(make -s -C "$place/tree" -f - list PG_CONFIG="$PG_CONFIG" <<-LIST
		include Makefile
		list: ; @echo \$($2)
	LIST
	)
	# shellcheck disable=SC2086
	[ "$#" -gt 4 ] || set -- "$1" "$2" "$3" "$4" $tests
	if [ "$#" -eq 4 ]; then
		suite_note="none there"
		suite_ends "$1"
		return
	fi
	sql -d postgres -f "$place/tree/test/shared.sql" >"$log.before" 2>&1
	suite=$1 list=$2 other=$3 output=$4
	shift 4
	# A test that is new has nothing to expect yet: all that it says is a difference.
	for name; do
		[ "$list" != REGRESS ] || : >>"$place/tree/expected/$name.out"
		[ "$list" != ISOLATION ] || : >>"$place/tree/test/isolation/expected/$name.out"
	done
	make -C "$place/tree" installcheck PG_CONFIG="$PG_CONFIG" TAP_TESTS= "$other=" "$list=$*" >"$log" 2>&1
	status=$?
	sql -d postgres -f "$place/tree/test/shared.sql" >"$log.after" 2>&1
	# Before PostgreSQL 16: "test name ... ok"; since: "ok 1 - name".
	suite_passed=$(count_in "$log" '^(test .* \.\.\. ok|ok [0-9]+ )')
	suite_failed=$(($# - suite_passed))
	if [ "$status" -ne 0 ] && [ "$suite_failed" -eq 0 ]; then
		suite_failed=1
	fi
	if [ "$suite_failed" -ne 0 ]; then
		diffs=$place/tree/$output/regression.diffs
		grep -E '^(test .*FAILED|not ok )' "$log" | sed 's/^/FAILED: /'
		if [ -s "$diffs" ]; then
			show_tail "$diffs" 120
			keep_results "$diffs"
		else
			show_tail "$log"
		fi
	fi
	diff "$log.before" "$log.after" >"$log.left"
	one_result "$?" "$suite: roles, databases and settings are as before"
	show_tail "$log.left"
	suite_ends "$suite"
}

# The TAP tests start servers of their own, so they run as the server's user.
# tap_suite [NAME]...: some of them, or all.
tap_suite()
{
	perl_suite TAP t "$@"
}

# Those with several nodes, where Citus is installed.  citus_suite [NAME]...
citus_suite()
{
	if [ -e "$("$PG_CONFIG" --sharedir)/extension/citus.control" ]; then
		case " ${*:-served} " in
		*" served "*) find_postgrest ;;
		esac
		perl_suite Citus citus "$@"
		return
	fi
	suite_begins
	suite_note="skipped: extension citus is not installed"
	suite_ends "Citus"
}

# Sets KINDLY_POSTGREST for the tests that serve; without it they are skipped.
find_postgrest()
{
	if (install_http_packages) >"$place/postgrest.log" 2>&1 && install_postgrest "$place/postgrest" &&
		(cd "$place/tree/test/http" && npm ci --ignore-scripts --no-audit --no-fund) >>"$place/postgrest.log" 2>&1; then
		export KINDLY_POSTGREST="$place/postgrest"
	else
		show_tail "$place/postgrest.log" 10
	fi
}

# perl_suite LABEL FOLDER [NAME]...: some tests of a folder of test/, or all.
perl_suite()
{
	suite_begins
	label=$1 folder=$2
	shift 2
	if ! ls "$place/tree/test/$folder"/*.pl >/dev/null 2>&1; then
		suite_note="none there"
		suite_ends "$label"
		return
	fi
	if ! perl -MIPC::Run -e 1 2>/dev/null || ! [ -e "$pgxs_src/test/perl/PostgreSQL/Test/Cluster.pm" ]; then
		one_result 1 "$label tests cannot run: no IPC::Run (libipc-run-perl) or no PostgreSQL::Test::Cluster"
		suite_ends "$label"
		return
	fi
	make_server_dir "$place/tap" 755
	# Sockets need a short path, and a failed test leaves its directory behind.
	tap_tmp=$(mktemp -d /tmp/kindly_tap.XXXXXX) && make_server_dir "$tap_tmp"
	if [ "$#" -eq 0 ]; then
		for file in "$place/tree/test/$folder"/*.pl; do
			set -- "$@" "$(basename "$file" .pl)"
		done
	fi
	for name; do
		log=$place/tap_$name.log
		make_server_dir "$place/tap/$name" 755
		(
			unset PGHOST PGUSER PGDATABASE
			export TESTDIR="$place/tap/$name" TESTDATADIR="$place/tap/$name/tmp_check" \
				TESTLOGDIR="$place/tap/$name/log" PG_TEST_PORT_DIR="$place/tap/portlock" \
				TMPDIR="$tap_tmp" PGPORT=65432 PG_REGRESS="$pgxs_src/test/regress/pg_regress" \
				PATH="$bindir:$PATH"
			as_server env -C "$place/tree" perl -I "$pgxs_src/test/perl" -I "$place/tree/test/$folder" "test/$folder/$name.pl"
		) >"$log" 2>&1 </dev/null
		count_tap "$name" "$log" "$?"
	done
	rm -rf "$tap_tmp"
	suite_ends "$label"
}

# ---------------------------------------------------------------- the run

# run_begins NAME: finds PostgreSQL and a place under tmp/, after what a killed run
# has left there is swept away.
run_begins()
{
	place=
	ended=0
	trap finish EXIT
	trap 'exit 1' INT TERM HUP
	find_postgres
	sweep_old "$1"
	choose_place "$1-$$"
	say "PostgreSQL $("$PG_CONFIG" --version | cut -d ' ' -f 2), $bindir"
	find_data
	if [ -z "$KINDLY_STATS_DATA" ]; then
		say "no real events (KINDLY_STATS_DATA, or ../shared/data beside the checkout): tests that read them skip"
	fi
}

# What a script has started in a directory goes, with all that is in it.
clean_up()
{
	if command -v stop_http >/dev/null; then
		stop_http "$1/http"
		end_process "$1/pool/pgbouncer.pid" "$1/pool/pgbouncer.ini"
	fi
	stop_server "$1/server"
	rm -rf "$1"
}

# At every exit: what was started goes, and the counts are the last line.  A run
# that did not come to its end has failed.
finish()
{
	trap - EXIT
	if [ -n "${place:-}" ]; then
		clean_up "$place"
	fi
	if [ "$ended" -eq 0 ]; then
		failed=$((failed + 1))
		say "FAILED: the checks stopped before their end"
	fi
	say "$(($(date +%s) - began)) s in all"
	say "$passed passed, $failed failed"
	if [ "$failed" -gt 0 ]; then
		exit 1
	fi
	exit 0
}

# What a run that was killed has left: its server is stopped, its files go.
sweep_old()
{
	for old in "$top/tmp/$1"-*; do
		if [ -d "$old" ] && ! kill -0 "${old##*-}" 2>/dev/null; then
			clean_up "$old"
		fi
	done
}
