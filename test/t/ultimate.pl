# Conversations: random questions against plain SQL over the tables, after every
# kind of writing; exports against plain SQL, on a standby, and after a restore.
#
# Conversations, changes and questions depend on a seed alone: KINDLY_STATS_SEED
# gives others, and KINDLY_STATS_QUESTIONS asks more or fewer, in per cent.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{KINDLY_STATS_SEED} // 1;
my $percent = $ENV{KINDLY_STATS_QUESTIONS} // 100;
note "KINDLY_STATS_SEED=$seed";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off\nkindly_stats.compact_after = 10\nclient_min_messages = warning");
$node->start;

# ------------------------------------------------------------------ plain SQL

$node->safe_psql('postgres', <<'SQL' =~ s/<seed>/$seed/gr);
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_conversation_table('conversation');
-- another table of another shape
CREATE TABLE ticket (number bigint PRIMARY KEY, brand integer NOT NULL, opened timestamptz NOT NULL, closed timestamptz, lang varchar(10), status text, resolution text,
	tags text[], answers smallint NOT NULL, questions integer, misunderstood integer, intents text[]);
SELECT kindly_stats.attach_conversations('ticket', '{"bot_id": "brand", "conversation_id": "number", "conversation_start_time": "opened", "conversation_end_time": "closed",
	"language": "lang", "conversation_status": "status", "last_resolution": "resolution", "labels": "tags", "bot_messages_count": "answers",
	"visitor_messages_count": "questions", "not_understood_messages_count": "misunderstood", "triggered_intent_replies": "intents"}');
INSERT INTO kindly_stats.bot_name VALUES (1, 'one'), (3, 'three');

