-- oracle_chatbot_com.sql: ChatBot.com's reports from plain SQL over the raw events, to compare with.
--
--     psql -f test/oracle_chatbot_com.sql       after test/oracle.sql, whose buckets and ranges it takes
--
-- Makes schema chatbot_com_oracle.  Answers are texts, which must be equal to the last character.

CREATE SCHEMA chatbot_com_oracle;
SET search_path = chatbot_com_oracle, oracle, public;

CREATE TABLE question (
	id bigint GENERATED ALWAYS AS IDENTITY,
	phase text,
	report text,
	bot bigint,
	first text,
	last text,
	period text,
	dimension text,
	grouped text,
	source text[],
	story text[],
	tz text,
	minutes integer,
	now timestamptz,
	asked text,
	answer text
);

-- Interactions of events that are there no more, all of which went at the same time.
CREATE TABLE gone (bot_id bigint, interaction_type text, interaction_name text, interaction_id text, interaction_parent_id text, story_id text);

-- ------------------------------------------------------------------ the range

-- A period as local dates; TimeZone is the question's.
CREATE FUNCTION period_days(period text, now timestamptz, OUT first date, OUT last date)
LANGUAGE plpgsql AS $$
DECLARE
	today date := now::timestamp::date;
	month date := date_trunc('month', now::timestamp);
	year date := date_trunc('year', now::timestamp);
BEGIN
	first := CASE period
		WHEN 'today' THEN today
		WHEN 'yesterday' THEN today - 1
		WHEN 'last7days' THEN today - 6
		WHEN 'last30days' THEN today - 29
		WHEN 'thisMonth' THEN month
		WHEN 'lastMonth' THEN month - interval '1 month'
		WHEN 'last3Months' THEN month - interval '3 months'
		WHEN 'thisYear' THEN year
		WHEN 'lastYear' THEN year - interval '1 year'
	END;
	last := CASE period
		WHEN 'yesterday' THEN today
		WHEN 'lastMonth' THEN month
		WHEN 'last3Months' THEN month
		WHEN 'lastYear' THEN year
		ELSE today + 1
	END;
END
$$;

CREATE FUNCTION instant(moment text) RETURNS timestamptz
LANGUAGE sql AS $$ SELECT CASE WHEN oracle.is_instant(moment) THEN moment::timestamptz ELSE oracle.first_shown(moment::timestamp) END $$;

