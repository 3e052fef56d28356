--
-- Sage: feedback/summary, the ratings given by users
--
-- answers must not depend on the session's settings
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SET client_min_messages = warning;
SET jit = off;
\pset format unaligned

CREATE FUNCTION pg_temp.differences(a text, b text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) AS d', a, b) INTO result;
	RETURN result;
END $$;

CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;

SELECT kindly_stats.create_event_table('sage_feedback_event');

-- the documented numbers
INSERT INTO sage_feedback_event (bot_id, occurred_at, kind, rating_type, rating, source, language_code)
SELECT 2061, timestamptz '2019-09-16 00:00Z' + interval '604799.999999 s' * (n - 1) / 99, 'feedback', 'binary', 1 + n % 2,
	(ARRAY['web', 'app', 'test', NULL])[1 + n / 2 % 4], (ARRAY['en', 'nb', NULL])[1 + n % 3]
FROM generate_series(1, 100) AS n;
-- what must not be counted: the instants on both sides, other kinds, ratings and types that are not documented, another bot
INSERT INTO sage_feedback_event (bot_id, occurred_at, kind, rating_type, rating) VALUES
	(2061, '2019-09-15 23:59:59.999999Z', 'feedback', 'binary', 1), (2061, '2019-09-23 00:00Z', 'feedback', 'binary', 2),
	(2061, '2019-09-18 12:00Z', 'user_message', 'binary', 1), (2061, '2019-09-18 12:00Z', 'feedback', 'binary', 3),
	(2061, '2019-09-18 12:00Z', 'feedback', 'binary', 0), (2061, '2019-09-18 12:00Z', 'feedback', 'emojis', 4),
	(2061, '2019-09-18 12:00Z', 'feedback', 'stars', 1), (2061, '2019-09-18 12:00Z', 'feedback', NULL, 1),
	(2061, '2019-09-18 12:00Z', 'feedback', 'binary', NULL), (2061, '2019-09-18 12:00Z', 'feedback', NULL, NULL),
	(2061, '2019-09-18 12:00Z', 'feedback', 'emojis', -1), (2062, '2019-09-18 12:00Z', 'feedback', 'emojis', 3);

SELECT sage.feedback_summary(bot => 2061, "from" => '2019-09-16', "to" => '2019-09-23')::jsonb = '{
	"data": {
	"binary": [
	{ "count": 50, "rating": 1, "ratio": 0.5 },
	{ "count": 50, "rating": 2, "ratio": 0.5 }
	],
	"emojis": [
	{ "count": 0, "rating": 1, "ratio": 0.0 },
	{ "count": 0, "rating": 2, "ratio": 0.0 },
	{ "count": 0, "rating": 3, "ratio": 0.0 }
	]
	}
}'::jsonb AS as_documented;
-- order of the members, and 0.0 as it is written
SELECT sage.feedback_summary(2061, '2019-09-16', '2019-09-23');
SELECT sage.feedback_summary(2062, '2019-09-16', '2019-09-23');
SELECT sage.feedback_summary(2099, '2019-09-16', '2019-09-23');

-- thirds; more of one rating type leave the other alone
INSERT INTO sage_feedback_event (bot_id, occurred_at, kind, rating_type, rating) VALUES
	(2063, '2019-09-18 12:00Z', 'feedback', 'emojis', 1), (2063, '2019-09-18 12:00Z', 'feedback', 'emojis', 2),
	(2063, '2019-09-18 12:00Z', 'feedback', 'emojis', 3), (2063, '2019-09-18 12:00Z', 'feedback', 'binary', 2);
SELECT sage.feedback_summary(2063, '2019-09-18', '2019-09-19');
UPDATE sage_feedback_event SET rating = 3 WHERE bot_id = 2063 AND rating = 1;
SELECT sage.feedback_summary(2063, '2019-09-18', '2019-09-19');

-- "to" is exclusive; inside a day it reaches to the day's end
SELECT sage.feedback_summary(2061, '2019-09-16T12:00:00', '2019-09-23T00:00:00.000001');
SELECT sage.feedback_summary(2061, '2019-09-23', '2019-09-24');

-- every zone and filter tells what plain SQL tells
SELECT tz, arguments, pg_temp.differences(
	format($q$SELECT t, (x ->> 'rating')::int, (x ->> 'count')::bigint, (x ->> 'ratio')::float8
		FROM sage.feedback_summary(2061, '2019-09-15', '2019-09-20', %L%s) AS j, unnest(ARRAY['binary', 'emojis']) AS t, json_array_elements(j -> 'data' -> t) AS x$q$, tz, arguments),
	format($q$SELECT t, r, count(rating), coalesce(count(rating) / nullif(sum(count(rating)) OVER (PARTITION BY t), 0), 0)::float8
		FROM (VALUES ('binary', 1), ('binary', 2), ('emojis', 1), ('emojis', 2), ('emojis', 3)) AS v (t, r)
		LEFT JOIN sage_feedback_event ON rating_type = t AND rating = r AND bot_id = 2061 AND kind = 'feedback'
		AND occurred_at >= timestamp '2019-09-15' AT TIME ZONE %1$L AND occurred_at < timestamp '2019-09-20' AT TIME ZONE %1$L AND %2$s GROUP BY t, r$q$, tz, condition)) AS differences
FROM unnest(ARRAY['UTC', 'Europe/Oslo', 'Pacific/Auckland']) AS tz, (VALUES ('', 'true'),
	($$, 'web'$$, $$source = 'web'$$), ($$, 'web,app'$$, $$source IN ('web', 'app')$$), ($$, '{web,app}'$$, $$source IN ('web', 'app')$$),
	($$, '["web","app"]'$$, $$source IN ('web', 'app')$$), ($$, '-test'$$, $$source IS DISTINCT FROM 'test'$$),
	($$, language_codes => '-nb'$$, $$language_code IS DISTINCT FROM 'nb'$$), ($$, 'nowhere'$$, $$false$$)) AS f (arguments, condition);
SELECT sage.feedback_summary(2061, '2019-09-16', '2019-09-23', 'Europe/Oslo');
SELECT sage.feedback_summary(2061, '2019-09-16', '2019-09-23', sources => '-test');

-- a table of the user's own, whose ratings are text
CREATE TABLE sage_feedback_own (bot_id int NOT NULL, created timestamptz, type text, rating_type text, rating text);
SELECT kindly_stats.attach('sage_feedback_own', '{"occurred_at": "created", "kind": "type"}');
INSERT INTO sage_feedback_own VALUES (2064, '2019-09-18 12:00Z', 'feedback', 'emojis', '1'), (2064, '2019-09-18 12:00Z', 'feedback', 'emojis', '01');
SELECT sage.feedback_summary(2064, '2019-09-18', '2019-09-19');
DELETE FROM sage_feedback_own;
DROP TABLE sage_feedback_own;

DELETE FROM sage_feedback_event;
DROP TABLE sage_feedback_event;
