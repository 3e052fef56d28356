# shellcheck shell=sh
# size.sh: what the statistics take up, beside the events.

reference
section "Size" <<MD
The rollup with its index and TOAST, after the table was attached, beside the event table with its primary key alone. Ids of buttons, dialogues and
sessions are UUIDs in text. After compaction, the space of rows that were merged is kept for those to come: up to as much again.
MD
report reference <<'SQL'
SELECT '| Events | event table | rollup | part of it | bound | bytes an event |';
SELECT '| ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s %% | 3 %% | %s |', to_char(events, 'FM999,999,999'), pg_size_pretty(event_bytes), pg_size_pretty(rollup_bytes),
	bench.cell(100.0 * rollup_bytes / event_bytes, rollup_bytes <= event_bytes * 0.03), bench.digits(rollup_bytes::float8 / events))
FROM (SELECT count(*) AS events, pg_table_size('chat_event') + pg_relation_size('chat_event_pkey') AS event_bytes,
		pg_total_relation_size('kindly_stats.rollup') AS rollup_bytes FROM chat_event) AS s;
SELECT '';
SELECT '| Tallies of | bytes an event of the measure | MB | part of the rollup |';
SELECT '| --- | ---: | ---: | ---: |';
SELECT format('| `%s` | %s | %s | %s %% |', measure, bench.digits(bytes / nullif(events, 0)), bench.digits(bytes / 1048576),
	bench.digits(100 * bytes / pg_total_relation_size('kindly_stats.rollup')))
FROM (SELECT measure, sum(pg_column_size(tally))::float8 AS bytes, sum(kindly_stats.total(tally))::float8 AS events
	FROM kindly_stats.rollup WHERE measure <> '' GROUP BY 1) AS m
ORDER BY bytes DESC;
SQL
