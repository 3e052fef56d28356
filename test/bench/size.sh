# shellcheck shell=sh
# size.sh: what the statistics take up, beside the events.

# size_of DATABASE LABEL BOUND: a line of the table.  The event table may have indexes for
# hand-written SQL by now, which are not its own.
size_of()
{
	report "$1" -v label="$2" -v bound="$3" <<-'SQL'
		SELECT format('| %s | %s | %s | %s | %s %% | %s %% | %s | %s |', :'label', to_char(events, 'FM999,999,999'), pg_size_pretty(event_bytes),
			pg_size_pretty(rollup_bytes), bench.cell(100.0 * rollup_bytes / event_bytes, rollup_bytes <= event_bytes * :bound / 100.0), :bound,
			bench.digits(rollup_bytes::float8 / events), pg_size_pretty(tally_bytes))
		FROM (SELECT count(*) AS events, pg_table_size('chat_event') + pg_relation_size('chat_event_pkey') AS event_bytes,
				pg_total_relation_size('kindly_stats.rollup') AS rollup_bytes,
				(SELECT sum(pg_column_size(tally)) FROM kindly_stats.rollup) AS tally_bytes
			FROM chat_event) AS s;
	SQL
}

# The same events, counted as they came: one statement a day, and a VACUUM a week, for autovacuum has no time to come here.
written_day_by_day()
{
	make_database daily
	on daily <<-'SQL'
		SELECT format('INSERT INTO chat_event SELECT * FROM bench.events(%L, %s, %s)', day, first, last),
			CASE WHEN extract(isodow FROM day) = 7 THEN 'VACUUM kindly_stats.rollup' END
		FROM bench.day ORDER BY day \gexec
		CALL kindly_stats.compact();
		VACUUM ANALYZE;
	SQL
}

reference
written_day_by_day
section "Size" <<MD
The rollup with its index and TOAST, beside the event table with its primary key alone: of a table that was attached when it had its events, and of one
that was written to day by day and vacuumed week by week, after compaction: the space of merged rows is kept for those to come. Ids of buttons, dialogues and
sessions are UUIDs in text.
MD
report reference <<'SQL'
SELECT '| | events | event table | rollup | part of it | bound | bytes an event | tallies in it |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SQL
size_of reference "attached with its events" 3
size_of daily "written day by day" 4
breakdown daily
drop_database daily
report reference <<'SQL'
SELECT '';
SELECT '| Tallies of | bytes an event of the measure | MB | part of the rollup |';
SELECT '| --- | ---: | ---: | ---: |';
SELECT format('| `%s` | %s | %s | %s %% |', measure, bench.digits(bytes / nullif(events, 0)), bench.digits(bytes / 1048576),
	bench.digits(100 * bytes / pg_total_relation_size('kindly_stats.rollup')))
FROM (SELECT measure, sum(pg_column_size(tally))::float8 AS bytes, sum(kindly_stats.total(tally))::float8 AS events
	FROM kindly_stats.rollup WHERE measure <> '' GROUP BY 1) AS m
ORDER BY bytes DESC;
SQL
