# shellcheck shell=sh
# ingest.sh: what it costs to be counted, beside the same table without triggers.
#
# Four schemas have a table chat_event with the same columns and primary key.  That
# of `counted` is attached, that of `plain` has no trigger, and that of `captured` has
# one that gets the rows of the statement and does nothing: what PostgreSQL itself takes for
# that.  In `noted` there is no trigger, but the statement that writes events also writes a row that
# says nothing for each of their bots, into a table like the rollup: what rows of counts take before
# anything is counted, or merged and deleted later.  Each round measures one after the other, the next round beginning with
# another.  The ratio is that of a round, for disks have their moods: the median of
# all rounds.

copy_rounds=${BENCH_ROUNDS:-3}
rounds=${BENCH_ROUNDS:-7}
seconds=${BENCH_SECONDS:-4}
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
		DROP SCHEMA IF EXISTS counted, captured, noted, plain CASCADE;
		CREATE SCHEMA counted;
		CREATE SCHEMA captured;
		CREATE SCHEMA noted;
		CREATE SCHEMA plain;
		SELECT kindly_stats.create_event_table('counted.chat_event') \g /dev/null
		CREATE TABLE plain.chat_event (LIKE counted.chat_event INCLUDING ALL);
		CREATE TABLE captured.chat_event (LIKE counted.chat_event INCLUDING ALL);
		CREATE FUNCTION captured.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		CREATE TRIGGER nothing AFTER INSERT ON captured.chat_event REFERENCING NEW TABLE AS new
			FOR EACH STATEMENT EXECUTE FUNCTION captured.nothing();
		CREATE TABLE noted.chat_event (LIKE counted.chat_event INCLUDING ALL);
		CREATE TABLE noted.row AS SELECT * FROM kindly_stats.rollup WITH NO DATA;
		ALTER TABLE noted.row ADD PRIMARY KEY (bot_id, id);
		ALTER TABLE noted.chat_event SET (autovacuum_enabled = off);
		ALTER TABLE counted.chat_event SET (autovacuum_enabled = off);
		ALTER TABLE captured.chat_event SET (autovacuum_enabled = off);
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
	columns=$(event_columns ingest)
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
	# the same, and a row for each bot beside them
	note="INSERT INTO row (bot_id, measure, month, id, kept) SELECT bot_id, '', date '2025-01-01', (random() * 9e18)::bigint, false FROM (SELECT DISTINCT bot_id FROM event) AS bot;"
	noting="s/^INSERT /WITH event AS (&/; s/;\$/ RETURNING bot_id) $note/"
	sed "$noting" "$place/data/batches.sql" >"$place/data/noted_batches.sql"
	sed "$noting" "$bench/insert.pgbench" >"$place/data/noted_insert.pgbench"
}

copy_all() { seconds_of into "$1" sql -d ingest -c "COPY chat_event ($columns) FROM '$place/data/events.copy' (FORMAT binary)"; }
batches() { seconds_of into "$1" sql -d ingest -f "$place/data/$(prefix "$1")batches.sql"; }

prefix() { if [ "$1" = noted ]; then echo noted_; fi; }

# singles SCHEMA CLIENTS: seconds per 1000 transactions of one row each.
singles()
{
	script=$bench/insert.pgbench
	if [ "$1" = noted ]; then
		script=$place/data/noted_insert.pgbench
	fi
	into "$1" "$bindir/pgbench" -n -M prepared -c "$2" -j 2 -T "$seconds" -f "$script" ingest 2>/dev/null |
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
		case $((round % 3)) in
			0) order='plain captured noted counted' ;;
			1) order='counted noted plain captured' ;;
			2) order='captured counted plain noted' ;;
		esac
		fresh_tables
		for schema in $order; do
			[ "$way-$schema" = copy-noted ] && continue
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
$rounds rounds in turns ($copy_rounds of the COPY), ratios those of a round. With fsync off, the disk has no say. *Captured* is a table with a
trigger that does nothing but get the rows of each statement: no way of counting by statement can be quicker than that. *With an empty row* has no trigger; its statements write
a row that says nothing beside the events, for each of their bots, into a table with the columns and key of the rollup: what a row takes before anything is counted, merged or deleted.
MD
report ingest -v batches="$batches" -f "$bench/ingest.sql" <"$timings"
drop_database ingest
rm -rf "$place/data"
