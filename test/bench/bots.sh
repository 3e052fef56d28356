# shellcheck shell=sh
# bots.sh: many small bots: a million events of 50,000 bots, in any order, over a
# year, in one statement; what that costs, and what becomes of it.

bots=$((sessions / 8))
events=$((sessions * 5 / 2))

many_bots bots "$bots" "$events"
on bots -c "CREATE TABLE plain (LIKE chat_event INCLUDING ALL)"

# step LABEL SQL: what it takes, and how large the rollup is afterwards.
step()
{
	seconds=$(processor_seconds bots "$2")
	printf '%s\t%s\t%s\n' "$1" "$seconds" "$(value bots "SELECT pg_total_relation_size('kindly_stats.rollup')")" >>"$results/bots.tsv"
}

: >"$results/bots.tsv"
step "the events alone" "INSERT INTO plain SELECT * FROM source"
step "the same, counted" "INSERT INTO chat_event SELECT * FROM source"
on bots -c "VACUUM ANALYZE"
step "verify" "SELECT count(*) FROM kindly_stats.verify()"
step "rebuild" "SELECT kindly_stats.rebuild()"
step "compact" "CALL kindly_stats.compact()"
step "one bot's year by day, 1,000 bots" "SELECT sum(count) FROM generate_series(1, 1000) AS bot, kindly_stats.stats_series(bot, '2025-01-01', '2026-01-01', 'Europe/Oslo')"
step "totals of all bots, one statement" "SELECT sum(count) FROM generate_series(1, $bots) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2026-01-01', 'Europe/Oslo')"
step "the same, of a year without events" "SELECT sum(count) FROM generate_series(1, $bots) AS bot, kindly_stats.stats_total(bot, '2020-01-01', '2021-01-01', 'Europe/Oslo')"
size=$(value bots "SELECT pg_total_relation_size('plain')")
wrong=$(value bots "SELECT count(*) FROM kindly_stats.verify()")
[ "$wrong" -eq 0 ] || die "answers differ in bots"

section "Many small bots" <<MD
$events events of $bots bots, in any order, over a year, by one \`INSERT ... SELECT\`; the table with its primary key has $(value bots "SELECT pg_size_pretty($size::bigint)").
Seconds of the processor in the session's process, without parallel workers, not of the clock.
MD
report bots -v size="$size" <<SQL
CREATE TEMP TABLE step (n serial, label text, seconds float8, rollup bigint);
\\copy step (label, seconds, rollup) FROM '$results/bots.tsv'
SELECT '| | seconds | rollup afterwards | part of the events |';
SELECT '| --- | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s |', label, bench.digits(seconds), pg_size_pretty(rollup), bench.digits(rollup::float8 / :size)) FROM step ORDER BY n;
SQL
drop_database bots
