# shellcheck shell=sh
# writing.sh: what counting takes of a session's processor and of the WAL, an event.
#
# Tables as in ingest.sh: `plain` has no trigger, `captured` one that gets the rows of
# the statement and does nothing, `counted` is attached.  Each way is measured so often, in
# turns, in a session of its own, that the least that any took is what the work itself takes; a busy
# machine adds to the processor's time and nothing to the WAL.

turns=${BENCH_ROUNDS:-5}
singles=$((sessions / 20))
batches=$((sessions / 1000))

on_writing() { on writing "$@"; }

fresh_writing()
{
	on_writing <<-'SQL'
		DROP SCHEMA IF EXISTS counted, captured, plain, fixed CASCADE;
		CREATE SCHEMA counted;
		CREATE SCHEMA captured;
		CREATE SCHEMA plain;
		CREATE SCHEMA fixed;
		SELECT kindly_stats.create_event_table('counted.chat_event') \g /dev/null
		CREATE TABLE plain.chat_event (LIKE counted.chat_event INCLUDING ALL);
		CREATE TABLE captured.chat_event (LIKE counted.chat_event INCLUDING ALL);
		CREATE FUNCTION captured.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		CREATE TRIGGER nothing AFTER INSERT ON captured.chat_event REFERENCING NEW TABLE AS new
			FOR EACH STATEMENT EXECUTE FUNCTION captured.nothing();
		-- a row of the rollup in which nothing is said
		CREATE TABLE fixed.row AS SELECT * FROM kindly_stats.rollup WITH NO DATA;
		ALTER TABLE fixed.row ADD PRIMARY KEY (bot_id, id);
		TRUNCATE kindly_stats.rollup;
		CHECKPOINT;
	SQL
}

