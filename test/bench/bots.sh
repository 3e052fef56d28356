# shellcheck shell=sh
# bots.sh: many small bots: a million events of 50,000 bots, in any order, over a
# year, in one statement; what that costs, and what becomes of it.

bots=$((sessions / 8))
events=$((sessions * 5 / 2))

make_database bots 10
on bots -v bots="$bots" -v events="$events" <<'SQL'
CREATE TABLE plain (LIKE chat_event INCLUDING ALL);
CREATE TABLE source (LIKE chat_event INCLUDING DEFAULTS);
INSERT INTO source (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
SELECT 1 + (hashint4(n)::bigint + 2147483648) % :bots, timestamptz '2025-01-01Z' + (hashint4(n + :events)::bigint + 2147483648) % 31536000 * interval '1 second',
	CASE n % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END, 's' || n / 4, 'u' || n / 8, CASE n % 3 WHEN 0 THEN 'app' ELSE 'web' END, 'en'
FROM generate_series(1, :events) AS n;
VACUUM ANALYZE source;
SQL

# step LABEL SQL: seconds of the processor that its session has taken for it, figures that a busy machine changes little.
step()
{
	seconds=$(on bots -At -c "SET max_parallel_workers_per_gather = 0" -c "$2" \
		-c "SELECT (s[14]::float8 + s[15]::float8) / $(getconf CLK_TCK) FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') AS s" | tail -n 1)
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
