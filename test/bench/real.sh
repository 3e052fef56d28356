# shellcheck shell=sh
# real.sh: the same questions on real events, from a file that not everybody has.

# The busiest bot's years, its busiest week, and what it can be filtered by.
real_settings()
{
	value real "
		WITH b AS (SELECT bot_id FROM chat_event GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1),
			e AS (SELECT * FROM chat_event WHERE bot_id = (SELECT bot_id FROM b)),
			w AS (SELECT date_trunc('week', occurred_at AT TIME ZONE 'Europe/Oslo') AS week FROM e GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)
		SELECT format('bot=%s from=%s to=%s monday=%s next_monday=%s sources=%s language=%s', (SELECT bot_id FROM b),
			(SELECT date_trunc('year', min(occurred_at))::date FROM e), (SELECT (date_trunc('year', max(occurred_at)) + interval '1 year')::date FROM e),
			week::date, week::date + 7,
			(SELECT string_agg(source, ',') FROM (SELECT source FROM e WHERE source IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 2) AS s),
			(SELECT language_code FROM e WHERE language_code IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1))
		FROM w"
}

real_part()
{
	make_database real
	gunzip -c "$KINDLY_STATS_DATA/events_real.csv.gz" | on real -v table=chat_event -f "$top/test/load_real.sql"
	on real -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
	# shellcheck disable=SC2046
	ask real chat_event $(real_settings)
	on real -v table=chat_event -f "$bench/hand_indexes.sql" -f "$bench/hand.sql"
	measure real typed:200 json:200 hand:5 best:5
	same_answers real
	# Bounds are for the reference workload: one year of it.
	on real -c "UPDATE bench.question SET bound_ms = NULL, bound_times = NULL"
	section "Real events" <<MD
$(value real "SELECT format('The busiest bot of a public chat archive: %s events from %s to %s, of %s in all. It has no buttons.', to_char(count(*), 'FM999,999,999'),
	min(occurred_at)::date, max(occurred_at)::date, (SELECT to_char(count(*), 'FM999,999,999') FROM chat_event))
	FROM chat_event WHERE bot_id = (SELECT value::bigint FROM bench.setting WHERE name = 'bot')")
MD
	report real -v factor=1 -f "$bench/table_ours.sql" -f "$bench/table_hand.sql"
	drop_database real
}

find_data
if [ -n "$KINDLY_STATS_DATA" ]; then
	real_part
else
	section "Real events" <<MD
Not run: there is no \`events_real.csv.gz\` in KINDLY_STATS_DATA, nor in \`../shared/data\` beside the checkout.
MD
fi
