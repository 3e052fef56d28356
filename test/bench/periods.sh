# shellcheck shell=sh
# periods.sh: active members, retention, new and returning ones, funnels and
# comparisons, beside SQL as one would write it.

period_questions()
{
	cat <<-'SQL'
		CREATE TABLE bench.period (number integer GENERATED ALWAYS AS IDENTITY, label text, ours text, hand text);
		INSERT INTO bench.period (label, ours, hand) VALUES
		('users of each day and of the last 7, 28 and 30', $$kindly_stats.stats_active(1, '2025-01-01', '2026-01-01', 'Europe/Oslo')$$,
			$$SELECT d, count(DISTINCT user_id) FILTER (WHERE day = d), count(DISTINCT user_id) FILTER (WHERE day > d - 7),
				count(DISTINCT user_id) FILTER (WHERE day > d - 28), count(DISTINCT user_id)
			FROM (SELECT d::date FROM generate_series(timestamp '2025-01-01', '2025-12-31', '1 day') AS d) AS g
			JOIN (SELECT DISTINCT user_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day FROM chat_event WHERE bot_id = 1 AND kind = 'user_message') AS v
				ON day <= d AND day > d - 30 GROUP BY d$$),
		('sessions likewise', $$kindly_stats.stats_active(1, '2025-01-01', '2026-01-01', 'Europe/Oslo', 'messages')$$,
			$$SELECT d, count(DISTINCT session_id) FILTER (WHERE day = d), count(DISTINCT session_id) FILTER (WHERE day > d - 7),
				count(DISTINCT session_id) FILTER (WHERE day > d - 28), count(DISTINCT session_id)
			FROM (SELECT d::date FROM generate_series(timestamp '2025-01-01', '2025-12-31', '1 day') AS d) AS g
			JOIN (SELECT DISTINCT session_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day FROM chat_event WHERE bot_id = 1 AND kind = 'user_message') AS v
				ON day <= d AND day > d - 30 GROUP BY d$$),
		('users by the week of their first visit', $$kindly_stats.stats_retention(1, '2025-01-01', '2026-01-01', 'Europe/Oslo')$$,
			$$SELECT first, week, count(*) FROM (SELECT DISTINCT user_id, week, min(week) OVER (PARTITION BY user_id) AS first
				FROM (SELECT DISTINCT user_id, date_trunc('week', occurred_at AT TIME ZONE 'Europe/Oslo') AS week FROM chat_event WHERE bot_id = 1 AND kind = 'user_message') AS v) AS w
			GROUP BY first, week$$),
		('new and returning users of each day', $$kindly_stats.stats_new_returning(1, '2025-01-01', '2026-01-01', 'Europe/Oslo')$$,
			$$SELECT day, count(*), count(*) FILTER (WHERE day = first) FROM (SELECT DISTINCT user_id, day, min(day) OVER (PARTITION BY user_id) AS first
				FROM (SELECT DISTINCT user_id, (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day FROM chat_event WHERE bot_id = 1 AND kind = 'user_message') AS v) AS w GROUP BY day$$),
		('sessions with a message, and those that had a page', $$kindly_stats.stats_funnel(1, '2025-01-01', '2026-01-01', 'Europe/Oslo', '{messages,pages}')$$,
			$$SELECT count(DISTINCT session_id), count(DISTINCT session_id) FILTER (WHERE web_host IS NOT NULL OR web_path IS NOT NULL)
			FROM chat_event WHERE bot_id = 1 AND kind = 'user_message'$$),
		('daily chats of half a year beside the half before', $$kindly_stats.stats_series_compared(1, '2025-07-01', '2026-01-01', 'Europe/Oslo')$$,
			$$SELECT (occurred_at AT TIME ZONE 'Europe/Oslo')::date AS day, count(DISTINCT session_id) FROM chat_event
			WHERE bot_id = 1 AND kind = 'user_message' GROUP BY day$$);
	SQL
}

# 148,000 by default, as the busiest bot of the other parts has
period_sessions=$((sessions * 37 / 100))
say "loading a bot-year of $period_sessions sessions"
make_database periods
on periods -c "SELECT kindly_stats.detach('chat_event')" >/dev/null
on periods -v table=chat_event -v bots=1 -v sessions="$period_sessions" -f "$bench/../generate.sql" >/dev/null
period_questions | on periods >/dev/null
on periods -c "SELECT kindly_stats.attach('chat_event')" -c "VACUUM ANALYZE" >/dev/null
on periods -At <<-'SQL' >/dev/null
	SET work_mem = '256MB';
	SET timezone = 'Europe/Oslo';
	SELECT count(*) FROM generate_series(1, 20000000);
	SELECT format('INSERT INTO bench.result SELECT %1$L, ''typed'', unnest(bench.run(%2$L, 50));'
		'INSERT INTO bench.result SELECT %1$L, ''hand'', unnest(bench.run(%3$L, 1))', number, 'SELECT count(*) FROM ' || ours, format('SELECT count(answer) FROM (%s) AS answer', hand))
	FROM bench.period ORDER BY number \gexec
SQL

section "Periods and members" <<MD
A bot-year of $period_sessions sessions in Europe/Oslo. Milliseconds in the server: ours the median of 50 runs; hand-written SQL as one would write it, with the event table's
primary key, once. That the answers are right is for the tests to say.
MD
report periods <<'SQL'
SELECT '| Question | ms | min–max | hand-written SQL, ms | times |';
SELECT '| --- | ---: | --- | ---: | ---: |';
SELECT format('| %s | %s | %s–%s | %s | %s |', p.label, bench.digits(o.median), bench.digits(o.min), bench.digits(o.max), bench.digits(h.median),
	bench.digits(h.median / o.median))
FROM bench.period AS p
JOIN bench.figure AS o ON o.question = p.number::text AND o.side = 'typed'
JOIN bench.figure AS h ON h.question = p.number::text AND h.side = 'hand'
ORDER BY p.number;
SQL
drop_database periods