# The statements of each way, one a line.
write_statements()
{
	on_writing -At -v rows="$singles" >"$place/data/single.sql" <<-'SQL'
		SELECT 'PREPARE ins AS INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, web_host, web_path)'
			' VALUES ($1, now(), ''user_message'', $2, $3, ''web'', ''nb'', ''www.example.com'', $4);';
		SELECT format('EXECUTE ins(%s, ''session-%s'', ''user-%s'', ''/page/%s'');', 1 + floor(20 * power(d, 3)), n % 1000, n % 1000, floor(200 * power(d, 2)))
		FROM (SELECT n, bench.dice(n, 40) AS d FROM generate_series(1, :rows) AS n) AS s;
	SQL
	on_writing -At -v batches="$batches" >"$place/data/batch.sql" <<-'SQL'
		SELECT format('INSERT INTO chat_event SELECT * FROM unnest(ARRAY[%s]::chat_event[]);', string_agg(quote_literal(e::text), ','))
		FROM (SELECT e::text, (row_number() OVER () - 1) / 100 AS batch FROM (SELECT c FROM (SELECT (jsonb_populate_record(NULL::chat_event, to_jsonb(v)
			|| jsonb_build_object('event_id', md5(v.event_id::text)::uuid))).*
			FROM bench.event AS v LIMIT :batches * 100) AS c) AS t (e)) AS e
		GROUP BY batch ORDER BY batch;
	SQL
	echo "INSERT INTO chat_event ($columns) SELECT * FROM source;" >"$place/data/select.sql"
	on_writing -At -v rows="$singles" >"$place/data/fixed.sql" <<-'SQL'
		SELECT 'PREPARE ins AS INSERT INTO fixed.row (bot_id, measure, month, id, kept) VALUES ($1, '''', ''2025-01-01'', $2, false);';
		SELECT format('EXECUTE ins(%s, %s);', 1 + n % 20, n) FROM generate_series(1, :rows) AS n;
		SELECT 'DELETE FROM fixed.row;';
	SQL
}

# written SCHEMA WAY EVENTS: runs the statements, and notes microseconds and bytes an event.
written()
{
	used="SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint AS cpu, pg_current_wal_insert_lsn() - '0/0' AS wal"
	{
		echo "SET search_path = $1, public;"
		echo "SELECT count(*) FROM source \\g /dev/null"
		echo "$used \\gset began_"
		cat "$place/data/$2.sql"
		echo "$used \\gset ended_"
		# shellcheck disable=SC2016
		printf '%s\n' "SELECT '$2', '$1', (:ended_cpu - :began_cpu) / 1000.0 / $3, (:ended_wal - :began_wal) / $3.0;"
	} | on_writing -At -F "$(printf '\t')" >>"$results/writing.tsv"
}

# What the single rows of the last turn, which were counted, have in the WAL: bytes an event by relation and kind of record.
wal_of_singles()
{
	fresh_writing
	from=$(value writing "SELECT pg_current_wal_insert_lsn()")
	written counted single "$singles"
	on_writing -c "CREATE EXTENSION pg_walinspect" -c "CREATE TABLE fixed.flushed ()"
	report writing -v singles="$singles" -v from="$from" <<-'SQL'
		CREATE TEMP TABLE record AS
		SELECT coalesce((SELECT CASE WHEN c.oid = 'counted.chat_event'::regclass OR i.indrelid = 'counted.chat_event'::regclass THEN 'the event''s table and index'
				WHEN c.relkind = 't' OR n.nspname = 'pg_toast' THEN 'the rollup''s TOAST' WHEN c.relkind = 'i' THEN 'the rollup''s indexes' ELSE 'the rollup' END
			FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
			WHERE pg_relation_filenode(c.oid) = substring(r.block_ref FROM 'rel \d+/\d+/(\d+)')::oid
			AND (c.relnamespace IN ('counted'::regnamespace, 'kindly_stats'::regnamespace) OR c.oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'kindly_stats.rollup'::regclass)
				OR i.indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'kindly_stats.rollup'::regclass))),
			CASE r.resource_manager WHEN 'Transaction' THEN 'ends of transactions' ELSE 'else' END) AS place,
			r.resource_manager || ' ' || r.record_type AS kind, r.end_lsn - r.start_lsn AS bytes
		FROM pg_get_wal_records_info(:'from', pg_current_wal_flush_lsn()) AS r;
		SELECT E'\n| The WAL of a single row, counted | records an event | bytes an event |';
		SELECT '| --- | ---: | ---: |';
		SELECT format('| %s: %s | %s | %s |', place, kind, bench.digits(count(*)::float8 / :singles), bench.digits(sum(bytes)::float8 / :singles))
		FROM record GROUP BY place, kind HAVING sum(bytes) > :singles ORDER BY min(CASE WHEN place LIKE 'the event%' THEN 1 WHEN place LIKE 'ends%' THEN 2 WHEN place = 'else' THEN 9 ELSE 3 END), place, sum(bytes) DESC;
	SQL
}

make_database writing $((sessions / 20))
make_server_dir "$place/data" 755
columns=$(event_columns writing)
on_writing -c "CREATE TABLE source AS SELECT * FROM bench.event" -c "VACUUM ANALYZE source"
events=$(value writing "SELECT count(*) FROM source")
write_statements
: >"$results/writing.tsv"
turn=1
while [ "$turn" -le "$turns" ]; do
	fresh_writing
	for schema in plain captured counted; do
		written "$schema" single "$singles"
		written "$schema" batch $((batches * 100))
		written "$schema" select "$events"
	done
	written fixed fixed "$singles"
	turn=$((turn + 1))
done

section "What an event takes" <<MD
Microseconds of the processor in the session's process (the least of $turns turns) and bytes of the WAL (their mean), an event, compaction included. *Captured* has a trigger that does
nothing. *An empty row* is what a row of the rollup takes that says nothing: a row, its entry in the index, and its deletion, without the end of a transaction.
MD
report writing -v singles="$singles" -v batches="$batches" -v events="$events" <<SQL
CREATE TEMP TABLE written (way text, schema text, cpu float8, wal float8);
\\copy written FROM '$results/writing.tsv'
CREATE TEMP TABLE way (number integer GENERATED ALWAYS AS IDENTITY, way text, label text, cpu_bound float8, wal_bound float8);
INSERT INTO way (way, label, cpu_bound, wal_bound) VALUES ('single', 'INSERT of one row', 1.33, 450), ('batch', 'INSERT of 100 rows', 1.11, NULL),
	('select', 'INSERT ... SELECT of all events', 1.10, NULL);
CREATE TEMP VIEW least AS SELECT way, schema, min(cpu) AS cpu, avg(wal) AS wal FROM written GROUP BY way, schema;
SELECT '| Events written | not counted, µs | captured, µs | counted, µs | times | bound | not counted, bytes | counted, bytes | bound |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | ≤ %s | %s | %s | %s |', label, bench.digits(p.cpu), bench.digits(c.cpu), bench.digits(k.cpu),
	bench.cell(k.cpu / p.cpu, k.cpu / p.cpu <= cpu_bound), cpu_bound, bench.digits(p.wal), bench.cell(k.wal, k.wal <= coalesce(wal_bound, 1e9)), '≤ ' || wal_bound)
FROM way AS w JOIN least AS p ON p.way = w.way AND p.schema = 'plain' JOIN least AS c ON c.way = w.way AND c.schema = 'captured'
JOIN least AS k ON k.way = w.way AND k.schema = 'counted' ORDER BY number;
SELECT '| an empty row | | | | | | | ' || bench.digits(wal - 34) || ' | |' FROM least WHERE schema = 'fixed';
SQL
wal_of_singles
drop_database writing
rm -rf "$place/data"
