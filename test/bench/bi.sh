# shellcheck shell=sh
# bi.sh: what the relations for BI tools cost, beside the same question through
# stats_series and as SQL over the events.

# A thousand bots that have a month's events each.
many()
{
	make_database bi_many 100
	on bi_many -c "SELECT kindly_stats.attach('chat_event')" -c "INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, is_fallback)
		SELECT b, timestamptz '2025-05-15' + i * interval '5 hours 7 minutes' + b * interval '1 minute', k, 's' || b || '-' || i, 'u' || (i % 50), 'web', 'nb', i % 9 = 0
		FROM generate_series(1, 1000) AS b, generate_series(0, 290) AS i, (VALUES ('user_message'), ('bot_reply')) AS v (k)" \
		-c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE" >/dev/null
}

# bi_ask DATABASE QUESTION SIDE TIMES QUERY
bi_ask()
{
	on "$1" -At <<-SQL >/dev/null
		SET timezone = 'Europe/Oslo';
		SELECT count(*) FROM generate_series(1, 2000000);
		INSERT INTO bench.result SELECT '$2', '$3', unnest(bench.run(\$question\$$5\$question\$, $4));
	SQL
}

bi_report()
{
	report "$1" <<-'SQL'
		SELECT format('| %s | %s | %s | %s–%s |', question, side, bench.digits(median), bench.digits(min), bench.digits(max))
		FROM bench.figure WHERE side IN ('relation', 'functions', 'by hand') ORDER BY question, side DESC;
	SQL
}

reference
on reference -c "DELETE FROM bench.result WHERE side IN ('relation', 'functions', 'by hand')" >/dev/null
bi_ask reference 'a bot-year, day by day' relation 50 \
	"SELECT date, messages, chats, users, fallbacks, fallback_rate FROM bi.daily WHERE bot_id = '1' AND date >= '2025-01-01' AND date < '2026-01-01'"
bi_ask reference 'a bot-year, day by day' functions 50 \
	"SELECT m.date, m.count, m.distinct_count, u.distinct_count AS users, f.count AS fallbacks, f.count::float8 / nullif(r.count, 0)
	FROM kindly_stats.stats_series(1, '2025-01-01', '2026-01-01') AS m
	JOIN kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', measure => 'users') AS u USING (bucket)
	JOIN kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', measure => 'fallbacks') AS f USING (bucket)
	JOIN kindly_stats.stats_series(1, '2025-01-01', '2026-01-01', measure => 'replies') AS r USING (bucket)"
bi_ask reference 'a bot-year, day by day' 'by hand' 3 \
	"SELECT (occurred_at AT TIME ZONE 'Europe/Oslo')::date, count(*) FILTER (WHERE kind = 'user_message'), count(DISTINCT session_id) FILTER (WHERE kind = 'user_message'),
		count(DISTINCT user_id) FILTER (WHERE kind = 'user_message'), count(*) FILTER (WHERE is_fallback), count(*) FILTER (WHERE is_fallback)::float8 / nullif(count(*) FILTER (WHERE kind = 'bot_reply'), 0)
	FROM chat_event WHERE bot_id = 1 AND occurred_at >= '2025-01-01' AND occurred_at < '2026-01-01' GROUP BY 1"
many
bi_ask bi_many 'a month of 1,000 bots, day by day' relation 20 \
	"SELECT date, bot_id, messages, chats, fallbacks, fallback_rate FROM bi.daily WHERE date >= '2025-06-01' AND date < '2025-07-01'"
bi_ask bi_many 'a month of 1,000 bots, day by day' functions 5 \
	"SELECT m.date, b, m.count, m.distinct_count, f.count, f.count::float8 / nullif(r.count, 0) FROM generate_series(1, 1000) AS b,
	kindly_stats.stats_series(b, '2025-06-01', '2025-07-01') AS m, kindly_stats.stats_series(b, '2025-06-01', '2025-07-01', measure => 'fallbacks') AS f,
	kindly_stats.stats_series(b, '2025-06-01', '2025-07-01', measure => 'replies') AS r WHERE f.bucket = m.bucket AND r.bucket = m.bucket"
bi_ask bi_many 'a month of 1,000 bots, day by day' 'by hand' 3 \
	"SELECT bot_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date, count(*) FILTER (WHERE kind = 'user_message'), count(DISTINCT session_id) FILTER (WHERE kind = 'user_message'),
		count(*) FILTER (WHERE is_fallback), count(*) FILTER (WHERE is_fallback)::float8 / nullif(count(*) FILTER (WHERE kind = 'bot_reply'), 0)
	FROM chat_event WHERE occurred_at >= '2025-06-01' AND occurred_at < '2025-07-01' GROUP BY 1, 2"

section "Relations for BI tools" <<MD
Messages, chats, users, fallbacks and their rate as rows of \`bi.daily\`, as the same columns from \`stats_series\`, and by hand over the events; milliseconds in the
server, the median of 50 or 20 runs (functions of a month: 5; by hand: 3). The bot-year is the reference workload's; the thousand bots have 580 events each.
MD
report reference <<'SQL'
SELECT '| Question | side | ms | min–max |';
SELECT '| --- | --- | ---: | --- |';
SQL
bi_report reference
bi_report bi_many
drop_database bi_many
