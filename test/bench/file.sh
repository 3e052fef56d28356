# shellcheck shell=sh
# file.sh: single rows that come at a steady rate, autovacuum at its defaults: how
# large the rollup grows between two of its visits, and what is in it.  An hour of them,
# shortened: after two visits it grows no more.

clients=4
rate=600
seconds=$((sessions / 2000))

make_database file 10
cat >"$results/file.pgbench" <<'PGBENCH'
\set bot random(1, 20)
\set session random(1, 2000)
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
VALUES (:bot, now(), CASE :session % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END, 'session-' || :session, 'user-' || :session / 4, 'web', 'en');
PGBENCH
PGOPTIONS="-c synchronous_commit=off" "$bindir/pgbench" -n -M prepared -c "$clients" -j 2 -R "$rate" -T "$seconds" -f "$results/file.pgbench" file >/dev/null 2>&1

section "Size between two visits of autovacuum" <<MD
$(value file "SELECT count(*) FROM chat_event") single-row INSERTs into 20 bots by $clients clients, $rate a second for $seconds seconds, with autovacuum at its defaults, which came
$(value file "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = 'kindly_stats.rollup'::regclass") times; nobody calls \`compact()\`.
MD
report file <<'SQL'
SELECT '| rows written | rows left | tallies in them | rollup | of it table, TOAST, indexes | rollup / tallies | bound |';
SELECT '| ---: | ---: | ---: | ---: | --- | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s, %s, %s | %s | 2 |', to_char(written, 'FM999,999,999'), to_char(rows, 'FM999,999,999'), pg_size_pretty(tallies), pg_size_pretty(rollup),
	pg_size_pretty(heap), pg_size_pretty(toast), pg_size_pretty(rollup - heap - toast), bench.cell(rollup::float8 / tallies, rollup <= 2 * tallies))
FROM (SELECT count(*) AS rows, sum(pg_column_size(tally)) AS tallies, pg_total_relation_size('kindly_stats.rollup') AS rollup,
		pg_relation_size('kindly_stats.rollup') AS heap, pg_table_size('kindly_stats.rollup') - pg_relation_size('kindly_stats.rollup') AS toast,
		(SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = 'kindly_stats.rollup'::regclass) AS written
	FROM kindly_stats.rollup) AS s;
SQL
breakdown file
report file -v a_minute=$((rate * 60)) <<'SQL'
SELECT format(E'\nLine pointers stay until VACUUM comes, and a page has 291: the %s rows of a minute cannot take less than %s of the table.',
	to_char(:a_minute, 'FM999,999'), pg_size_pretty(ceil(:a_minute / 291.0) * current_setting('block_size')::integer));
SQL
drop_database file
