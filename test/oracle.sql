-- oracle.sql: answers from plain SQL over the raw events, to compare with.
--
--     psql -v seed=1 -f test/oracle.sql
--
-- Makes schema oracle.  Its view oracle.event must be replaced by one over the
-- event table under test; oracle.measure says anew, in SQL, what each measure
-- counts.  Nothing in here asks the extension but oracle.ask().
--
-- What day an event is on is the date that its own instant has on the local
-- clock (SET TimeZone and a cast, so that CET means the zone and no abbreviation); a
-- bucket begins where, minute by minute, the clock first shows its date.

CREATE SCHEMA oracle;
SET search_path = oracle, public;

CREATE VIEW event AS
SELECT NULL::bigint AS bot_id, NULL::timestamptz AS occurred_at, NULL::text AS kind, NULL::text AS session_id,
	NULL::text AS user_id, NULL::text AS source, NULL::text AS language_code, NULL::boolean AS is_fallback,
	NULL::text AS web_host, NULL::text AS web_path, NULL::text AS button_id, NULL::text AS button_type,
	NULL::text AS dialogue_id, NULL::text AS label_id, NULL::text AS label_text, NULL::text AS rating_type,
	NULL::text AS rating, NULL::bigint AS weight;

CREATE TABLE measure (name text PRIMARY KEY, condition text, keys text[], member text, weight text DEFAULT '1');
INSERT INTO measure (name, condition, keys, member) VALUES
	('events', 'true', '{}', NULL),
	('messages', 'kind = ''user_message''', '{}', 'session_id'),
	('users', 'kind = ''user_message''', '{}', 'user_id'),
	('replies', 'kind = ''bot_reply''', '{}', NULL),
	('fallbacks', 'kind = ''bot_reply'' AND is_fallback', '{}', NULL),
	('pages', 'kind = ''user_message''', '{web_host,web_path}', 'session_id'),
	('buttons', 'kind = ''button_click''', '{button_id,button_type,dialogue_id}', NULL),
	('labels', 'kind = ''label_added''', '{label_text,label_id}', NULL),
	('feedback', 'kind = ''feedback''', '{rating_type,rating}', 'user_id'),
	('handover_requests', 'kind = ''handover_request''', '{}', NULL),
	('handover_requests_closed', 'kind = ''handover_request_closed''', '{}', NULL),
	('handovers_started', 'kind = ''handover_started''', '{}', NULL),
	('handovers_ended', 'kind = ''handover_ended''', '{}', NULL);

-- "first" and "last" are what the API calls from and to.
CREATE TABLE question (
	id bigint GENERATED ALWAYS AS IDENTITY,
	phase text,
	call text,
	bot bigint,
	first text,
	last text,
	tz text,
	granularity text,
	measure text,
	sources text[],
	languages text[],
	key text[],
	top integer,
	asked text[],
	answer text[]
);

-- ------------------------------------------------------------------ dice

-- A number in [0, 1) that depends on the seed, the key and the salt alone.
CREATE FUNCTION dice(key bigint, salt bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(key, salt * 1000003 + :seed) & 4503599627370495) / 4503599627370496.0::float8;

CREATE FUNCTION pick(list anyarray, key bigint, salt bigint) RETURNS anyelement
LANGUAGE sql STABLE
AS $$ SELECT list[1 + floor(oracle.dice(key, salt) * cardinality(list))::int] $$;

-- Values to include or exclude: none two times out of three, now and then one that nobody has.
CREATE FUNCTION pick_filter(have text[], key bigint, salt bigint) RETURNS text[]
LANGUAGE sql STABLE
AS $$
	SELECT CASE WHEN oracle.dice(key, salt) < 0.65 OR cardinality(have) = 0 THEN NULL
				WHEN oracle.dice(key, salt) < 0.80 THEN ARRAY[oracle.pick(have, key, salt + 1)]
				WHEN oracle.dice(key, salt) < 0.90 THEN ARRAY['-' || oracle.pick(have, key, salt + 1)]
				WHEN oracle.dice(key, salt) < 0.95 THEN ARRAY[oracle.pick(have, key, salt + 1), 'nobody''s', oracle.pick(have, key, salt + 2)]
				ELSE ARRAY['-' || oracle.pick(have, key, salt + 1), '-nobody''s', '-' || oracle.pick(have, key, salt + 2)] END
$$;

-- ------------------------------------------------------------------ the clock

-- When the local date began, to the minute: NULL for one that the clock
-- jumped over.  Where the clock runs evenly for a day on both sides PostgreSQL's
-- midnight will do.
CREATE FUNCTION day_start(local_date date) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
	midnight timestamptz := local_date::timestamp::timestamptz;
BEGIN
	IF (midnight + interval '24 hours')::timestamp - (midnight - interval '24 hours')::timestamp = interval '48 hours' THEN
		RETURN midnight;
	END IF;
	RETURN (SELECT min(g) FROM generate_series(midnight - interval '26 hours', midnight + interval '26 hours', interval '1 minute') AS g
			WHERE g::timestamp::date = local_date);
END
$$;

-- The first minute at which the local clock shows this time or a later one.
CREATE FUNCTION first_shown(reading timestamp) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
	utc timestamptz := to_timestamp(extract(epoch FROM reading));
BEGIN
	RETURN (SELECT min(g) FROM generate_series(utc - interval '26 hours', utc + interval '26 hours', interval '1 minute') AS g
			WHERE g::timestamp >= reading);
END
$$;

