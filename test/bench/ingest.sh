# shellcheck shell=sh
# ingest.sh: what it costs to be counted, beside the same table without triggers.
#
# Two schemas have a table chat_event with the same columns and primary key; that
# of `counted` is attached, that of `plain` is not.  Each round measures the one
# and then the other, the next round the other way round.  The ratio is that of a
# round, for disks have their moods: the median of all rounds.

copy_rounds=${BENCH_ROUNDS:-5}
rounds=${BENCH_ROUNDS:-11}
seconds=${BENCH_SECONDS:-5}
batches=$((sessions / 400))
timings=$results/ingest.tsv

now() { date +%s.%N; }

# seconds_of COMMAND...: how long it takes.
seconds_of()
{
	began=$(now)
	"$@"
	echo "$began $(now)" | awk '{ printf "%.3f", $2 - $1 }'
}

# into SCHEMA COMMAND...: runs a client that finds chat_event there.
into() { (PGOPTIONS="-c search_path=$1,public -c client_min_messages=warning"; export PGOPTIONS; shift; "$@"); }

# Autovacuum stays away from the event tables, so that it does not come in one's
# turn and miss the other's.
fresh_tables()
{
	on ingest <<-'SQL'
		DROP SCHEMA IF EXISTS counted, plain CASCADE;
		CREATE SCHEMA counted;
		CREATE SCHEMA plain;
		SELECT kindly_stats.create_event_table('counted.chat_event') \g /dev/null
		CREATE TABLE plain.chat_event (LIKE counted.chat_event INCLUDING ALL);
		ALTER TABLE counted.chat_event SET (autovacuum_enabled = off);
		ALTER TABLE plain.chat_event SET (autovacuum_enabled = off);
		TRUNCATE kindly_stats.rollup;
		CHECKPOINT;
	SQL
}

# The events as a file to copy, and those from June on as statements of 100 rows
# each, which all bots share.
write_files()
{
	make_server_dir "$place/data" 755
	on ingest -c "COPY (SELECT * FROM bench.event) TO '$place/data/events.copy' (FORMAT binary)"
	on ingest -At -v batches="$batches" >"$place/data/batches.sql" <<-'SQL'
		SET timezone = 'UTC';
		SELECT 'INSERT INTO chat_event VALUES ' || string_agg(concat('(', bot_id, ',', concat_ws(',', quote_nullable(occurred_at),
			quote_nullable(kind), quote_nullable(event_id), quote_nullable(session_id), quote_nullable(user_id),
			quote_nullable(source), quote_nullable(language_code), quote_nullable(is_fallback), quote_nullable(web_host),
			quote_nullable(web_path), quote_nullable(button_id), quote_nullable(button_type), quote_nullable(dialogue_id)), ')'), ',') || ';'
		FROM (SELECT *, (row_number() OVER () - 1) / 100 AS batch FROM (SELECT e.*
				FROM (SELECT * FROM bench.day WHERE day >= '2025-06-01' ORDER BY day OFFSET 0) AS d, LATERAL bench.events(d.day, d.first, d.last) AS e
				LIMIT :batches * 100) AS e) AS e
		GROUP BY batch ORDER BY batch;
	SQL
}

copy_all() { seconds_of into "$1" sql -d ingest -c "COPY chat_event FROM '$place/data/events.copy' (FORMAT binary)"; }
batches() { seconds_of into "$1" sql -d ingest -f "$place/data/batches.sql"; }

# singles SCHEMA CLIENTS: seconds per 1000 transactions of one row each.
singles()
{
	into "$1" "$bindir/pgbench" -n -M prepared -c "$2" -j 2 -T "$seconds" -f "$bench/insert.pgbench" ingest 2>/dev/null |
		awk '/^tps = / { printf "%.6f", 1000 / $3 }'
}

# compare ROUNDS WAY COMMAND [ARGUMENT]: in turns, a line each.
compare()
{
	turns=$1
	way=$2
	command=$3
	shift 3
	round=1
	while [ "$round" -le "$turns" ]; do
		first=counted second=plain
		if [ $((round % 2)) -eq 0 ]; then
			first=plain second=counted
		fi
		fresh_tables
		for schema in $first $second; do
			on ingest -c CHECKPOINT
			took=$("$command" "$schema" "$@")
			printf '%s\t%s\t%s\t%s\t%s\n' "$way" "$fsync" "$schema" "$round" "$took" >>"$timings"
		done
		round=$((round + 1))
	done
}

# all_ways FSYNC
all_ways()
{
	fsync=$1
	on postgres -c "ALTER SYSTEM SET fsync = $fsync" -c "SELECT pg_reload_conf()" >/dev/null
	sleep 1
	compare "$copy_rounds" copy copy_all
	compare "$rounds" batches batches
	for clients in 1 4 16; do
		compare "$rounds" "$clients" singles "$clients"
	done
}

make_database ingest
write_files
all_ways off
all_ways on
section "Writing events" <<MD
The same events into the same table, with its primary key, that is attached and that is not: medians of
$rounds rounds in turns ($copy_rounds of the COPY), ratios those of a round. With fsync off, the disk has no say.
MD
report ingest -v batches="$batches" -f "$bench/ingest.sql" <"$timings"
drop_database ingest
rm -rf "$place/data"