CREATE FUNCTION dice(key bigint, what bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
SELECT (hashint8extended(key, 1000 * <seed> + what) & 4503599627370495) / 4503599627370496.0::float8 $$;
CREATE FUNCTION pick(choices anycompatiblearray, key bigint, what bigint) RETURNS anycompatible LANGUAGE sql IMMUTABLE AS $$
SELECT choices[1 + floor(dice(key, what) * cardinality(choices))::int] $$;
CREATE FUNCTION some_intents(key bigint, at timestamptz) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN dice(key, 20) > 0.1 THEN (SELECT coalesce(jsonb_agg(jsonb_build_object(
		'intent_name', pick('{Greeting,Order,"Talk to a human/agent",NULL,Größe}'::text[], key * 8 + n, 21), 'not_meaningful', pick('{true,false,false,NULL}'::boolean[], key * 8 + n, 22),
		-- in several zones and forms; some at the same time, some at none
		'intent_id', pick(ARRAY['null', '7', '"six"']::jsonb[], key * 8 + n, 27),
		'intent_timestamp', CASE WHEN dice(key * 8 + n, 23) > 0.05 THEN pick(ARRAY[to_jsonb(to_char(w, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), to_jsonb(to_char(w, 'YYYY-MM-DD HH24:MI:SS.US "UTC"')),
			to_jsonb(to_char(w + interval '2 hours', 'YYYY-MM-DD"T"HH24:MI:SS.US"+02:00"')), to_jsonb(to_char(w - interval '90 minutes', 'YYYY-MM-DD HH24:MI:SS.US"-0130"')), to_jsonb(extract(epoch FROM w))], key * 8 + n, 24) END)
		ORDER BY n), '[]')
	FROM generate_series(1, floor(dice(key, 25) * 6)::int) AS n, LATERAL (SELECT at + floor(dice(key * 8 + n, 26) * 5) * interval '7 minutes' + interval '1 microsecond' * floor(dice(key * 8 + n, 28) * 3) AS w) AS t) END $$;
CREATE FUNCTION instant_of(t jsonb) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN jsonb_typeof(t) = 'number' THEN to_timestamp(0) + (t #>> '{}')::numeric * interval '1 second' ELSE (t #>> '{}')::timestamptz END $$;
-- As exports have them.
CREATE FUNCTION plain_list(list jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT CASE WHEN list IS NOT NULL THEN coalesce((SELECT jsonb_agg(CASE WHEN i ? 'reply_id' THEN jsonb_build_object('reply_timestamp', NULL, 'reply_id', i ->> 'reply_id', 'reply_name', NULL, 'reply_type', i ->> 'reply_type', 'intent_id', NULL)
	ELSE jsonb_build_object('intent_timestamp', to_char(instant_of(i -> 'intent_timestamp') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'intent_id', i ->> 'intent_id', 'intent_name', i ->> 'intent_name', 'not_meaningful', i -> 'not_meaningful') END ORDER BY n)
	FROM jsonb_array_elements(list) WITH ORDINALITY AS t (i, n)), '[]') END $$;
CREATE FUNCTION some_time(key bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
-- around both changes of the clock in Europe, and over the new year
SELECT pick(ARRAY[timestamptz '2024-03-28 00:00Z', '2024-10-25 00:00Z', '2024-12-29 00:00Z'], key, 30) + floor(dice(key, 31) * 6 * 24 * 4) * interval '15 minutes' $$;

CREATE FUNCTION write_conversations(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel, labels, conversations_data, test_mode, conversation_status, last_resolution,
	triggered_replies, triggered_intent_replies, is_llm_conversation, llm_fallback_count, bot_messages_count, visitor_messages_count, not_understood_messages_count)
SELECT pick('{1,1,2,3}'::int[], i, 1), 'c' || i, at - dice(i, 2) * interval '30 hours', CASE WHEN dice(i, 3) > 0.1 THEN at END, pick('{en,nb,NULL,pt-BR}'::text[], i, 4),
	pick('{chat,ticket,NULL}'::text[], i, 5), pick(ARRAY[NULL, '{}', '{a}', '{a,"b c"}']::text[], i, 6)::text[], pick(ARRAY['{"a": 1, "b": null}', '{}', NULL]::jsonb[], i, 7), i % 9 = 0,
	pick('{botHandled,email,agent,customEscalation,failedEscalation,other,NULL}'::text[], i, 8), pick('{informed,resolved,escalated,undefined,NULL}'::text[], i, 9),
	pick(ARRAY['[]', '[{"reply_id": 4, "reply_type": "text", "more": 1}]', NULL]::jsonb[], i, 10), some_intents(i, at), pick('{true,false,NULL}'::boolean[], i, 11), i % 4, floor(dice(i, 12) * 3), n, floor(n * dice(i, 14))
FROM generate_series(first, last) AS i, LATERAL (SELECT some_time(i) AS at, floor(dice(i, 13) * 6)::int AS n) AS t;
INSERT INTO ticket (number, brand, opened, closed, lang, status, resolution, tags, answers, questions, misunderstood, intents)
SELECT i, pick('{2,3}'::int[], i, 1), at - dice(i, 2) * interval '3 hours', CASE WHEN dice(i, 3) > 0.1 THEN at END, pick('{en,nb,NULL}'::text[], i, 4),
	pick('{botHandled,agent,NULL}'::text[], i, 8), pick('{informed,NULL}'::text[], i, 9), ARRAY['t'], floor(dice(i, 12) * 3), pick('{0,3,NULL}'::int[], i, 13), pick('{0,1,NULL}'::int[], i, 14),
	(SELECT array_agg(e::text ORDER BY n) FROM jsonb_array_elements(some_intents(i, at)) WITH ORDINALITY AS t (e, n))
FROM generate_series(last + 1, last + (last - first) / 2) AS i, LATERAL (SELECT some_time(i) AS at) AS t;
$$;

-- All of them, named as documented; gone has what was purged.
CREATE VIEW raw AS
SELECT bot_id, conversation_id, platform_conversation_id, conversation_start_time, conversation_end_time, language, channel, labels, conversations_data, test_mode, conversation_status, last_resolution, triggered_replies,
	triggered_intent_replies, is_llm_conversation, "llm_notUnderstood_count", "llm_responseGenerated_count", "llm_errorOccurred_count", "llm_escalationRequired_count", llm_fallback_count,
	bot_messages_count, visitor_messages_count, not_understood_messages_count FROM conversation
UNION ALL
SELECT brand, number::text, NULL, opened, closed, lang, NULL, tags, NULL, NULL, status, resolution, NULL, (SELECT jsonb_agg(e::jsonb ORDER BY n) FROM unnest(intents) WITH ORDINALITY AS t (e, n)), NULL, NULL, NULL, NULL, NULL, NULL, answers, questions, misunderstood FROM ticket;
CREATE TABLE gone AS SELECT * FROM raw LIMIT 0;
CREATE VIEW every AS SELECT * FROM raw UNION ALL SELECT * FROM gone;

CREATE FUNCTION attributed(attribution text, started timestamptz, ended timestamptz, bot_messages int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN attribution = 'start' THEN CASE WHEN bot_messages > 0 THEN started END ELSE ended END $$;

CREATE TYPE question AS (n bigint, bot bigint, "from" date, "to" date, attribution text, channels text, languages text, tz text, excluded text[]);
CREATE FUNCTION questions(count int, salt int) RETURNS SETOF question LANGUAGE sql AS $$
SELECT n, pick('{1,2,3,4}'::int[], n, salt), d, d + 1 + floor(dice(n, salt + 1) ^ 3 * 280)::int, pick('{end,start}'::text[], n, salt + 2),
	pick('{NULL,NULL,chat,ticket,-chat,"chat,ticket"}'::text[], n, salt + 3), pick('{NULL,NULL,en,-en,"nb,pt-BR"}'::text[], n, salt + 4),
	pick('{UTC,Europe/Oslo,America/Los_Angeles,Asia/Kathmandu,Australia/Lord_Howe,Africa/Cairo}'::text[], n, salt + 5), pick(ARRAY['{}', '{Greeting}', '{Greeting,"Talk to a human/agent",Größe}'], n, salt + 6)::text[]
FROM generate_series(1, count) AS n, LATERAL (SELECT (some_time(n + salt) - interval '1 day')::date AS d) AS t $$;

CREATE FUNCTION listed(list text, value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
SELECT list IS NULL OR CASE WHEN list LIKE '-%' THEN value IS DISTINCT FROM substr(list, 2) ELSE coalesce(value = ANY (string_to_array(list, ',')), false) END $$;
CREATE FUNCTION asked(q question, t timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT coalesce((t AT TIME ZONE q.tz)::date >= q."from" AND (t AT TIME ZONE q.tz)::date < q."to", false) $$;

CREATE FUNCTION plain_metrics(q question) RETURNS text LANGUAGE sql STABLE AS $$
SELECT row(count(*), count(*) FILTER (WHERE conversation_status = 'botHandled'), count(*) FILTER (WHERE conversation_status = 'botHandled') / nullif(count(*), 0)::float8,
	count(*) FILTER (WHERE conversation_status NOT IN ('email', 'agent', 'customEscalation')) / nullif(count(*), 0)::float8,
	count(*) FILTER (WHERE conversation_status IN ('email', 'agent', 'customEscalation')) / nullif(count(*), 0)::float8,
	count(*) FILTER (WHERE conversation_status = 'failedEscalation') / nullif(count(*), 0)::float8, count(*) FILTER (WHERE last_resolution = 'informed') / nullif(count(*), 0)::float8,
	count(*) FILTER (WHERE last_resolution IN ('informed', 'resolved')) / nullif(count(*), 0)::float8,
	(coalesce(sum(visitor_messages_count), 0) - coalesce(sum(not_understood_messages_count), 0)) / nullif(sum(visitor_messages_count), 0)::float8)::text
FROM every AS c WHERE c.bot_id = q.bot AND asked(q, attributed(q.attribution, c.conversation_start_time, c.conversation_end_time, c.bot_messages_count)) AND listed(q.channels, c.channel) AND listed(q.languages, c.language) $$;

CREATE FUNCTION plain_first_last(q question) RETURNS text LANGUAGE sql STABLE AS $$
SELECT string_agg(concat_ws('|', conversation_id, coalesce(triggered_intent_replies -> 0 ->> 'intent_name', '-'), coalesce(triggered_intent_replies -> jsonb_array_length(triggered_intent_replies) - 1 ->> 'intent_name', '-')),
	', ' ORDER BY attributed(q.attribution, c.conversation_start_time, c.conversation_end_time, c.bot_messages_count), conversation_id COLLATE "C")
FROM raw AS c WHERE c.bot_id = q.bot AND asked(q, attributed(q.attribution, c.conversation_start_time, c.conversation_end_time, c.bot_messages_count)) $$;

CREATE FUNCTION plain_by_intent(q question, last boolean) RETURNS text LANGUAGE sql STABLE AS $$
WITH meaningful AS (
	SELECT c.bot_id, c.conversation_id, c.conversation_status, i ->> 'intent_name' AS name,
		row_number() OVER (PARTITION BY c.conversation_id ORDER BY CASE WHEN last THEN NULL ELSE instant_of(i -> 'intent_timestamp') END ASC NULLS LAST,
			CASE WHEN last THEN instant_of(i -> 'intent_timestamp') END DESC NULLS LAST, CASE WHEN last THEN -n ELSE n END) AS place
	FROM raw AS c, jsonb_array_elements(c.triggered_intent_replies) WITH ORDINALITY AS t (i, n)
	WHERE c.bot_id = q.bot AND asked(q, attributed(q.attribution, c.conversation_start_time, c.conversation_end_time, c.bot_messages_count)) AND i -> 'not_meaningful' = 'false' AND i ->> 'intent_name' IS NOT NULL AND i ->> 'intent_name' <> ALL (q.excluded)),
by_name AS (SELECT name, count(*) AS total, count(*) FILTER (WHERE conversation_status = 'botHandled') / count(*)::float8 AS rate FROM meaningful WHERE place = 1 GROUP BY name)
SELECT string_agg(concat_ws('|', name, total, rate), ', ' ORDER BY total DESC, name COLLATE "C") FROM by_name $$;

CREATE FUNCTION differences(count int, salt int, raw_is_whole boolean DEFAULT true) RETURNS TABLE (what text, asked bigint, different bigint, example text) LANGUAGE sql AS $$
SELECT what, count(*), count(*) FILTER (WHERE plain IS DISTINCT FROM ours), left((array_agg(concat(q::text, ' plain: ', plain, ' ours: ', ours)) FILTER (WHERE plain IS DISTINCT FROM ours))[1], 1000)
FROM questions(count, salt) AS q, LATERAL (
	SELECT 'metrics' AS what, plain_metrics(q) AS plain, m::text AS ours FROM ultimate.metrics(q.bot, q."from", q."to", q.attribution, q.channels, q.languages, q.tz) AS m
	UNION ALL
	SELECT 'first_last_intent', plain_first_last(q), (SELECT string_agg(concat_ws('|', conversation_id, coalesce(first_intent, '-'), coalesce(last_intent, '-')), ', ')
		FROM ultimate.first_last_intent(q.bot, q."from", q."to", q.attribution, q.tz)) WHERE raw_is_whole
	UNION ALL
	SELECT 'by first intent', plain_by_intent(q, false), (SELECT string_agg(concat_ws('|', first_meaningful_intent, total_conversations, bot_handled_rate), ', ')
		FROM ultimate.metrics_by_first_meaningful_intent(q.bot, q."from", q."to", q.excluded::text, q.attribution, q.tz)) WHERE raw_is_whole
	UNION ALL
	SELECT 'by last intent', plain_by_intent(q, true), (SELECT string_agg(concat_ws('|', last_meaningful_intent, total_conversations, bot_handled_rate), ', ')
		FROM ultimate.metrics_by_last_meaningful_intent(q.bot, q."from", q."to", q.excluded::text, q.attribution, q.tz)) WHERE raw_is_whole) AS a
GROUP BY what ORDER BY what $$;

-- A document as plain SQL makes it.
CREATE FUNCTION plain_export(bot bigint, day date) RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.conversation_end_time, d.conversation_id COLLATE "C"), '[]') FROM (
	SELECT c.bot_id::text, (SELECT name FROM kindly_stats.bot_name AS b WHERE b.bot_id = c.bot_id) AS bot_name, c.conversation_id, c.platform_conversation_id,
		to_char(c.conversation_start_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS conversation_start_time, to_char(c.conversation_end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS conversation_end_time,
		c.language, c.channel, c.labels, jsonb_strip_nulls(c.conversations_data)::text AS conversations_data, c.test_mode, c.conversation_status, c.last_resolution, plain_list(c.triggered_replies) AS triggered_replies,
		plain_list(c.triggered_intent_replies) AS triggered_intent_replies,
		c.is_llm_conversation, c."llm_notUnderstood_count"::text, c."llm_responseGenerated_count"::text, c."llm_errorOccurred_count"::text, c."llm_escalationRequired_count"::text, c.llm_fallback_count::text,
		c.bot_messages_count::text, c.visitor_messages_count::text, c.not_understood_messages_count::text
	FROM raw AS c WHERE c.bot_id = bot AND (c.conversation_end_time AT TIME ZONE 'UTC')::date = day) AS d $$;
SQL

sub check
{
	my ($name, $count, $salt, $whole) = @_;
	my $out = $node->safe_psql('postgres', sprintf(q{SELECT * FROM differences(%d, %d, %s)}, $count * $percent / 100 || 1, $salt, $whole // 'true'));
	for my $line (split /\n/, $out)
	{
		my ($what, $asked, $different, $example) = split /\|/, $line, 4;
		is($different, 0, "$name: $asked answers of $what equal plain SQL") or diag("KINDLY_STATS_SEED=$seed: $example");
	}
	is($node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()'), 0, "$name: and so does verify()");
	return;
}

# ------------------------------------------------------------------ questions

$node->safe_psql('postgres', 'SELECT write_conversations(1, 4000); ANALYZE');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT m.* FROM questions(200, 100) AS q, ultimate.metrics(q.bot, q."from", q."to", q.attribution, q.channels, q.languages, q.tz) AS m) AS a WHERE total_conversations > 10}),
	'>', 50, 'questions are about something');
check('written', 200, 100);
$node->safe_psql('postgres', q{
UPDATE conversation SET conversation_end_time = conversation_start_time + dice(hashtext(conversation_id), 40) * interval '40 hours' WHERE dice(hashtext(conversation_id), 41) < 0.1;
UPDATE conversation SET conversation_status = pick('{botHandled,agent,NULL}'::text[], hashtext(conversation_id), 42), channel = 'chat', bot_messages_count = floor(dice(hashtext(conversation_id), 43) * 2) WHERE dice(hashtext(conversation_id), 44) < 0.1;
UPDATE ticket SET brand = 2, questions = questions + 1 WHERE dice(number, 45) < 0.2;
DELETE FROM conversation WHERE dice(hashtext(conversation_id), 46) < 0.1;
DELETE FROM ticket WHERE dice(number, 47) < 0.1;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) SELECT bot_id, conversation_id, conversation_start_time, conversation_end_time + interval '1 hour' FROM conversation WHERE dice(hashtext(conversation_id), 48) < 0.2 AND conversation_end_time IS NOT NULL
ON CONFLICT (bot_id, conversation_id) DO UPDATE SET conversation_end_time = EXCLUDED.conversation_end_time;
});
check('changed, merged, deleted', 200, 200);
$node->safe_psql('postgres', 'CALL kindly_stats.compact()');
check('compacted', 100, 300);

# ------------------------------------------------------------------ exports

is($node->safe_psql('postgres', q{
SELECT count(*) FILTER (WHERE ultimate.export(b, d::date)::jsonb <> plain_export(b, d::date)) || ' of ' || count(*) FROM generate_series(1, 4) AS b, generate_series(timestamp '2024-10-24', '2024-11-02', '1 day') AS d
}), '0 of 40', 'exported days equal plain SQL');
is($node->safe_psql('postgres', q{SELECT sum(conversations) > 500 FROM kindly_stats.exported}), 't', 'and have something in them');
$node->safe_psql('postgres', q{CREATE TABLE document AS SELECT bot_id, day, md5(ultimate.export(bot_id, day)::text) AS hash FROM kindly_stats.exported});

# Random changes: those of open days go through, those of closed ones do not, and the documents stay.
my $refused = 0;
my $done = 0;
for my $i (1 .. 60 * $percent / 100 || 1)
{
	my $change = (
		"UPDATE conversation SET labels = '{changed}' WHERE conversation_id = 'c' || $i * 41 % 4000",
		"DELETE FROM conversation WHERE conversation_id = 'c' || $i * 43 % 4000",
		"UPDATE conversation SET conversation_end_time = some_time($i) + interval '40 hours', conversation_start_time = least(conversation_start_time, some_time($i)) WHERE conversation_id = 'c' || $i * 47 % 4000",
		"INSERT INTO ticket (number, brand, opened, closed, answers) SELECT 90000 + $i, 3, at, at, 1 FROM some_time($i) AS at",
		"UPDATE conversation SET conversation_end_time = conversation_end_time WHERE conversation_id LIKE 'c$i%'",
		"UPDATE ticket SET misunderstood = misunderstood + 1 WHERE number % 61 = $i")[ $i % 6 ];
	my ($out, $err);
	if ($node->psql('postgres', $change, stdout => \$out, stderr => \$err) == 0)
	{
		$done++;
		next;
	}
	$refused++;
	like($err, qr/have been exported and cannot be changed/, 'refused for its day');
}
cmp_ok($refused, '>', 0, "$refused changes refused");
cmp_ok($done, '>', 0, "$done changes done");
my $changed_documents = 'SELECT count(*) FROM document AS d WHERE md5(ultimate.export(d.bot_id, d.day)::text) <> d.hash';
is($node->safe_psql('postgres', $changed_documents), 0, 'no document has changed');
check('beside closed days', 100, 400);

# ------------------------------------------------------------------ a standby

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', $changed_documents), 0, 'a standby has the same documents');
my ($out, $err);
is($standby->psql('postgres', q{SELECT ultimate.export(1, '2024-03-30')}, stderr => \$err), 3, 'and closes no day');
like($err, qr/2024-03-30 has not been closed.*on the primary/s, 'which it says');
$node->safe_psql('postgres', q{SELECT kindly_stats.close_day(1, '2024-03-30')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('flush'));
is($standby->safe_psql('postgres', q{SELECT ultimate.export(1, '2024-03-30')}), $node->safe_psql('postgres', q{SELECT ultimate.export(1, '2024-03-30')}), 'closed on the primary, it is exported on the standby');
is($standby->safe_psql('postgres', q{SELECT sum(n) FROM (SELECT count(*) AS n FROM ultimate.export_rows(1, '2024-03-30') UNION ALL SELECT -json_array_length(ultimate.export(1, '2024-03-30'))) AS r}), 0, 'row by row, too');
$standby->stop;

# ------------------------------------------------------------------ dump and restore

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'restored');
is($node->safe_psql('restored', $changed_documents), 0, 'the documents are the same');
is($node->safe_psql('restored', 'SELECT count(*) FROM kindly_stats.verify()'), 0, 'and the counts');
is($node->psql('restored', q{DELETE FROM conversation WHERE (bot_id, conversation_end_time::date) IN (SELECT bot_id, day FROM document)}, stderr => \$err), 3, 'closed days are closed');
like($err, qr/have been exported and cannot be changed/, 'for the same reason');

# ------------------------------------------------------------------ purge

$node->safe_psql('postgres', q{
INSERT INTO gone SELECT * FROM raw WHERE conversation_start_time < '2024-10-28 06:00Z' AND conversation_end_time < '2024-10-28 06:00Z';
SELECT kindly_stats.purge('conversation', '2024-10-28 06:10Z'), kindly_stats.purge('ticket', '2024-10-28 06:00Z');
});
check('purged', 200, 500, 'false');
is($node->safe_psql('postgres', q{SELECT count(*) FROM document WHERE day > '2024-10-28' AND md5(ultimate.export(bot_id, day)::text) <> hash}), 0, 'days after the purge are there');
is($node->psql('postgres', q{SELECT ultimate.export(1, '2024-10-26')}, stderr => \$err), 3, 'those before it are not');
like($err, qr/was closed with \d+ conversations, but 0 are there now/, 'which is an error');

$node->stop;
done_testing();