CREATE FUNCTION is_instant(moment text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT moment LIKE '%Z' $$;

-- What the local clock shows then.
CREATE FUNCTION reading(moment text) RETURNS timestamp
LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN oracle.is_instant(moment) THEN moment::timestamptz::timestamp ELSE moment::timestamp END;
END
$$;

-- The local days of the range, which "last" is no part of.
CREATE FUNCTION range_days(first text, last text, OUT first_day date, OUT last_day date)
LANGUAGE plpgsql AS $$
DECLARE
	first_at timestamptz;
	last_at timestamptz;
BEGIN
	first_at := CASE WHEN oracle.is_instant(first) THEN first::timestamptz ELSE first::timestamp::timestamptz END;
	last_at := CASE WHEN oracle.is_instant(last) THEN last::timestamptz ELSE last::timestamp::timestamptz END - interval '1 microsecond';
	IF oracle.is_instant(first) THEN
		first_day := (SELECT min(g::timestamp::date) FROM generate_series(first_at, least(last_at, first_at + interval '26 hours'), interval '1 minute') AS g);
		first_day := least(first_day, first_at::timestamp::date);
	ELSE
		first_day := first::timestamp::date;
	END IF;
	IF oracle.is_instant(last) THEN
		last_day := (SELECT max(g::timestamp::date) FROM generate_series(last_at, greatest(first_at, last_at - interval '26 hours'), interval '-1 minute') AS g);
		last_day := greatest(last_day, last_at::timestamp::date);
	ELSE
		last_day := (last::timestamp - interval '1 microsecond')::date;
	END IF;
END
$$;

-- How long a range is: by the local clock if both ends are readings of it, else what elapses.
CREATE FUNCTION span(first text, last text) RETURNS interval
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN NOT oracle.is_instant(first) AND NOT oracle.is_instant(last) THEN last::timestamp - first::timestamp
		ELSE (CASE WHEN oracle.is_instant(last) THEN last::timestamptz ELSE oracle.first_shown(last::timestamp) END)
			- (CASE WHEN oracle.is_instant(first) THEN first::timestamptz ELSE oracle.first_shown(first::timestamp) END) END
$$;

-- The first minute of those before the instant that the clock shows in the same hour, without a change in between.
CREATE FUNCTION hour_start(at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN extract(timezone FROM date_trunc('hour', at)) = extract(timezone FROM at) THEN date_trunc('hour', at)
		ELSE (SELECT min(g) FROM generate_series(date_trunc('hour', at), at, interval '1 minute') AS g WHERE extract(timezone FROM g) = extract(timezone FROM at)) END
$$;

-- The hours of the range, by their starts.
CREATE FUNCTION range_hours(first text, last text, OUT first_hour timestamptz, OUT last_hour timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
	reading timestamp;
BEGIN
	IF oracle.is_instant(first) THEN
		first_hour := oracle.hour_start(first::timestamptz);
	ELSE
		first_hour := oracle.hour_start(oracle.first_shown(date_trunc('hour', first::timestamp)));
	END IF;
	IF oracle.is_instant(last) THEN
		last_hour := oracle.hour_start(last::timestamptz - interval '1 microsecond');
	ELSE
		reading := date_trunc('hour', last::timestamp);
		IF reading < last::timestamp THEN
			reading := reading + interval '1 hour';
		END IF;
		last_hour := oracle.hour_start(oracle.first_shown(reading) - interval '1 microsecond');
	END IF;
END
$$;

-- ------------------------------------------------------------------ answers

-- The events that a question is about, but for when they were.
CREATE FUNCTION conditions(q oracle.question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	m oracle.measure;
	result text;
	i int;
BEGIN
	SELECT * INTO STRICT m FROM oracle.measure WHERE name = q.measure;
	result := format('bot_id = %s AND (%s)', q.bot, m.condition);
	IF m.weight <> '1' THEN
		result := result || format(' AND %s IS NOT NULL', m.weight);
	END IF;
	IF cardinality(m.keys) > 0 THEN
		result := result || format(' AND coalesce(%s) IS NOT NULL', array_to_string(m.keys, ', '));
	END IF;
	FOR i IN 1 .. coalesce(cardinality(q.key), 0) LOOP
		IF q.key[i] IS NOT NULL THEN
			result := result || format(' AND %I = %L', m.keys[i], q.key[i]);
		END IF;
	END LOOP;
	RETURN result || oracle.list_condition('source', q.sources) || oracle.list_condition('language_code', q.languages);
END
$$;

CREATE FUNCTION list_condition(name text, list text[]) RETURNS text
LANGUAGE sql AS $$
	SELECT coalesce(' AND ' || quote_ident(name) || ' IN (' || string_agg(quote_literal(v), ', ') FILTER (WHERE v NOT LIKE '-%') || ')', '')
		|| coalesce(' AND (' || quote_ident(name) || ' IS NULL OR ' || quote_ident(name) || ' NOT IN ('
					|| string_agg(quote_literal(substr(v, 2)), ', ') FILTER (WHERE v LIKE '-%') || '))', '')
	FROM unnest(list) AS v
$$;

-- What to count, and what to count of it once.
CREATE FUNCTION counts(q oracle.question) RETURNS text
LANGUAGE sql AS $$
	SELECT format('coalesce(sum(%s), 0)::bigint AS n, %s AS members', m.weight,
				  CASE WHEN m.member IS NULL THEN '0::bigint' ELSE format('count(DISTINCT %I)', m.member) END)
	FROM oracle.measure AS m WHERE m.name = q.measure
$$;

-- The condition on when they were: local dates, or hours.
CREATE FUNCTION within_days(d record) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN format(' AND occurred_at >= %L AND occurred_at < %L AND occurred_at::timestamp::date BETWEEN %L AND %L',
				  d.first_day - 2, d.last_day + 3, d.first_day, d.last_day);
END
$$;

CREATE FUNCTION within_hours(h record) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	-- hours are intervals, one after the other: only at the end is there something to look at
	RETURN format(' AND occurred_at >= %L AND occurred_at < %L AND (occurred_at < %L OR oracle.hour_start(occurred_at) = %L)',
				  h.first_hour, h.last_hour + interval '1 hour', h.last_hour, h.last_hour);
END
$$;

-- Rows (start, label, n, members, partial), without empty ranges; partial is a bucket that the range covers a part of, or that is not over yet.
CREATE FUNCTION series(q oracle.question)
RETURNS TABLE (start timestamptz, label timestamp, n bigint, members bigint, partial boolean)
LANGUAGE plpgsql AS $$
DECLARE
	d record;
BEGIN
	IF q.granularity = 'hour' THEN
		SELECT * INTO d FROM oracle.range_hours(q.first, q.last);
		RETURN QUERY EXECUTE format('WITH counted AS (SELECT oracle.hour_start(occurred_at) AS at, %s FROM oracle.event WHERE %s GROUP BY 1),'
			' hour AS (SELECT DISTINCT oracle.hour_start(g) AS at FROM generate_series($1, $2, interval ''1 minute'') AS g)'
			' SELECT h.at, date_trunc(''hour'', h.at::timestamp), coalesce(c.n, 0), coalesce(c.members, 0), h.at + interval ''1 hour'' > now()'
			' FROM hour AS h LEFT JOIN counted AS c ON c.at = h.at ORDER BY h.at',
			oracle.counts(q), oracle.conditions(q) || oracle.within_hours(d))
			USING d.first_hour, d.last_hour;
	ELSE
		SELECT * INTO d FROM oracle.range_days(q.first, q.last);
		RETURN QUERY EXECUTE format('WITH counted AS (SELECT date_trunc(%L, occurred_at::timestamp::date::timestamp) AS label, %s FROM oracle.event WHERE %s GROUP BY 1),'
			' bucket AS (SELECT date_trunc(%1$L, g) AS label FROM generate_series($1::timestamp, $2::timestamp, interval ''1 day'') AS g'
			'          WHERE oracle.day_start(g::date) IS NOT NULL GROUP BY 1)'
			' SELECT oracle.day_start(b.label::date), b.label, coalesce(c.n, 0), coalesce(c.members, 0),'
			' b.label < $1 OR b.label + $3 > $2 + 1 OR coalesce(oracle.day_start((b.label + $3)::date) > now(), false)'
			' FROM bucket AS b LEFT JOIN counted AS c ON c.label = b.label ORDER BY b.label',
			q.granularity, oracle.counts(q), oracle.conditions(q) || oracle.within_days(d))
			USING d.first_day, d.last_day,
				CASE q.granularity WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || q.granularity)::interval END;
	END IF;
END
$$;

CREATE FUNCTION total(q oracle.question, OUT n bigint, OUT members bigint)
LANGUAGE plpgsql AS $$
DECLARE
	d record;
	conditions text := oracle.conditions(q);
BEGIN
	IF q.granularity = 'hour' THEN
		SELECT * INTO d FROM oracle.range_hours(q.first, q.last);
		conditions := conditions || oracle.within_hours(d);
	ELSE
		SELECT * INTO d FROM oracle.range_days(q.first, q.last);
		conditions := conditions || oracle.within_days(d);
	END IF;
	EXECUTE format('SELECT %s FROM oracle.event WHERE %s', oracle.counts(q), conditions) INTO n, members;
END
$$;

CREATE FUNCTION top(q oracle.question)
RETURNS TABLE (key text[], n bigint, members bigint, ratio float8)
LANGUAGE plpgsql AS $$
DECLARE
	d record;
	columns text[] := (SELECT m.keys FROM oracle.measure AS m WHERE m.name = q.measure);
BEGIN
	SELECT * INTO d FROM oracle.range_days(q.first, q.last);
	RETURN QUERY EXECUTE format('SELECT ARRAY[%s]::text[] AS key, %s, sum(%s)::float8 / sum(sum(%3$s)) OVER ()::float8'
		' FROM oracle.event WHERE %s GROUP BY %1$s ORDER BY n DESC, %5$s LIMIT %6$s',
		array_to_string(columns, ', '), oracle.counts(q), (SELECT m.weight FROM oracle.measure AS m WHERE m.name = q.measure),
		oracle.conditions(q) || oracle.within_days(d),
		(SELECT string_agg(c || ' COLLATE "C" NULLS FIRST', ', ' ORDER BY i) FROM unnest(columns) WITH ORDINALITY AS u(c, i)), q.top);
END
$$;

CREATE FUNCTION heatmap(q oracle.question)
RETURNS TABLE (day int, hour int, n bigint, members bigint)
LANGUAGE plpgsql AS $$
DECLARE
	h record;
BEGIN
	SELECT * INTO h FROM oracle.range_hours(q.first, q.last);
	RETURN QUERY EXECUTE format('WITH counted AS (SELECT extract(dow FROM occurred_at::timestamp)::int AS day, extract(hour FROM occurred_at::timestamp)::int AS hour, %s'
		' FROM oracle.event WHERE %s GROUP BY 1, 2)'
		' SELECT d, h, coalesce(c.n, 0), coalesce(c.members, 0) FROM generate_series(0, 6) AS d CROSS JOIN generate_series(0, 23) AS h'
		' LEFT JOIN counted AS c ON c.day = d AND c.hour = h ORDER BY d, h',
		oracle.counts(q), oracle.conditions(q) || oracle.within_hours(h));
END
$$;

-- ------------------------------------------------------------------ JSON

CREATE FUNCTION json_date(at timestamp) RETURNS text
LANGUAGE sql AS $$ SELECT to_char(at, '"\""YYYY-MM-DD"T"HH24:MI:SS.US"\""') $$;

-- The shortest digits, and a fraction in any case.
CREATE FUNCTION json_number(part bigint, whole bigint) RETURNS text
LANGUAGE sql AS $$
	SELECT CASE WHEN v ~ '[.e]' THEN v ELSE v || '.0' END
	FROM (SELECT coalesce(part::float8 / nullif(whole, 0)::float8, 0)::text AS v) AS t
$$;

CREATE FUNCTION json_names(list text[]) RETURNS text
LANGUAGE sql AS $$ SELECT '[' || coalesce(string_agg(to_json(v)::text, ',' ORDER BY v COLLATE "C"), '') || ']' FROM unnest(list) AS v $$;

CREATE FUNCTION json_part(value text) RETURNS text
LANGUAGE sql AS $$ SELECT coalesce(to_json(value)::text, 'null') $$;

CREATE FUNCTION with_measure(q oracle.question, name text) RETURNS oracle.question
LANGUAGE plpgsql AS $$ BEGIN q.measure := name; RETURN q; END $$;

-- The count of one rating; q.measure is feedback.
CREATE FUNCTION rating_json(q oracle.question, type text, highest int) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	counts bigint[];
BEGIN
	q.top := 1000;
	SELECT array_agg(coalesce((SELECT t.n FROM oracle.top(q) AS t WHERE t.key = ARRAY[type, r::text]), 0) ORDER BY r) INTO counts
	FROM generate_series(1, highest) AS r;
	RETURN (SELECT '[' || string_agg(format('{"count":%s,"rating":%s,"ratio":%s}', counts[r], r,
										   oracle.json_number(counts[r], (SELECT sum(c) FROM unnest(counts) AS c)::bigint)), ',' ORDER BY r) || ']'
			FROM generate_series(1, highest) AS r);
END
$$;

CREATE FUNCTION json_answer(q oracle.question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	CASE q.call
		WHEN 'sessions_chats' THEN
			SELECT string_agg(format('{"count":%s,"date":%s}', s.members, oracle.json_date(s.label)), ',' ORDER BY s.start) INTO result FROM oracle.series(q) AS s;
		WHEN 'sessions_messages' THEN
			SELECT string_agg(format('{"count":%s,"date":%s}', s.n, oracle.json_date(s.label)), ',' ORDER BY s.start) INTO result FROM oracle.series(q) AS s;
		WHEN 'fallbacks_series' THEN
			SELECT string_agg(format('{"count":%s,"date":%s,"rate":%s}', f.n, oracle.json_date(f.label), oracle.json_number(f.n, r.n)), ',' ORDER BY f.start) INTO result
			FROM oracle.series(oracle.with_measure(q, 'fallbacks')) AS f JOIN oracle.series(oracle.with_measure(q, 'replies')) AS r USING (start);
		WHEN 'takeovers_series' THEN
			SELECT string_agg(format('{"date":%s,"ended":%s,"requests":%s,"requests_while_closed":%s,"started":%s}', oracle.json_date(s.label), e.n, r.n, c.n, s.n), ',' ORDER BY s.start) INTO result
			FROM oracle.series(oracle.with_measure(q, 'handovers_started')) AS s
				JOIN oracle.series(oracle.with_measure(q, 'handovers_ended')) AS e USING (start)
				JOIN oracle.series(oracle.with_measure(q, 'handover_requests')) AS r USING (start)
				JOIN oracle.series(oracle.with_measure(q, 'handover_requests_closed')) AS c USING (start);
		WHEN 'fallbacks_total' THEN
			SELECT format('"count":%s,"rate":%s', f.n, oracle.json_number(f.n, r.n)) INTO result
			FROM oracle.total(oracle.with_measure(q, 'fallbacks')) AS f, oracle.total(oracle.with_measure(q, 'replies')) AS r;
			RETURN '{"data":{' || result || '}}';
		WHEN 'takeovers_totals' THEN
			SELECT format('"ended":%s,"requests":%s,"requests_while_closed":%s,"started":%s', e.n, r.n, c.n, s.n) INTO result
			FROM oracle.total(oracle.with_measure(q, 'handovers_ended')) AS e, oracle.total(oracle.with_measure(q, 'handover_requests')) AS r,
				oracle.total(oracle.with_measure(q, 'handover_requests_closed')) AS c, oracle.total(oracle.with_measure(q, 'handovers_started')) AS s;
			RETURN '{"data":{' || result || '}}';
		WHEN 'feedback_summary' THEN
			RETURN format('{"data":{"binary":%s,"emojis":%s}}', oracle.rating_json(q, 'binary', 2), oracle.rating_json(q, 'emojis', 3));
		WHEN 'chatbubble_pages' THEN
			SELECT string_agg(format('{"messages":%s,"sessions":%s,"web_host":%s,"web_path":%s}', t.n, t.members, oracle.json_part(t.key[1]), oracle.json_part(t.key[2])), ',' ORDER BY t.ordinality) INTO result
			FROM oracle.top(q) WITH ORDINALITY AS t;
		WHEN 'chatlabels_added' THEN
			SELECT string_agg(format('{"count":%s,"label_id":%s,"label_text":%s}', t.n, oracle.json_part(t.key[2]), oracle.json_part(t.key[1])), ',' ORDER BY t.ordinality) INTO result
			FROM oracle.top(q) WITH ORDINALITY AS t;
		WHEN 'buttons_most_clicked' THEN
			SELECT string_agg(format('{"button_id":%s,"button_type":%s,"count":%s,"dialogue_id":%s,"ratio":%s}', oracle.json_part(t.key[1]), oracle.json_part(t.key[2]),
									 t.n, oracle.json_part(t.key[3]), CASE WHEN t.ratio::text ~ '[.e]' THEN t.ratio::text ELSE t.ratio || '.0' END), ',' ORDER BY t.ordinality) INTO result
			FROM oracle.top(q) WITH ORDINALITY AS t;
		WHEN 'meta_options' THEN
			SELECT format('{"data":{"first":%s,"last":%s,"language_codes":%s,"sources":%s,"granularities":["hour","day","week"]}}',
						  coalesce(oracle.json_date(min(occurred_at) AT TIME ZONE 'UTC'), 'null'), coalesce(oracle.json_date(max(occurred_at) AT TIME ZONE 'UTC'), 'null'),
						  oracle.json_names(array_agg(DISTINCT language_code) FILTER (WHERE language_code IS NOT NULL)),
						  oracle.json_names(array_agg(DISTINCT source) FILTER (WHERE source IS NOT NULL))) INTO result
			FROM oracle.event WHERE bot_id = q.bot;
			RETURN result;
	END CASE;
	RETURN '{"data":[' || coalesce(result, '') || ']}';
END
$$;

-- ------------------------------------------------------------------ both sides

CREATE FUNCTION instant_text(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT extract(epoch FROM at)::text $$;

-- Whether the API refuses the question for a reason that its arguments have.
CREATE FUNCTION must_refuse(q oracle.question) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	IF q.call IN ('stats_options', 'meta_options') THEN
		RETURN false;
	ELSIF q.granularity = 'hour' OR q.call = 'stats_heatmap' THEN
		IF q.call IN ('sessions_chats', 'sessions_messages', 'fallbacks_series', 'takeovers_series')
		   AND oracle.span(q.first, q.last) > interval '7 days' THEN
			RETURN true;
		END IF;
		SELECT first_hour <= last_hour AS there INTO r FROM oracle.range_hours(q.first, q.last);
	ELSE
		SELECT first_day <= last_day AS there INTO r FROM oracle.range_days(q.first, q.last);
	END IF;
	RETURN NOT r.there;
END
$$;

CREATE FUNCTION answer(q oracle.question) RETURNS text[]
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('TimeZone', q.tz, true);
	IF oracle.must_refuse(q) THEN
		RETURN '{refused}';
	END IF;
	CASE q.call
		WHEN 'stats_series' THEN
			RETURN (SELECT array_agg(format('%s %s %s %s %s', oracle.instant_text(s.start), s.label, s.n, s.members, s.partial) ORDER BY s.start) FROM oracle.series(q) AS s);
		WHEN 'stats_total' THEN
			RETURN (SELECT ARRAY[format('%s %s', t.n, t.members)] FROM oracle.total(q) AS t);
		WHEN 'stats_top' THEN
			RETURN (SELECT coalesce(array_agg(format('%s %s %s %s', t.key, t.n, t.members, t.ratio) ORDER BY t.ordinality), '{}') FROM oracle.top(q) WITH ORDINALITY AS t);
		WHEN 'top_buttons' THEN
			RETURN (SELECT coalesce(array_agg(format('%s %s %s', t.key, t.n, t.ratio) ORDER BY t.ordinality), '{}') FROM oracle.top(q) WITH ORDINALITY AS t);
		WHEN 'stats_heatmap' THEN
			RETURN (SELECT array_agg(format('%s %s %s %s', h.day, h.hour, h.n, h.members) ORDER BY h.day, h.hour) FROM oracle.heatmap(q) AS h);
		WHEN 'stats_options' THEN
			RETURN (SELECT ARRAY[format('%s %s %s %s', oracle.instant_text(min(occurred_at)), oracle.instant_text(max(occurred_at)),
						coalesce(array_agg(DISTINCT source COLLATE "C") FILTER (WHERE source IS NOT NULL), '{}'),
						coalesce(array_agg(DISTINCT language_code COLLATE "C") FILTER (WHERE language_code IS NOT NULL), '{}'))]
					FROM oracle.event WHERE bot_id = q.bot);
		WHEN 'fallback_rate' THEN
			RETURN (SELECT ARRAY[format('%s %s', f.n, f.n::float8 / nullif(r.n, 0)::float8)]
					FROM oracle.total(oracle.with_measure(q, 'fallbacks')) AS f, oracle.total(oracle.with_measure(q, 'replies')) AS r);
		ELSE
			RETURN ARRAY[oracle.json_answer(q)];
	END CASE;
END
$$;

-- What the extension may say where the outermost event was deleted or moved since, which the setting oracle.outward tells: the quarter hour of
-- the next one, outward.  An answer that may stand is made the exact one, so that it compares as equal.
CREATE FUNCTION exact_if_near(at timestamptz, exact timestamptz, is_last boolean) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
SELECT CASE WHEN current_setting('oracle.outward', true) = 'on'
			AND CASE WHEN is_last THEN at - exact ELSE exact - at END BETWEEN interval '0' AND interval '15 minutes' THEN exact ELSE at END
$$;

CREATE FUNCTION near_options(bot bigint, INOUT first timestamptz, INOUT last timestamptz)
LANGUAGE sql STABLE AS $$
SELECT oracle.exact_if_near(near_options.first, e.first, false), oracle.exact_if_near(near_options.last, e.last, true)
FROM (SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM oracle.event WHERE bot_id = near_options.bot) AS e
$$;

-- The answer of the extension, or "refused" for SQLSTATE 22023.
CREATE FUNCTION ask(q oracle.question) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	CASE q.call
		WHEN 'stats_series' THEN
			RETURN (SELECT array_agg(format('%s %s %s %s %s', oracle.instant_text(s.bucket), s.date, s.count, s.distinct_count, s.is_partial) ORDER BY s.ordinality)
					FROM kindly_stats.stats_series(q.bot, q.first, q.last, q.tz, q.granularity, q.measure, q.sources, q.languages, q.key) WITH ORDINALITY AS s);
		WHEN 'stats_total' THEN
			RETURN (SELECT array_agg(format('%s %s', t.count, t.distinct_count))
					FROM kindly_stats.stats_total(q.bot, q.first, q.last, q.tz, q.granularity, q.measure, q.sources, q.languages, q.key) AS t);
		WHEN 'stats_top' THEN
			RETURN (SELECT coalesce(array_agg(format('%s %s %s %s', t.key, t.count, t.distinct_count, t.ratio) ORDER BY t.ordinality), '{}')
					FROM kindly_stats.stats_top(q.bot, q.first, q.last, q.tz, q.measure, q.top, q.sources, q.languages, q.key) WITH ORDINALITY AS t);
		WHEN 'top_buttons' THEN
			RETURN (SELECT coalesce(array_agg(format('%s %s %s', ARRAY[t.button_id, t.button_type, t.dialogue_id], t.count, t.ratio) ORDER BY t.ordinality), '{}')
					FROM kindly_stats.top_buttons(q.bot, q.first, q.last, q.tz, q.top, q.sources, q.languages) WITH ORDINALITY AS t);
		WHEN 'stats_heatmap' THEN
			RETURN (SELECT array_agg(format('%s %s %s %s', h.day, h.hour, h.count, h.distinct_count) ORDER BY h.ordinality)
					FROM kindly_stats.stats_heatmap(q.bot, q.first, q.last, q.tz, q.measure, q.sources, q.languages, q.key) WITH ORDINALITY AS h);
		WHEN 'stats_options' THEN
			RETURN (SELECT array_agg(format('%s %s %s %s', oracle.instant_text(n.first), oracle.instant_text(n.last), o.sources, o.language_codes))
					FROM kindly_stats.stats_options(q.bot) AS o, oracle.near_options(q.bot, o.first, o.last) AS n);
		WHEN 'fallback_rate' THEN
			RETURN (SELECT array_agg(format('%s %s', f.count, f.rate))
					FROM kindly_stats.fallback_rate(q.bot, q.first, q.last, q.tz, q.sources, q.languages) AS f);
		WHEN 'meta_options' THEN
			SELECT replace(replace(m::text, coalesce(m #>> '{data,first}', '-'), coalesce(trim('"' FROM oracle.json_date(n.first AT TIME ZONE 'UTC')), '-')),
						   coalesce(m #>> '{data,last}', '-'), coalesce(trim('"' FROM oracle.json_date(n.last AT TIME ZONE 'UTC')), '-')) INTO result
			FROM sage.meta_options(q.bot) AS m,
				 oracle.near_options(q.bot, (m #>> '{data,first}')::timestamp AT TIME ZONE 'UTC', (m #>> '{data,last}')::timestamp AT TIME ZONE 'UTC') AS n;
			RETURN ARRAY[result];
		WHEN 'sessions_chats', 'sessions_messages', 'fallbacks_series', 'takeovers_series' THEN
			EXECUTE format('SELECT sage.%I($1, $2, $3, $4, $5, $6, $7)', q.call) INTO result
				USING q.bot, q.first::kindly_stats.moment, q.last::kindly_stats.moment, q.tz, q.granularity, CASE WHEN q.sources::text LIKE '%"%' THEN to_json(q.sources)::text ELSE array_to_string(q.sources, ',') END, to_json(q.languages)::text;
			RETURN ARRAY[result];
		WHEN 'fallbacks_total', 'takeovers_totals', 'feedback_summary' THEN
			EXECUTE format('SELECT sage.%I($1, $2, $3, $4, $5, $6)', q.call) INTO result
				USING q.bot, q.first::kindly_stats.moment, q.last::kindly_stats.moment, q.tz, q.sources::text, array_to_string(q.languages, ', ');
			RETURN ARRAY[result];
		ELSE
			EXECUTE format('SELECT sage.%I($1, $2, $3, $4, $5, $6, $7)', q.call) INTO result
				USING q.bot, q.first::kindly_stats.moment, q.last::kindly_stats.moment, q.tz, q.top, to_json(q.sources)::text, q.languages::text;
			RETURN ARRAY[result];
	END CASE;
EXCEPTION
	WHEN invalid_parameter_value THEN
		GET STACKED DIAGNOSTICS result = MESSAGE_TEXT;
		RETURN ARRAY['refused', result];
END
$$;

-- ------------------------------------------------------------------ questions

-- What to ask about: the bots with their keys, sources and languages as they are now.
CREATE TABLE subject (bot bigint, first timestamptz, last timestamptz, sources text[], languages text[], keys jsonb);

CREATE FUNCTION look_around() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	m oracle.measure;
BEGIN
	TRUNCATE oracle.subject;
	INSERT INTO oracle.subject
	SELECT bot_id, min(occurred_at), max(occurred_at),
		   coalesce(array_agg(DISTINCT source COLLATE "C") FILTER (WHERE source IS NOT NULL), '{}'),
		   coalesce(array_agg(DISTINCT language_code COLLATE "C") FILTER (WHERE language_code IS NOT NULL), '{}'), '{}'
	FROM oracle.event WHERE bot_id IS NOT NULL GROUP BY bot_id;
	FOR m IN SELECT * FROM oracle.measure WHERE cardinality(keys) > 0 LOOP
		EXECUTE format('UPDATE oracle.subject AS s SET keys = keys || jsonb_build_object(%L, k.list) FROM ('
					   ' SELECT bot_id, jsonb_agg(key) AS list FROM ('
					   '  SELECT bot_id, key, row_number() OVER (PARTITION BY bot_id ORDER BY key) AS place FROM ('
					   '   SELECT DISTINCT bot_id, ARRAY[%s]::text[] AS key FROM oracle.event WHERE %s) AS d) AS n'
					   '  WHERE place <= 40 GROUP BY bot_id) AS k WHERE k.bot_id = s.bot',
					   m.name, array_to_string(m.keys, ', '), m.condition);
	END LOOP;
END
$$;

CREATE FUNCTION moment_text(at timestamptz, dice float8) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN dice < 0.40 THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
				WHEN dice < 0.55 THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00:00')
				WHEN dice < 0.70 THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
				WHEN dice < 0.80 THEN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00:00"Z"')
				ELSE to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
$$;

-- Makes questions: any bot, now and then an unknown one; ranges from an hour to
-- ten years, a third of the short ones around days when clocks are changed; one zone
-- after the other, in shuffled order.
CREATE FUNCTION make(phase text, number int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	zones text[] := (SELECT array_agg(name ORDER BY oracle.dice(hashtext(name), 1), name) FROM pg_timezone_names);
	bots int := (SELECT count(*) FROM oracle.subject);
	typed text[] := '{stats_series,stats_series,stats_series,stats_total,stats_top,stats_top,stats_heatmap,fallback_rate,top_buttons,stats_options}';
	dialect text[] := '{sessions_chats,sessions_messages,fallbacks_series,takeovers_series,fallbacks_total,takeovers_totals,feedback_summary,chatbubble_pages,buttons_most_clicked,chatlabels_added,meta_options}';
	odd date[] := (SELECT array_agg(make_date(y, (md / 100)::int, (md % 100)::int) + n)
				   FROM generate_series(2018, 2025) AS y, unnest('{308,324,401,424,901,924,1001,1024,1101}'::int[]) AS md, generate_series(0, 7) AS n);
	q oracle.question;
	s oracle.subject;
	base bigint := coalesce((SELECT max(id) FROM oracle.question), 0);
	i bigint;
	span interval;
	begins timestamptz;
	kind float8;
BEGIN
	FOR i IN base + 1 .. base + number LOOP
		q := NULL;
		q.call := CASE WHEN oracle.dice(i, 2) < 0.72 THEN oracle.pick(typed, i, 3) ELSE oracle.pick(dialect, i, 3) END;
		SELECT * INTO s FROM oracle.subject ORDER BY bot OFFSET floor(oracle.dice(i, 4) * bots)::int LIMIT 1;
		q.bot := CASE WHEN oracle.dice(i, 5) < 0.03 THEN -i ELSE s.bot END;
		q.tz := zones[1 + i % cardinality(zones)];
		span := exp(ln(3600.0) + oracle.dice(i, 6) * (ln(86400.0 * 3650) - ln(3600.0))) * interval '1 second';
		begins := s.first - interval '2 days' + oracle.dice(i, 7) * (s.last - s.first + interval '3 days');
		IF span < interval '60 days' AND oracle.dice(i, 8) < 0.33 THEN
			begins := oracle.pick(odd, i, 9)::timestamp AT TIME ZONE 'UTC' + oracle.dice(i, 10) * interval '1 day' - oracle.dice(i, 11) * span;
		ELSIF span > s.last - s.first THEN
			begins := s.first - oracle.dice(i, 7) * interval '400 days';
		END IF;
		kind := oracle.dice(i, 12);
		q.first := oracle.moment_text(begins, kind);
		q.last := oracle.moment_text(begins + span, CASE WHEN oracle.dice(i, 13) < 0.8 OR span < interval '3 days' THEN kind ELSE oracle.dice(i, 14) END);
		-- those that take no granularity round to days
		q.granularity := CASE WHEN q.call IN ('fallback_rate', 'fallbacks_total', 'takeovers_totals') THEN 'day'
							  WHEN span < interval '20 days' AND oracle.dice(i, 15) < 0.5 THEN 'hour'
							  WHEN oracle.dice(i, 16) < 0.4 THEN 'day'
							  ELSE oracle.pick('{week,month,quarter,year}'::text[], i, 17) END;
		q.measure := CASE
			WHEN q.call IN ('stats_series', 'stats_total', 'stats_heatmap') AND oracle.dice(i, 18) < 0.4 THEN 'messages'
			WHEN q.call IN ('stats_series', 'stats_total', 'stats_heatmap') THEN oracle.pick((SELECT array_agg(name ORDER BY name) FROM oracle.measure), i, 19)
			WHEN q.call = 'stats_top' THEN oracle.pick((SELECT array_agg(name ORDER BY name) FROM oracle.measure WHERE cardinality(keys) > 0), i, 19)
			WHEN q.call IN ('top_buttons', 'buttons_most_clicked') THEN 'buttons'
			WHEN q.call = 'chatbubble_pages' THEN 'pages'
			WHEN q.call = 'chatlabels_added' THEN 'labels'
			WHEN q.call = 'feedback_summary' THEN 'feedback'
			ELSE 'messages' END;
		q.sources := oracle.pick_filter(s.sources, i, 20);
		q.languages := oracle.pick_filter(s.languages, i, 30);
		IF s.keys ? q.measure AND q.call LIKE 'stats%' AND oracle.dice(i, 40) < 0.4 THEN
			SELECT array_agg(CASE WHEN oracle.dice(i, 42 + p.place) < 0.7 THEN p.part END ORDER BY p.place) INTO q.key
			FROM jsonb_array_elements_text(s.keys -> q.measure -> floor(oracle.dice(i, 41) * jsonb_array_length(s.keys -> q.measure))::int)
				WITH ORDINALITY AS p(part, place);
		END IF;
		q.top := oracle.pick('{1,2,3,5,20,2147483647}'::int[], i, 50);
		INSERT INTO oracle.question (phase, call, bot, first, last, tz, granularity, measure, sources, languages, key, top)
		VALUES (make.phase, q.call, q.bot, q.first, q.last, q.tz, q.granularity, q.measure, q.sources, q.languages, q.key, q.top);
	END LOOP;
END
$$;

-- Where an edge lies within a quarter hour, the extension refuses if events do too:
-- Antarctica/Casey changed its clock at 00:01 three times since 2018.
CREATE FUNCTION may_refuse(q oracle.question) RETURNS boolean
LANGUAGE sql AS $$ SELECT q.tz LIKE '%Antarctica/Casey' AND (q.granularity = 'hour' OR q.call = 'stats_heatmap') $$;

CREATE FUNCTION describe(q oracle.question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	i int := 1;
BEGIN
	WHILE q.asked[i] = q.answer[i] LOOP
		i := i + 1;
	END LOOP;
	RETURN format('#%s %s(bot %s, from %s, to %s, tz %s, %s, measure %s, sources %s, languages %s, key %s, limit %s): row %s of %s is [%s], plain SQL has [%s] of %s',
				  q.id, q.call, q.bot, q.first, q.last, q.tz, q.granularity, q.measure, q.sources, q.languages, q.key, q.top,
				  i, coalesce(cardinality(q.asked), 0), left(q.asked[i], 3000), left(q.answer[i], 3000), coalesce(cardinality(q.answer), 0));
END
$$;

-- One line for the test: phase, questions, refused ones, differing ones, the first of these.
CREATE FUNCTION report(phase text) RETURNS text
LANGUAGE sql AS $$
	SELECT format('%s|%s|%s|%s|%s', report.phase, count(*), count(*) FILTER (WHERE q.asked[1] = 'refused'), count(*) FILTER (WHERE d.differs),
				  coalesce((SELECT string_agg(replace(oracle.describe(w), '|', '/'), '|' ORDER BY w.id) FROM (
					SELECT * FROM oracle.question AS w
					WHERE w.phase = report.phase AND w.asked IS DISTINCT FROM w.answer
					  AND NOT (w.asked[1] = 'refused' AND (w.answer[1] = 'refused' OR oracle.may_refuse(w))) ORDER BY w.id LIMIT 5) AS w), ''))
	FROM oracle.question AS q,
		LATERAL (SELECT q.asked IS DISTINCT FROM q.answer AND NOT (q.asked[1] = 'refused' AND (q.answer[1] = 'refused' OR oracle.may_refuse(q))) AS differs) AS d
	WHERE q.phase = report.phase
$$;

-- Makes, asks and answers; the answers stay, for later.
CREATE FUNCTION check_answers(phase text, number int) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM oracle.look_around();
	PERFORM oracle.make(phase, number);
	UPDATE oracle.question AS q SET asked = oracle.ask(q) WHERE q.phase = check_answers.phase;
	UPDATE oracle.question AS q SET answer = oracle.answer(q) WHERE q.phase = check_answers.phase;
	RETURN oracle.report(phase);
END
$$;

-- Asks the questions of some earlier phase once more, whose answers must not have changed.
CREATE FUNCTION check_again(phase text, earlier text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO oracle.question (phase, call, bot, first, last, tz, granularity, measure, sources, languages, key, top, answer)
	SELECT check_again.phase, q.call, q.bot, q.first, q.last, q.tz, q.granularity, q.measure, q.sources, q.languages, q.key, q.top, q.answer
	FROM oracle.question AS q WHERE q.phase = earlier ORDER BY q.id;
	UPDATE oracle.question AS q SET asked = oracle.ask(q) WHERE q.phase = check_again.phase;
	RETURN oracle.report(phase);
END
$$;
