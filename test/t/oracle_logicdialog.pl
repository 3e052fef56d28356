# LogicDialog's analytics: random questions to all sixteen functions, answered by
# the extension and by plain SQL over the raw events; and doc/logicdialog.md,
# whose statements run and whose answers are the answers.
#
# The events are the real ones where KINDLY_STATS_DATA (default ../shared/data)
# has them, with made-up topics, responses, agents and so on; else all are made
# up.  All depends on a seed alone: KINDLY_STATS_SEED gives others, and
# KINDLY_STATS_QUESTIONS asks more or fewer questions, in per cent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $percent = $ENV{KINDLY_STATS_QUESTIONS} // 100;
my $data = $ENV{KINDLY_STATS_DATA} || '../shared/data';
note "KINDLY_STATS_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('logicdialog');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
timezone = 'UTC'
jit = off
fsync = off
max_wal_size = 4GB
shared_buffers = 256MB
autovacuum = off
CONF
$node->start;

# ------------------------------------------------------------------ the document

sub without_blanks { return $_[0] =~ s/\s+//gr }

my @blocks;
my $document = slurp_file('doc/logicdialog.md');
push @blocks, [ $1, $2 ] while $document =~ /^```(\w*)\n(.*?)^```$/msg;
my $events = pop @blocks;    # those of the examples come last there, and first here
$node->safe_psql('postgres', 'CREATE DATABASE document');
$node->safe_psql('document', "CREATE EXTENSION kindly_stats;\n$blocks[0][1]\n$events->[1]");
my %told;
for my $i (1 .. $#blocks)
{
	my ($language, $text) = @{ $blocks[$i] };
	next unless $language eq 'sql';
	my $answer = $node->safe_psql('document', $text);
	next unless $i < $#blocks && $blocks[ $i + 1 ][0] eq 'json';
	is(without_blanks($answer), without_blanks($blocks[ $i + 1 ][1]), "answers as shown: $text");
	$told{ $text =~ s/.*logicdialog\."?(\w+).*/$1/sr }++;
}
is(scalar(keys %told), 16, 'the document shows an answer of each function');

# ------------------------------------------------------------------ events

my @psql = ('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'));
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
CREATE UNLOGGED TABLE staged (LIKE chat_event INCLUDING DEFAULTS);
SQL
my @made_up = (qw(-v table=staged -v bots=2 -v year=2024 -v sessions=1000), '-v', "seed=$seed", qw(-f test/generate.sql));
if (-r "$data/events_real.csv.gz")
{
	my $load = join ' ', map { "'$_'" } @psql, qw(-v table=staged -f test/load_real.sql);
	is(system("gunzip -c '$data/events_real.csv.gz' | $load"), 0, 'the real events are there');
}
else
{
	diag "no real events in $data (KINDLY_STATS_DATA): made-up ones only";
}
is(system(@psql, @made_up), 0, 'made-up events are there');
is(system(@psql, '-v', "seed=$seed", '-f', 'test/oracle.sql'), 0, 'plain SQL is ready');

# What the events have not: sources, topics, sentiments ... by session or by event; and more kinds of them, one for some of the replies.
$node->safe_psql('postgres', <<'SQL');
SET search_path = public, oracle;
-- of the real events those of ten bots, neither the busiest nor the quietest: plain SQL takes its time
DELETE FROM staged WHERE bot_id NOT IN (SELECT bot_id FROM staged GROUP BY bot_id HAVING count(*) < 100000 ORDER BY count(*) DESC, bot_id LIMIT 10);
ALTER TABLE staged ADD number bigint, ADD talk bigint;
UPDATE staged SET number = hashtext(event_id::text), talk = hashtext(session_id);
INSERT INTO chat_event (bot_id, occurred_at, kind, event_id, session_id, user_id, source, language_code, country,
	topic, matched, sentiment, response_id, response_trigger, rating_type, rating, agent_id, outcome, duration)
SELECT bot_id, occurred_at, kind, event_id, session_id, CASE WHEN dice(talk, 200) < 0.95 THEN user_id END,
	pick(ARRAY['web', 'app', '-web', NULL, 'Ünïcode, "quoted"', ''], talk, 201), pick(ARRAY['nb', 'en', NULL, 'pt-BR'], talk, 202), pick(ARRAY['NO', NULL, 'DK', 'GB'], talk, 203),
	CASE WHEN dice(number, 204) < 0.6 THEN pick(ARRAY['delivery', 'prices', '', 'opening "hours"', 'æøå'], number, 205) END,
	pick(ARRAY[true, true, false, NULL], number, 206), pick(ARRAY['positive', 'negative', 'neutral', NULL, NULL, 'other'], number, 207),
	CASE WHEN dice(number, 208) < 0.9 THEN 'r' || floor(power(dice(number, 209), 2) * 40) END, pick(ARRAY['button', 'natural_language', NULL, 'timer'], number, 210),
	rating_type, rating, pick(ARRAY['ada', 'bo', NULL, 'cy "c"'], number, 211), pick(ARRAY['solved', NULL, 'not solved'], number, 212),
	CASE WHEN dice(number, 213) < 0.8 THEN floor(power(dice(number, 214), 4) * 20000) END
FROM staged;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code, response_id, event_name, url, rating_type, rating, topic, outcome, agent_id, duration)
SELECT bot_id, occurred_at + dice(number, 220) * interval '1 hour', pick(ARRAY['response_liked', 'response_disliked', 'event_triggered', 'link_click', 'feedback', 'handover_started', 'handover_ended'], number, 221),
	session_id, user_id, pick(ARRAY['web', 'app', NULL], number, 222), pick(ARRAY['nb', 'en', NULL], number, 223),
	CASE WHEN dice(number, 224) < 0.9 THEN 'r' || floor(dice(number, 225) * 45) END, pick(ARRAY['Welcome', 'a "b"', NULL, 'c'], number, 226), 'https://example.com/' || floor(dice(number, 227) * 9),
	pick(ARRAY['binary', 'emojis', NULL], number, 228), pick(ARRAY[1, 2, 3, NULL], number, 229), pick(ARRAY['delivery', NULL, 'prices'], number, 230),
	pick(ARRAY['solved', NULL], number, 231), pick(ARRAY['ada', 'dee', NULL], number, 232), CASE WHEN dice(number, 233) < 0.7 THEN floor(dice(number, 234) * 3000) END
FROM staged WHERE kind = 'bot_reply' AND dice(number, 235) < 0.3;
INSERT INTO kindly_stats.bot_name SELECT bot_id, 'Client "' || bot_id || '"' FROM (SELECT DISTINCT bot_id FROM chat_event) AS b;
ANALYZE chat_event;
CREATE VIEW every_event AS SELECT * FROM chat_event;
SQL

# ------------------------------------------------------------------ plain SQL

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA plain;
CREATE TABLE plain.question (id bigint GENERATED ALWAYS AS IDENTITY, phase text, call text, bot bigint, first text, last text, unit text, tz text, asked jsonb, answer jsonb);
-- the buckets of the question at hand, and the events in them
CREATE UNLOGGED TABLE plain.bucket (label text, start timestamptz, date text);
CREATE UNLOGGED TABLE plain.hit AS SELECT ''::text AS label, e.* FROM every_event AS e WHERE false;
CREATE INDEX ON plain.hit (label);

CREATE FUNCTION plain.instant(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- The range in local days, from the first one of the unit; in hours where they are the unit.  False where there is nothing in it.
CREATE FUNCTION plain.open_days(q plain.question, OUT ends timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	first_day date := date_trunc(q.unit, oracle.reading(q.first))::date;
	d record;
BEGIN
	SELECT * INTO d FROM oracle.range_days(to_char(first_day, 'YYYY-MM-DD'), q.last);
	INSERT INTO plain.bucket (label, start)
	SELECT label::text, coalesce(oracle.day_start(label::date), oracle.first_shown(label))
	FROM (SELECT DISTINCT date_trunc(q.unit, g) AS label FROM generate_series(d.first_day::timestamp, d.last_day::timestamp, interval '1 day') AS g WHERE oracle.day_start(g::date) IS NOT NULL) AS g;
	EXECUTE format('INSERT INTO plain.hit SELECT date_trunc(%L, occurred_at::timestamp::date::timestamp)::text, e.* FROM every_event AS e WHERE bot_id = %s%s', q.unit, q.bot, oracle.within_days(d));
	IF d.last_day >= d.first_day THEN
		ends := coalesce(oracle.day_start(d.last_day + 1), oracle.first_shown((d.last_day + 1)::timestamp));
	END IF;
END
$$;

CREATE FUNCTION plain.open_hours(q plain.question, OUT ends timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	h record;
BEGIN
	SELECT * INTO h FROM oracle.range_hours(q.first, q.last);
	INSERT INTO plain.bucket (label, start)
	SELECT DISTINCT oracle.hour_start(g)::text, oracle.hour_start(g) FROM generate_series(h.first_hour, h.last_hour, interval '1 minute') AS g;
	EXECUTE format('INSERT INTO plain.hit SELECT oracle.hour_start(occurred_at)::text, e.* FROM every_event AS e WHERE bot_id = %s%s', q.bot, oracle.within_hours(h));
	ends := (SELECT max(g) + interval '1 minute' FROM generate_series(h.last_hour, h.last_hour + interval '1 hour', interval '1 minute') AS g WHERE oracle.hour_start(g) = h.last_hour);
END
$$;

-- A line for each bucket: what the query says of it, which knows it as b.label.
CREATE FUNCTION plain.series(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT coalesce(jsonb_agg(jsonb_build_object(''date'', b.date) || (%s) ORDER BY b.start), ''[]'') FROM plain.bucket AS b', query) INTO result;
	RETURN result;
END
$$;

-- The same with a list: for each thing that occurred in the bucket its counts; that with most events in all comes first.
CREATE FUNCTION plain.grouped(list text, thing text, name text, counts text, condition text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN plain.series(format('jsonb_build_object(%1$L, (SELECT coalesce(jsonb_agg(line ORDER BY all_events DESC, l.thing COLLATE "C" NULLS FIRST), ''[]'') FROM ('
		' SELECT %3$s AS thing, jsonb_build_object(%2$L, %3$s, %4$s) AS line FROM plain.hit WHERE %5$s AND label = b.label GROUP BY %3$s) AS l'
		' JOIN (SELECT %3$s AS thing, count(*) AS all_events FROM plain.hit WHERE %5$s GROUP BY %3$s) AS a ON a.thing IS NOT DISTINCT FROM l.thing))', list, thing, name, counts, condition));
END
$$;

-- A list over the range, that with the greatest number first.
CREATE FUNCTION plain.list(line text, number text, names text, condition text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT coalesce(jsonb_agg(line ORDER BY number DESC, %s), ''[]'') FROM (SELECT %s, %s AS line, %s AS number FROM plain.hit WHERE %s GROUP BY %2$s) AS l WHERE number > 0',
		(SELECT string_agg(n || ' COLLATE "C" NULLS FIRST', ', ') FROM unnest(string_to_array(names, ', ')) AS n), names, line, number, condition) INTO result;
	RETURN result;
END
$$;

CREATE FUNCTION plain.users(name text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT plain.list(format('jsonb_build_object(''name'', %s, ''users'', count(DISTINCT user_id))', name), 'count(DISTINCT user_id)', name, 'kind = ''user_message''')
$$;

CREATE FUNCTION plain.data(q plain.question) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	said constant text := 'kind = ''user_message''';
	ended constant text := 'kind = ''handover_ended'' AND duration IS NOT NULL';
	result jsonb;
BEGIN
	CASE q.call
		WHEN 'user' THEN
			CREATE TEMP TABLE first ON COMMIT DROP AS SELECT user_id, min(occurred_at) AS at FROM every_event WHERE bot_id = q.bot AND kind = 'user_message' AND user_id IS NOT NULL GROUP BY user_id;
			result := plain.series(format('SELECT jsonb_build_object(''created'', count(DISTINCT h.user_id) FILTER (WHERE h.occurred_at = f.at), ''active'', count(DISTINCT h.user_id))'
				' FROM plain.hit AS h JOIN first AS f USING (user_id) WHERE %s AND h.label = b.label', said));
			DROP TABLE first;
			RETURN result;
		WHEN 'nlp' THEN
			RETURN plain.series(format('SELECT jsonb_build_object(''matched'', count(*) FILTER (WHERE matched), ''unmatched'', count(*) FILTER (WHERE NOT matched)) FROM plain.hit WHERE %s AND label = b.label', said));
		WHEN 'message' THEN
			RETURN plain.series(format('SELECT jsonb_build_object(''messages'', count(*)) FROM plain.hit WHERE %s AND label = b.label', said));
		WHEN 'sentiment' THEN
			RETURN plain.series(format('SELECT jsonb_build_object(%s) FROM plain.hit WHERE %s AND label = b.label',
				(SELECT string_agg(format('%1$L, count(DISTINCT session_id) FILTER (WHERE sentiment = %1$L)', s), ', ') FROM unnest('{positive,negative,neutral}'::text[]) AS s), said));
		WHEN 'intervention' THEN
			RETURN plain.series('SELECT jsonb_build_object(''interventions'', count(*)) FROM plain.hit WHERE kind = ''handover_started'' AND label = b.label');
		WHEN 'active_channel' THEN
			RETURN plain.grouped('channels', 'channel', 'source', '''users'', count(DISTINCT user_id), ''messages'', count(*)', said);
		WHEN 'active_user_language' THEN
			RETURN plain.grouped('languages', 'language', 'language_code', '''users'', count(DISTINCT user_id), ''messages'', count(*)', said);
		WHEN 'message_groups' THEN
			RETURN plain.grouped('topics', 'topic', 'topic', '''messages'', count(*)', said || ' AND topic IS NOT NULL');
		WHEN 'blocks' THEN
			RETURN plain.grouped('responses', 'response', 'response_id', '''views'', count(*)', 'kind = ''bot_reply'' AND response_id IS NOT NULL');
		WHEN 'intervention_average_time_by_agent_series' THEN
			RETURN plain.grouped('agents', 'agent', 'agent_id', '''interventions'', count(*), ''averageSeconds'', round(avg(duration), 2), ''seconds'', sum(duration)', ended);
		WHEN 'intervention_average_time' THEN
			RETURN (SELECT jsonb_build_object('interventions', count(*), 'averageSeconds', round(avg(duration), 2), 'seconds', coalesce(sum(duration), 0)) FROM plain.hit WHERE kind = 'handover_ended' AND duration IS NOT NULL);
		WHEN 'intervention_detail' THEN
			RETURN plain.list('jsonb_build_object(''channel'', source, ''topic'', topic, ''outcome'', outcome, ''interventions'', count(*))', 'count(*)', 'source, topic, outcome', 'kind = ''handover_started''');
		WHEN 'events' THEN
			RETURN plain.list('jsonb_build_object(''event'', event_name, ''count'', count(*))', 'count(*)', 'event_name', 'kind = ''event_triggered'' AND event_name IS NOT NULL');
		WHEN 'url_tracking' THEN
			RETURN plain.list('jsonb_build_object(''url'', url, ''clicks'', count(*))', 'count(*)', 'url', 'kind = ''link_click'' AND url IS NOT NULL');
		WHEN 'user_detail' THEN
			UPDATE plain.hit SET button_id = rating::text WHERE kind = 'feedback';		-- as text, in whose order ratings come
			RETURN jsonb_build_object('channel', plain.users('source'), 'language', plain.users('language_code'),
				'country', (SELECT coalesce(jsonb_agg(x ORDER BY n), '[]') FROM jsonb_array_elements(plain.users('country')) WITH ORDINALITY AS t (x, n) WHERE x ->> 'name' IS NOT NULL),
				'rating', plain.list('jsonb_build_object(''ratingType'', rating_type, ''rating'', min(rating), ''users'', count(DISTINCT user_id))', 'count(DISTINCT user_id)', 'rating_type, button_id',
					'kind = ''feedback'' AND coalesce(rating_type, rating::text) IS NOT NULL'));
		WHEN 'response' THEN
			RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('response', response_id, 'views', views, 'likes', likes, 'dislikes', dislikes,
					'triggers', jsonb_build_object('button', button, 'naturalLanguage', language)) ORDER BY views DESC, response_id COLLATE "C"), '[]')
				FROM (SELECT response_id, count(*) FILTER (WHERE kind = 'bot_reply') AS views, count(*) FILTER (WHERE kind = 'response_liked') AS likes,
						count(*) FILTER (WHERE kind = 'response_disliked') AS dislikes, count(*) FILTER (WHERE kind = 'bot_reply' AND response_trigger = 'button') AS button,
						count(*) FILTER (WHERE kind = 'bot_reply' AND response_trigger = 'natural_language') AS language
					FROM plain.hit WHERE kind IN ('bot_reply', 'response_liked', 'response_disliked') AND response_id IS NOT NULL GROUP BY response_id) AS r);
	END CASE;
END
$$;

CREATE FUNCTION plain.answer(q plain.question) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	ends timestamptz;
	first_at timestamptz;
	last_at timestamptz;
BEGIN
	PERFORM set_config('TimeZone', q.tz, true);
	TRUNCATE plain.bucket, plain.hit;
	IF oracle.is_instant(q.first) <> oracle.is_instant(q.last) THEN
		first_at := CASE WHEN oracle.is_instant(q.first) THEN q.first::timestamptz ELSE oracle.first_shown(q.first::timestamp) END;
		last_at := CASE WHEN oracle.is_instant(q.last) THEN q.last::timestamptz ELSE oracle.first_shown(q.last::timestamp) END;
	ELSIF oracle.is_instant(q.first) THEN
		first_at := q.first::timestamptz;
		last_at := q.last::timestamptz;
	END IF;
	IF coalesce(first_at > last_at, q.first::timestamp > q.last::timestamp) THEN
		RETURN '"refused"';
	END IF;
	ends := CASE WHEN q.unit = 'hour' THEN plain.open_hours(q) ELSE plain.open_days(q) END;
	IF ends IS NULL OR NOT EXISTS (SELECT FROM plain.bucket) THEN
		RETURN '"refused"';
	END IF;
	UPDATE plain.bucket SET date = plain.instant(start);
	ANALYZE plain.hit;
	RETURN jsonb_build_object('dateFrom', (SELECT min(date) FROM plain.bucket), 'dateTo', plain.instant(ends), 'client', (SELECT name FROM kindly_stats.bot_name WHERE bot_id = q.bot),
		'resolution', q.unit, 'data', plain.data(q));
END
$$;

CREATE FUNCTION plain.ask(q plain.question) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT logicdialog.%I($1, $2, (SELECT name FROM kindly_stats.bot_name WHERE bot_id = $3), $4, $5)::jsonb', q.call) INTO result
		USING q.first::kindly_stats.moment, q.last::kindly_stats.moment, q.bot, q.unit, q.tz;
	RETURN result;
EXCEPTION
	WHEN invalid_parameter_value THEN
		RETURN '"refused"';
END
$$;

-- Any function, bot, zone and resolution; ranges from an hour to three years, a third of the short ones around days when clocks are changed.
CREATE FUNCTION plain.make(phase text, number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	zones text[] := (SELECT array_agg(name ORDER BY oracle.dice(hashtext(name), 300), name) FROM pg_timezone_names);
	calls text[] := (SELECT array_agg(proname ORDER BY proname) FROM pg_proc WHERE pronamespace = 'logicdialog'::regnamespace);
	odd date[] := (SELECT array_agg(make_date(y, (md / 100)::int, (md % 100)::int) + n) FROM generate_series(2018, 2025) AS y, unnest('{308,324,401,424,901,924,1001,1024,1101}'::int[]) AS md, generate_series(0, 7) AS n);
	subjects int := (SELECT count(*) FROM kindly_stats.bot_name);
	base bigint := coalesce((SELECT max(id) FROM plain.question), 0);
	s record;
	i bigint;
	span interval;
	begins timestamptz;
	kind float8;
BEGIN
	FOR i IN base + 1 .. base + number LOOP
		SELECT b.bot_id, (SELECT min(occurred_at) FROM every_event AS e WHERE e.bot_id = b.bot_id) AS first, (SELECT max(occurred_at) FROM every_event AS e WHERE e.bot_id = b.bot_id) AS last
		INTO s FROM kindly_stats.bot_name AS b ORDER BY bot_id OFFSET floor(oracle.dice(i, 301) * subjects)::int LIMIT 1;
		span := exp(ln(3600.0) + oracle.dice(i, 302) * (ln(86400.0 * 1000) - ln(3600.0))) * interval '1 second';
		begins := s.first - interval '2 days' + oracle.dice(i, 303) * (s.last - s.first + interval '3 days');
		IF span < interval '60 days' AND oracle.dice(i, 304) < 0.33 THEN
			begins := oracle.pick(odd, i, 305)::timestamp AT TIME ZONE 'UTC' + oracle.dice(i, 306) * interval '1 day' - oracle.dice(i, 307) * span;
		END IF;
		kind := oracle.dice(i, 308);
		INSERT INTO plain.question (phase, call, bot, first, last, unit, tz) VALUES (make.phase, calls[1 + i % cardinality(calls)], s.bot_id, oracle.moment_text(begins, kind),
			oracle.moment_text(begins + span, CASE WHEN oracle.dice(i, 309) < 0.8 OR span < interval '3 days' THEN kind ELSE oracle.dice(i, 310) END),
			CASE WHEN span < interval '20 days' AND oracle.dice(i, 311) < 0.5 THEN 'hour' WHEN oracle.dice(i, 312) < 0.3 THEN 'day' ELSE oracle.pick('{day,week,month,quarter}'::text[], i, 313) END,
			zones[1 + i % cardinality(zones)]);
	END LOOP;
END
$$;

-- One line for the test: phase, questions, refused ones, those with something in their data, differing ones, the first of these.  Where a clock is changed within a
-- quarter hour (Antarctica/Casey), the extension may refuse an hour.
CREATE FUNCTION plain.report(phase text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s|%s|%s|%s|%s|%s', report.phase, count(*), count(*) FILTER (WHERE asked = '"refused"'), count(*) FILTER (WHERE asked #>> '{data}' ~ '[1-9][,}]'), count(*) FILTER (WHERE d.differs),
		left((array_agg(format('#%s logicdialog.%s(%L, %L, bot %s, %L, %L): %s, plain SQL has %s', id, call, first, last, bot, unit, tz, left(asked::text, 3000), left(answer::text, 3000)) ORDER BY id) FILTER (WHERE d.differs))[1], 7000))
	FROM plain.question AS q, LATERAL (SELECT asked IS DISTINCT FROM answer AND NOT (asked = '"refused"' AND tz LIKE '%Casey' AND unit = 'hour') AS differs) AS d
	WHERE q.phase = report.phase
$$;

CREATE FUNCTION plain.check_answers(phase text, number int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM plain.make(phase, number);
	UPDATE plain.question AS q SET asked = plain.ask(q) WHERE q.phase = check_answers.phase;
	UPDATE plain.question AS q SET answer = plain.answer(q) WHERE q.phase = check_answers.phase;
	RETURN plain.report(phase);
END
$$;

CREATE FUNCTION plain.check_again(phase text, earlier text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO plain.question (phase, call, bot, first, last, unit, tz, answer)
	SELECT check_again.phase, call, bot, first, last, unit, tz, answer FROM plain.question AS q WHERE q.phase = earlier ORDER BY id;
	UPDATE plain.question AS q SET asked = plain.ask(q) WHERE q.phase = check_again.phase;
	RETURN plain.report(phase);
END
$$;
SQL

# ------------------------------------------------------------------ phases

my $phases = <<'SQL';
SET client_min_messages = warning;
SET work_mem = '64MB';
SELECT plain.check_answers('after two inserts of all', <320>);

-- A tenth is deleted, another one changed in every way that a measure of these functions reads.
BEGIN;
DELETE FROM chat_event WHERE oracle.dice(hashtext(event_id::text), 400) < 0.1;
UPDATE chat_event AS e SET
	kind = CASE WHEN c.what = 0 THEN oracle.pick(ARRAY['user_message', 'bot_reply', 'response_liked', 'response_disliked', 'event_triggered', 'link_click', 'feedback', 'handover_started', 'handover_ended', 'else'], c.key, 401) ELSE kind END,
	occurred_at = CASE WHEN c.what = 1 THEN occurred_at + (oracle.dice(c.key, 402) - 0.5) * interval '100 days' ELSE occurred_at END,
	session_id = CASE WHEN c.what = 2 THEN oracle.pick(ARRAY[NULL, 'one for all'], c.key, 403) ELSE session_id END,
	user_id = CASE WHEN c.what = 2 THEN oracle.pick(ARRAY[NULL, 'one of all', session_id], c.key, 404) ELSE user_id END,
	source = CASE WHEN c.what = 3 THEN oracle.pick(ARRAY[NULL, 'web', 'new'], c.key, 405) ELSE source END,
	language_code = CASE WHEN c.what = 3 THEN oracle.pick(ARRAY[NULL, 'en', 'fo'], c.key, 406) ELSE language_code END,
	outcome = CASE WHEN c.what = 4 THEN oracle.pick(ARRAY[NULL, 'solved', 'later'], c.key, 407) ELSE outcome END,
	topic = CASE WHEN c.what = 4 THEN oracle.pick(ARRAY[NULL, 'delivery', 'new'], c.key, 408) ELSE topic END,
	duration = CASE WHEN c.what = 4 THEN nullif(floor(oracle.dice(c.key, 409) * 500), 7) ELSE duration END,
	matched = CASE WHEN c.what = 5 THEN NOT matched ELSE matched END,
	sentiment = CASE WHEN c.what = 5 THEN oracle.pick(ARRAY[NULL, 'positive', 'negative'], c.key, 410) ELSE sentiment END,
	response_id = CASE WHEN c.what = 5 THEN oracle.pick(ARRAY[NULL, 'r1', 'r99'], c.key, 411) ELSE response_id END
FROM (SELECT event_id, hashtext(event_id::text)::bigint AS key, floor(oracle.dice(hashtext(event_id::text), 412) * 6)::int AS what FROM chat_event) AS c
WHERE c.event_id = e.event_id AND oracle.dice(c.key, 413) < 0.1;
SELECT plain.check_answers('a tenth deleted, another changed, not committed', <96>);
COMMIT;
SELECT plain.check_again('both committed', 'a tenth deleted, another changed, not committed');
CALL kindly_stats.compact();
SELECT plain.check_again('compacted', 'a tenth deleted, another changed, not committed');
SELECT plain.check_answers('compacted, other questions', <96>);

-- Purged events stay counted, users created in them too; late ones come among them.  From here on plain SQL reads them from a copy.
CREATE TABLE gone AS SELECT * FROM chat_event WHERE occurred_at < '2024-03-01 00:00Z';
CREATE INDEX ON gone (bot_id, occurred_at);
ANALYZE gone;
SELECT 'purged, but for as many as there were|' || kindly_stats.purge('chat_event', '2024-03-01 00:00Z') - (SELECT count(*) FROM gone);
CREATE OR REPLACE VIEW every_event AS SELECT * FROM chat_event UNION ALL SELECT * FROM gone;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, topic, matched, sentiment)
SELECT bot_id, occurred_at - interval '10 days', 'user_message', session_id, user_id, 'late', false, 'negative' FROM gone WHERE kind = 'user_message' AND oracle.dice(hashtext(event_id::text), 420) < 0.02;
SELECT plain.check_answers('purged, late events', <96>);
SELECT kindly_stats.rebuild();
SELECT plain.check_again('rebuilt', 'purged, late events');
SELECT 'verify at last|' || count(*) FROM kindly_stats.verify();
SQL
$phases =~ s/<(\d+)>/int($1 * $percent \/ 100) || 1/ge;

my ($out, $err);
my $status = $node->psql('postgres', $phases, stdout => \$out, stderr => \$err, on_error_stop => 1);
my ($asked, $refused, $something) = (0, 0, 0);
for my $line (split /\n/, $out)
{
	my ($name, $count, $no, $some, $different, @details) = split /\|/, $line;
	next unless defined $count;
	if (!defined $different)
	{
		is($count, 0, "$name: none");
		next;
	}
	$asked += $count;
	$refused += $no;
	$something += $some;
	is($different, 0, "$name: $count answers equal plain SQL")
		or diag(join "\n", "KINDLY_STATS_SEED=$seed", @details);
}
is($status, 0, 'all phases went through') or diag("KINDLY_STATS_SEED=$seed\n$err");
cmp_ok($refused, '<', $asked / 10, "$asked questions, of which $refused are rightly refused");
cmp_ok($something, '>', $asked / 3, "$something answers have something in them");

$node->stop;
done_testing();
