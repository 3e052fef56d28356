#!/bin/sh
# run.sh: what kindly_stats costs beside other ways to the same answers.
#
#     sh test/bench/run.sh            all parts; the tables go to doc/performance.md
#     sh test/bench/run.sh PART...    those parts
#
# Parts: questions, dialects, periods, bi, access, ingest, writing, statement, growth, compaction, size, file, bots, by_bots,
# rebuild, attach, first_call, real, timescale; and, only where named, profile, which shows where the time of
# questions goes, export, what an export of a day takes, hash, what hashing an id takes, union, what counting
# different members takes, scale, what the nodes of a Citus cluster do, whose figures go to doc/scale.md, http, the load on the HTTP
# API, hog, one of its customers beside greedy ones, and page, how soon the page is there.  BENCH_SESSIONS=20000 makes a smaller workload to try it out with, whose figures
# are printed only.
#
# It builds what is in the checkout, and starts a throwaway server under tmp/.
# DuckDB comes from npm where that is installed; TimescaleDB is asked where the server has it.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/bench/lib.sh
. "$top/test/bench/lib.sh"

all_parts='questions dialects periods bi access size file bots by_bots rebuild attach first_call ingest writing compaction statement growth real timescale'

# A server as one would set it up for this; what is on is on for all sides.
serve()
{
	start_server "$place/server" "shared_buffers = '4GB'" "effective_cache_size = '12GB'" "work_mem = '64MB'" \
		"maintenance_work_mem = '1GB'" "max_wal_size = '8GB'" "fsync = on" "synchronous_commit = on" \
		"full_page_writes = on" "jit = off" "random_page_cost = 1.1" "timezone = 'UTC'"
}

finish()
{
	status=$?
	for cluster in "$place/server" "$place"/node[0-9]*; do
		stop_server "$cluster" || true
	done
	rm -rf "$place/server" "$place"/node[0-9]* "$place/tree" "$place/data"
	exit "$status"
}

prepare()
{
	find_postgres
	choose_place bench || die "no place for a server"
	results=$place/results
	rm -rf "$results"
	mkdir -p "$results"
	trap finish EXIT
	trap 'exit 1' INT TERM HUP
	copy_sources "$place/tree"
	bench=$place/tree/test/bench
	build_and_install "$place/tree" || { tail -n 30 "$place/tree.log" >&2; die "it does not build"; }
	serve || die "the server does not start"
}

# Read as a whole before it runs, so that it may be edited meanwhile.
main()
{
	for part in "$@"; do
		[ -f "$bench/$part.sh" ] || die "no such part: $part (there are: $all_parts)"
	done
	# shellcheck disable=SC2086
	[ $# -gt 0 ] || set -- $all_parts
	prepare
	for part in "$@"; do
		say "== $part"
		# shellcheck source=/dev/null
		. "$bench/$part.sh"
		[ -f "$results/$part.md" ] || continue
		cat "$results/$part.md"
		if [ "$sessions" -eq 400000 ]; then
			write_document
		fi
	done
	exit
}

main "$@"
