#!/bin/sh
# plain.sh: the plain-C core, which needs no server and no PostgreSQL: a C compiler does.
#
#     sh test/plain.sh unit [NAME]...        builds and runs unit tests, as they are and under the sanitizers
#     sh test/plain.sh fuzz [NAME]...        FUZZ_SECONDS (60) of each fuzz target, with clang
#     sh test/plain.sh coverage              which lines the unit tests run; fails below 95 % of all
#     sh test/plain.sh mutants [FILE]...     changes to the core that no unit test notices (mutants.pl)
#
# `make unit`, `make fuzz`, `make coverage` and `make mutants NAMES="..."` are these.
# How a program is built is said in its head, after "Build:".

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"

lowest=95

# programs KIND [NAME]...: these, or all of a folder, as paths from the top.
programs()
{
	kind=$1
	shift
	[ $# -gt 0 ] || set -- "$top/test/$kind/${kind}_"*.c
	for name; do
		name=$(basename "$name" .c)
		[ -e "$top/test/$kind/$name.c" ] || name=${kind}_$name
		[ -e "$top/test/$kind/$name.c" ] || die "there is no test/$kind/$name.c"
		echo "test/$kind/$name.c"
	done
}

# build FILE PROGRAM [FLAG]...: as the head of the file says, with more flags.
build()
{
	command=$(unit_command "$top/$1") program=$2
	shift 2
	flags=$*
	(cd "$top" && eval "$(printf '%s\n' "$command" | sed "s/^\([a-z]*\) /\1 $flags /; s| -o [^ ]* | -o \"\$program\" |")")
}

# ---------------------------------------------------------------- unit tests

unit()
{
	status=0
	for file in $(programs unit "$@"); do
		for flags in "-O1" "-g -fsanitize=address,undefined -fno-sanitize-recover=all"; do
			# shellcheck disable=SC2086
			if build "$file" "$work/program" $flags && "$work/program" >"$work/log" 2>&1; then
				say "passed: $(count_in "$work/log" '^ok ') of $file ($flags)"
			else
				say "FAILED: $file ($flags)"
				grep -v '^ok ' "$work/log"
				status=1
			fi
		done
	done
	return "$status"
}

# ---------------------------------------------------------------- fuzzing

fuzz()
{
	command -v clang >/dev/null || die "there is no clang: on Debian, apt-get install clang libclang-rt-dev"
	for file in $(programs fuzz "$@"); do
		say "$file"
		build "$file" "$work/program" && "$work/program" -max_total_time="${FUZZ_SECONDS:-60}" -malloc_limit_mb=8 \
			-print_final_stats=1 -artifact_prefix="$work/" >"$work/log" 2>&1
		status=$?
		sed -n '/^Done\|^stat::number_of_executed/p' "$work/log"
		if [ "$status" -ne 0 ]; then
			tail -n 40 "$work/log"
			for input in "$work"/crash-* "$work"/timeout-* "$work"/oom-*; do
				[ ! -e "$input" ] || { mkdir -p "$top/tmp/found" && cp "$input" "$top/tmp/found/" && say "kept: tmp/found/${input##*/}"; }
			done
			return 1
		fi
	done
}

# ---------------------------------------------------------------- coverage

# The core: what the heads of unit tests and fuzz targets build.
core_files()
{
	for file in "$top"/test/unit/unit_*.c "$top"/test/fuzz/fuzz_*.c; do
		unit_command "$file" | grep -o 'src/[a-z_/]*\.c'
	done | sort -u
}

# Lines that can run, and how often, of each unit test: FILE LINE COUNT.
line_counts()
{
	for file in $(programs unit ${ONLY:-}); do
		name=$(basename "$file" .c)
		mkdir "$work/$name"
		{
			build "$file" "$work/$name/x" -O0 --coverage && "$work/$name/x"
		} >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
		(cd "$top" && gcov -t "$work/$name"/x-*.gcda 2>/dev/null) | awk -F : '
			$2 + 0 == 0 && $3 == "Source" { file = $4; next }
			{ count = $1; gsub(/[ *]/, "", count); line = $2 + 0 }
			count != "-" && line > 0 { print file, line, count ~ /^[#=]/ ? 0 : count + 0 }'
	done
}

coverage()
{
	command -v gcov >/dev/null || die "there is no gcov, which comes with gcc"
	line_counts >"$work/counts" || return 1
	{
		core_files
		cat "$work/counts"
	} | awk -v lowest="$lowest" -v missing="$work/missing" '
		NF == 1 { core[$1] = 1; next }
		$1 ~ /^src\// { core[$1] = 1; place = $1 " " $2; if (!(place in runs)) lines[$1]++; if ($3 > 0 && !(runs[place] > 0)) covered[$1]++; runs[place] += $3 }
		END {
			for (file in core) {
				if (lines[file] == 0 && file ~ /\.h$/) continue
				printf "%-28s %6d lines %6.1f %%\n", file, lines[file], lines[file] ? 100 * covered[file] / lines[file] : 0 | "sort"
				all += lines[file]; reached += covered[file]
				if (lines[file] == 0) untested = untested " " file
			}
			close("sort")
			for (place in runs) if (runs[place] == 0) print place > missing
			printf "%-28s %6d lines %6.1f %%, %d at least are wanted\n", "all of the plain-C core", all, 100 * reached / all, lowest
			if (untested != "") print "no unit test builds" untested
			exit 100 * reached < lowest * all || untested != ""
		}'
	status=$?
	if [ "$status" -ne 0 ] || [ -n "${COVERAGE_LINES:-}" ]; then
		sort -k 1,1 -k 2,2n "$work/missing"
	fi
	return "$status"
}

# ---------------------------------------------------------------- mutants

mutants()
{
	perl "$top/test/unit/mutants.pl" "$top" "$work" "$@"
}

# ---------------------------------------------------------------- the run

case ${1:-} in
unit | fuzz | coverage | mutants) ;;
*) die "usage: sh test/plain.sh unit|fuzz|coverage|mutants [NAME]..." ;;
esac
work=$(mktemp -d /tmp/kindly_plain.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
"$@"