-- The range as it is asked for: both ends, whatever they come from.
CREATE FUNCTION with_range(q question) RETURNS question
LANGUAGE plpgsql AS $$
BEGIN
	IF q.first IS NULL AND q.last IS NULL THEN
		SELECT d.first::text, d.last::text INTO q.first, q.last FROM chatbot_com_oracle.period_days(coalesce(q.period, 'last30days'), q.now) AS d;
	ELSE
		q.first := coalesce(q.first, '1974-01-01');
		q.last := coalesce(q.last, to_char(q.now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
	END IF;
	RETURN q;
END
$$;

CREATE FUNCTION dimension(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	days float8 := extract(epoch FROM oracle.span(q.first, q.last)) / 86400;
BEGIN
	RETURN CASE WHEN q.report = 'conversations_heatmap' THEN 'hour'
		WHEN q.report = 'conversations_interactions' OR q.dimension IS NULL THEN 'day'
		WHEN q.dimension <> 'auto' THEN q.dimension
		WHEN days <= 2 THEN 'hour' WHEN days <= 92 THEN 'day' WHEN days <= 1096 THEN 'month' ELSE 'year' END;
END
$$;

-- Whether the range is none.
CREATE FUNCTION must_refuse(q question, one_end boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
	IF one_end AND chatbot_com_oracle.instant(q.first) >= chatbot_com_oracle.instant(q.last) THEN
		RETURN true;
	END IF;
	IF chatbot_com_oracle.dimension(q) = 'hour' THEN
		RETURN (SELECT h.first_hour > h.last_hour FROM oracle.range_hours(q.first, q.last) AS h);
	END IF;
	RETURN (SELECT d.first_day > d.last_day FROM oracle.range_days(q.first, q.last) AS d);
END
$$;

-- ------------------------------------------------------------------ points

-- The question as one about a measure of its own: messages under these conditions.
CREATE FUNCTION as_measure(q question, more text) RETURNS oracle.question
LANGUAGE plpgsql AS $$
DECLARE
	m oracle.question;
	conditions text := 'kind = ''user_message''' || CASE q.report WHEN 'conversations_paid' THEN ' AND paid' ELSE '' END
		|| CASE WHEN q.story IS NOT NULL OR q.grouped = 'storyId' AND more <> '' THEN ' AND story_id IS NOT NULL' ELSE '' END
		|| oracle.list_condition('story_id', q.story) || more;
BEGIN
	INSERT INTO oracle.measure (name, condition, keys, member) VALUES ('chatbot_com', conditions, '{}', 'session_id')
	ON CONFLICT (name) DO UPDATE SET condition = EXCLUDED.condition;
	m.bot := q.bot;
	m.first := q.first;
	m.last := q.last;
	m.measure := 'chatbot_com';
	m.granularity := chatbot_com_oracle.dimension(q);
	m.sources := q.source;
	RETURN m;
END
$$;

CREATE FUNCTION number(n numeric) RETURNS text
LANGUAGE sql AS $$ SELECT trim_scale(round(n, 2))::text $$;

-- Points and summary, as members of an object; "heavy" is what groups are sorted by.
CREATE FUNCTION series(q question, more text, OUT members text, OUT heavy numeric)
LANGUAGE plpgsql AS $$
BEGIN
	SELECT format('"data":[%s],"summary":{"total":%s,"min":%s,"max":%s,"avg":%s}',
				  string_agg(format('{"date":"%s","value":%s}', to_char(v.start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), chatbot_com_oracle.number(v.value)), ',' ORDER BY v.start),
				  chatbot_com_oracle.number(coalesce(sum(v.value), 0)), chatbot_com_oracle.number(coalesce(min(v.value), 0)), chatbot_com_oracle.number(coalesce(max(v.value), 0)), chatbot_com_oracle.number(coalesce(avg(v.value), 0))),
		coalesce(sum(CASE q.report WHEN 'conversations_messages' THEN v.n ELSE v.members END), 0)
	INTO series.members, heavy
	FROM (SELECT s.*, CASE q.report WHEN 'conversations_messages' THEN s.n WHEN 'conversations_avg' THEN round(coalesce(s.n::numeric / nullif(s.members, 0), 0), 2) ELSE s.members END AS value
		  FROM oracle.series(chatbot_com_oracle.as_measure(q, more)) AS s) AS v;
END
$$;

-- What there is in the range, one by one.
CREATE FUNCTION groups(q question) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	m oracle.question := chatbot_com_oracle.as_measure(q, CASE q.grouped WHEN 'storyId' THEN ' AND true' ELSE '' END);
	d record;
	within text;
BEGIN
	IF m.granularity = 'hour' THEN
		SELECT * INTO d FROM oracle.range_hours(q.first, q.last);
		within := oracle.within_hours(d);
	ELSE
		SELECT * INTO d FROM oracle.range_days(q.first, q.last);
		within := oracle.within_days(d);
	END IF;
	RETURN QUERY EXECUTE format('SELECT DISTINCT %I FROM oracle.event WHERE %s', CASE q.grouped WHEN 'storyId' THEN 'story_id' ELSE 'source' END, oracle.conditions(m) || within);
END
$$;

CREATE FUNCTION series_answer(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	whole record;
	list text;
BEGIN
	SELECT * INTO whole FROM chatbot_com_oracle.series(q, '');
	IF q.grouped IS NULL THEN
		RETURN '{' || whole.members || '}';
	END IF;
	SELECT string_agg(format('{"%s":%s,%s}', q.grouped, coalesce(to_json(g.name)::text, 'null'), s.members), ',' ORDER BY s.heavy DESC, g.name COLLATE "C" NULLS LAST) INTO list
	FROM (SELECT name FROM chatbot_com_oracle.groups(q) AS name) AS g,
		LATERAL chatbot_com_oracle.series(q, format(' AND %I IS NOT DISTINCT FROM %L', CASE q.grouped WHEN 'storyId' THEN 'story_id' ELSE 'source' END, g.name)) AS s;
	RETURN format('{"data":[%s],%s}', coalesce(list, ''), substr(whole.members, strpos(whole.members, '"summary"')));
END
$$;

CREATE FUNCTION heatmap_answer(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SELECT '[' || string_agg(cells, ',' ORDER BY day) || ']' INTO result FROM (
		SELECT day, '[' || string_agg(format('{"day":%s,"hour":%s,"value":%s,"usage":%s}', day, hour, members, chatbot_com_oracle.number(coalesce(100 * members / nullif(total, 0), 0))), ',' ORDER BY hour) || ']' AS cells
		FROM (SELECT h.*, sum(h.members) OVER () AS total FROM oracle.heatmap(chatbot_com_oracle.as_measure(q, '')) AS h) AS c
		GROUP BY day) AS d;
	RETURN result;
END
$$;

CREATE FUNCTION interactions_answer(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	d record;
	result text;
BEGIN
	SELECT * INTO d FROM oracle.range_days(q.first, q.last);
	EXECUTE format($q$SELECT string_agg(concat('{', '"parentId":' || to_json(parent) || ',', '"type":' || to_json(type) || ',', '"name":' || to_json(name) || ',', '"id":' || to_json(id) || ',',
			format('"usage":%%s,"value":%%s}', chatbot_com_oracle.number(coalesce(100 * n / nullif(total, 0), 0)), n)), ','
			ORDER BY n DESC, type COLLATE "C" NULLS FIRST, name COLLATE "C" NULLS FIRST, id COLLATE "C" NULLS FIRST, parent COLLATE "C" NULLS FIRST)
		FROM (SELECT c.*, sum(n) OVER () AS total FROM (
			-- what has an id is the same under any name, and has the one that it had last, by quarter hours
			SELECT interaction_type AS type, interaction_id AS id, interaction_parent_id AS parent,
				(array_agg(interaction_name ORDER BY interaction_name IS NULL, is_event DESC, date_bin('15 minutes', occurred_at, '2000-01-01Z') DESC, interaction_name COLLATE "C" NULLS FIRST))[1] AS name,
				count(*) FILTER (WHERE is_event %s) AS n
			FROM (SELECT bot_id, occurred_at, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id, true AS is_event FROM oracle.event WHERE kind = 'interaction'
				UNION ALL SELECT bot_id, NULL, interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id, false FROM chatbot_com_oracle.gone) AS e
			WHERE bot_id = %s AND coalesce(interaction_type, interaction_name, interaction_id, interaction_parent_id, story_id) IS NOT NULL %s
			GROUP BY 1, 2, 3, CASE WHEN coalesce(interaction_id, '') = '' THEN interaction_name END) AS c) AS t$q$, oracle.within_days(d), q.bot, oracle.list_condition('story_id', q.story)) INTO result;
	RETURN '[' || coalesce(result, '') || ']';
END
$$;

CREATE FUNCTION answer(asked question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	q chatbot_com_oracle.question;
BEGIN
	-- POSIX: west is positive
	PERFORM set_config('TimeZone', CASE WHEN asked.minutes IS NULL THEN coalesce(asked.tz, 'UTC')
		ELSE format('<offset>%s%s:%s', CASE WHEN asked.minutes < 0 THEN '+' ELSE '-' END, abs(asked.minutes) / 60, abs(asked.minutes) % 60) END, true);
	q := chatbot_com_oracle.with_range(asked);
	IF chatbot_com_oracle.must_refuse(q, (asked.first IS NULL) <> (asked.last IS NULL)) THEN
		RETURN 'refused';
	END IF;
	RETURN CASE q.report WHEN 'conversations_heatmap' THEN chatbot_com_oracle.heatmap_answer(q)
		WHEN 'conversations_interactions' THEN chatbot_com_oracle.interactions_answer(q)
		ELSE chatbot_com_oracle.series_answer(q) END;
END
$$;

-- ------------------------------------------------------------------ both sides

-- A list as one of the texts that it can be.
CREATE FUNCTION list_text(list text[], id bigint) RETURNS text
LANGUAGE sql AS $$
	SELECT CASE WHEN list::text LIKE '%"%' OR id % 3 = 0 THEN to_json(list)::text WHEN id % 3 = 1 THEN array_to_string(list, ',') ELSE list::text END
$$;

CREATE FUNCTION ask(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('kindly_stats.now', to_char(q.now AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), true);
	IF q.report = 'conversations_heatmap' THEN
		RETURN chatbot_com.conversations_heatmap(q.bot, q.first, q.last, q.period, q.minutes, chatbot_com_oracle.list_text(q.source, q.id), chatbot_com_oracle.list_text(q.story, q.id), q.tz);
	ELSIF q.report = 'conversations_interactions' THEN
		RETURN chatbot_com.conversations_interactions(q.bot, q.first, q.last, q.period, chatbot_com_oracle.list_text(q.story, q.id), q.tz);
	END IF;
	EXECUTE format('SELECT chatbot_com.%I($1, $2, $3, $4, $5, $6, $7, $8, $9)', q.report) INTO result
		USING q.bot, q.first::kindly_stats.moment, q.last::kindly_stats.moment, q.period, q.dimension, q.grouped, chatbot_com_oracle.list_text(q.source, q.id), chatbot_com_oracle.list_text(q.story, q.id), q.tz;
	RETURN result;
EXCEPTION
	WHEN invalid_parameter_value THEN
		GET STACKED DIAGNOSTICS result = MESSAGE_TEXT;
		RETURN 'refused: ' || result;
END
$$;

-- ------------------------------------------------------------------ questions

CREATE TABLE subject (bot bigint, first timestamptz, last timestamptz, sources text[], stories text[]);

CREATE FUNCTION look_around() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE chatbot_com_oracle.subject;
	INSERT INTO chatbot_com_oracle.subject
	SELECT bot_id, min(occurred_at), max(occurred_at),
		coalesce(array_agg(DISTINCT source COLLATE "C") FILTER (WHERE source IS NOT NULL), '{}'),
		coalesce(array_agg(DISTINCT story_id COLLATE "C") FILTER (WHERE story_id IS NOT NULL), '{}')
	FROM oracle.event WHERE bot_id IS NOT NULL GROUP BY bot_id;
END
$$;

-- Any report of any bot; half of the ranges are periods; one zone after the other.
CREATE FUNCTION make(phase text, number int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	zones text[] := (SELECT array_agg(name ORDER BY oracle.dice(hashtext(name), 1), name) FROM pg_timezone_names);
	base bigint := coalesce((SELECT max(id) FROM chatbot_com_oracle.question), 0);
	bots int := (SELECT count(*) FROM chatbot_com_oracle.subject);
	q chatbot_com_oracle.question;
	s chatbot_com_oracle.subject;
	i bigint;
	span interval;
	begins timestamptz;
	kind float8;
BEGIN
	FOR i IN base + 1 .. base + number LOOP
		q := NULL;
		q.report := oracle.pick('{conversations,conversations_paid,conversations_messages,conversations_avg,conversations_heatmap,conversations_interactions}'::text[], i, 201);
		SELECT * INTO s FROM chatbot_com_oracle.subject ORDER BY bot OFFSET floor(oracle.dice(i, 202) * bots)::int LIMIT 1;
		q.bot := CASE WHEN oracle.dice(i, 203) < 0.02 THEN -i ELSE s.bot END;
		q.now := date_trunc('second', s.first + oracle.dice(i, 204) * (s.last - s.first + interval '40 days'));
		q.period := CASE WHEN oracle.dice(i, 205) < 0.8 THEN oracle.pick('{today,yesterday,last7days,last30days,thisMonth,lastMonth,last3Months,thisYear,lastYear}'::text[], i, 206) END;
		span := exp(ln(3600.0) + oracle.dice(i, 207) * (ln(86400.0 * 2000) - ln(3600.0))) * interval '1 second';
		begins := q.now - oracle.dice(i, 208) * (span + interval '10 days');
		kind := oracle.dice(i, 209);
		IF oracle.dice(i, 210) < 0.5 THEN
			q.first := oracle.moment_text(begins, kind);
			q.last := oracle.moment_text(begins + span, CASE WHEN span < interval '3 days' THEN kind ELSE oracle.dice(i, 211) END);
			IF oracle.dice(i, 212) < 0.2 THEN
				q.last := NULL;
			ELSIF oracle.dice(i, 212) < 0.3 THEN
				q.first := NULL;
			END IF;
		END IF;
		IF q.report = 'conversations_heatmap' THEN
			q.minutes := CASE WHEN oracle.dice(i, 213) < 0.4 THEN 15 * floor(oracle.dice(i, 214) * 97 - 48) END;
		ELSIF q.report <> 'conversations_interactions' THEN
			q.dimension := oracle.pick('{auto,auto,day,day,month,year,hour,NULL}'::text[], i, 215);
			IF oracle.dice(i, 216) < 0.4 THEN
				q.grouped := oracle.pick('{source,storyId}'::text[], i, 217);
			END IF;
			-- thousands of days of some sources are enough; so are hours of a year
			IF q.first IS NULL AND q.last IS NOT NULL OR span > interval '300 days' OR q.period ~ 'Year' THEN
				q.dimension := oracle.pick('{auto,month,year}'::text[], i, 218);
			END IF;
		END IF;
		q.tz := CASE WHEN q.minutes IS NULL AND oracle.dice(i, 219) < 0.85 THEN zones[1 + i % cardinality(zones)] END;
		q.source := CASE WHEN q.report <> 'conversations_interactions' THEN oracle.pick_filter(s.sources, i, 220) END;
		q.story := oracle.pick_filter(s.stories, i, 230);
		INSERT INTO chatbot_com_oracle.question (phase, report, bot, first, last, period, dimension, grouped, source, story, tz, minutes, now)
		VALUES (make.phase, q.report, q.bot, q.first, q.last, q.period, q.dimension, q.grouped, q.source, q.story, q.tz, q.minutes, q.now);
	END LOOP;
END
$$;

-- Where a zone's hour does not begin on a quarter hour, the extension refuses if events lie around it.
CREATE FUNCTION differs(q question) RETURNS boolean
LANGUAGE sql AS $$
	SELECT q.asked IS DISTINCT FROM q.answer AND NOT (q.asked LIKE 'refused%' AND (q.answer = 'refused' OR q.tz LIKE '%Antarctica/Casey'))
$$;

CREATE FUNCTION describe(q question) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	i int := 1;
BEGIN
	WHILE substr(q.asked, i, 1) = substr(q.answer, i, 1) AND i <= length(q.asked) LOOP
		i := i + 1;
	END LOOP;
	RETURN format('#%s %s(bot %s, from %s, to %s, period %s, dimension %s, group %s, source %s, storyId %s, tz %s, offset %s, now %s): character %s of %s is [...%s], plain SQL has [...%s] of %s',
		q.id, q.report, q.bot, q.first, q.last, q.period, q.dimension, q.grouped, q.source, q.story, q.tz, q.minutes, q.now AT TIME ZONE 'UTC',
		i, length(q.asked), substr(q.asked, greatest(i - 60, 1), 200), substr(q.answer, greatest(i - 60, 1), 200), length(q.answer));
END
$$;

-- One line for the test: phase, questions, refused ones, those with an answer that is not all zeros, differing ones, the first of these.
CREATE FUNCTION check_answers(phase text, number int) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM chatbot_com_oracle.look_around();
	PERFORM chatbot_com_oracle.make(phase, number);
	UPDATE chatbot_com_oracle.question AS q SET asked = chatbot_com_oracle.ask(q) WHERE q.phase = check_answers.phase;
	UPDATE chatbot_com_oracle.question AS q SET answer = chatbot_com_oracle.answer(q) WHERE q.phase = check_answers.phase;
	RETURN (SELECT format('%s|%s|%s|%s|%s|%s', check_answers.phase, count(*), count(*) FILTER (WHERE q.asked LIKE 'refused%'), count(*) FILTER (WHERE q.asked ~ '"value":[1-9]'), count(*) FILTER (WHERE chatbot_com_oracle.differs(q)),
			coalesce((SELECT string_agg(replace(chatbot_com_oracle.describe(w), '|', '/'), '|' ORDER BY w.id)
				FROM (SELECT * FROM chatbot_com_oracle.question AS w WHERE w.phase = check_answers.phase AND chatbot_com_oracle.differs(w) ORDER BY w.id LIMIT 5) AS w), ''))
		FROM chatbot_com_oracle.question AS q WHERE q.phase = check_answers.phase);
END
$$;
