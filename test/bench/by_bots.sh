# shellcheck shell=sh
# by_bots.sh: as many events, of few bots or of very many.

events=$((sessions * 5 / 2))
: >"$results/by_bots.tsv"
for bots in $((sessions / 20000)) $((sessions / 200)) $((sessions / 2)); do
	many_bots by_bots "$bots" "$events"
	inserted=$(processor_seconds by_bots "INSERT INTO chat_event SELECT * FROM source")
	on by_bots -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
	size=$(value by_bots "SELECT pg_total_relation_size('kindly_stats.rollup')")
	asked=$(value by_bots "SELECT bench.median(bench.run('SELECT * FROM kindly_stats.stats_series(1, ''2025-01-01'', ''2026-01-01'', ''Europe/Oslo'')', 50))")
	all=$(processor_seconds by_bots "SELECT sum(count) FROM generate_series(1, $bots) AS bot, kindly_stats.stats_total(bot, '2025-01-01', '2026-01-01', 'Europe/Oslo')")
	printf '%s\t%s\t%s\t%s\t%s\n' "$bots" "$inserted" "$size" "$asked" "$all" >>"$results/by_bots.tsv"
	part_size=$(value by_bots "SELECT pg_total_relation_size('chat_event')")
done

section "As many events, of more bots" <<MD
$events events of a year, by one \`INSERT ... SELECT\`, of so many bots; the table with its primary key has $(value by_bots "SELECT pg_size_pretty($part_size::bigint)"). Writing and the totals of all bots in one statement are
in seconds of the processor in the session's process; a question about one bot, its year by day, in milliseconds, the median of 50 runs.
MD
report by_bots <<SQL
CREATE TEMP TABLE size (bots bigint, inserted float8, rollup bigint, asked float8, everything float8);
\\copy size FROM '$results/by_bots.tsv'
SELECT '| bots | written, s | rollup | one bot by day, ms | totals of all bots, s | the same, µs a bot |';
SELECT '| ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s |', to_char(bots, 'FM999,999,990'), bench.digits(inserted), pg_size_pretty(rollup), bench.digits(asked), bench.digits(everything), bench.digits(everything * 1e6 / bots))
  FROM size ORDER BY bots;
SQL
drop_database by_bots
