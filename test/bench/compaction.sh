# shellcheck shell=sh
# compaction.sh: events that come one by one, late ones among them, into months of
# one bot, with nobody calling compact(): what is left in the rollup, what questions
# cost then, and what was written to disk.  Commits do not wait for the disk, so
# that the ratio is that of the work.

events=$((sessions / 2))
clients=4

# insert_events SCHEMA: prints seconds and bytes of WAL.
insert_events()
{
	on compaction -c CHECKPOINT
	before=$(value compaction "SELECT pg_current_wal_insert_lsn()")
	began=$(date +%s.%N)
	PGOPTIONS="-c search_path=$1,public -c synchronous_commit=off" "$bindir/pgbench" -n -M prepared -c "$clients" -j 2 -t $((events / clients)) \
		-f "$bench/late.pgbench" compaction >/dev/null 2>&1
	took=$(echo "$began $(date +%s.%N)" | awk '{ print $2 - $1 }')
	printf '%s\t%s\t%s\n' "$1" "$took" "$(value compaction "SELECT pg_current_wal_insert_lsn() - '$before'::pg_lsn")"
}

make_database compaction
on compaction <<'SQL'
CREATE SCHEMA counted;
CREATE SCHEMA plain;
SELECT kindly_stats.create_event_table('counted.chat_event') \g /dev/null
CREATE TABLE plain.chat_event (LIKE counted.chat_event INCLUDING ALL);
SQL
insert_events plain >"$results/compaction.tsv"
insert_events counted >>"$results/compaction.tsv"
sleep 1
rows=$(value compaction "SELECT count(*) FROM kindly_stats.rollup")
written=$(value compaction "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = 'kindly_stats.rollup'::regclass")
rollup=$(value compaction "SELECT pg_size_pretty(pg_total_relation_size('kindly_stats.rollup'))")
ask compaction counted.chat_event from="$(date -u -d '11 months ago' +%Y-%m-01)" to="$(date -u -d 'tomorrow' +%Y-%m-%d)" \
	monday="$(date -u -d '17 days ago' +%Y-%m-%d)" next_monday="$(date -u -d '10 days ago' +%Y-%m-%d)"
measure compaction typed:200 json:200
on compaction -f "$bench/hand.sql"
answer compaction hand
same_answers compaction

section "Single rows, and nobody compacts" <<MD
$events single-row INSERTs by $clients clients into one bot, spread over four months up to now, with \`synchronous_commit = off\`; no
\`compact()\` is called and the questions are asked at once. Afterwards the rollup has $rows rows, of $written that were written, and takes $rollup.
MD
report compaction -v factor=2 -v events="$events" <<SQL
CREATE TEMP TABLE way (schema text, seconds float8, wal bigint);
\\copy way FROM '$results/compaction.tsv'
SELECT '| | counted | not counted | ratio |';
SELECT '| --- | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s |', label, bench.digits(counted), bench.digits(plain), bench.digits(counted / plain))
FROM (SELECT 1 AS n, 'seconds' AS label, max(seconds) FILTER (WHERE schema = 'counted') AS counted, max(seconds) FILTER (WHERE schema = 'plain') AS plain FROM way
	UNION ALL SELECT 2, 'bytes of WAL an event', max(wal / :events) FILTER (WHERE schema = 'counted'), max(wal / :events) FILTER (WHERE schema = 'plain') FROM way) AS w
ORDER BY n;
SELECT '';
\\ir $bench/table_ours.sql
SQL
drop_database compaction
