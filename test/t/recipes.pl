# doc/recipes.md is right: each product's table is made and attached as it says, rows are written as the product writes them, before and
# after, and what is counted is what SQL by hand counts.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Per product: rows from before it is attached, what is written afterwards, and questions with the answer by hand.
my %products = (
	'Chatwoot' => {
		# an agent's bot answers the first of three conversations, people the others; an activity, a template, a private note
		before => q{
INSERT INTO conversations (account_id, inbox_id, status, created_at, updated_at, contact_id, first_reply_created_at, assignee_id)
SELECT 1, 3 + n % 2, 2, t, t, n, CASE WHEN n % 4 = 1 THEN t + interval '10 minutes' END, 7
FROM (SELECT n, timestamp '2024-04-30 20:00' + n * interval '97 minutes' AS t FROM generate_series(1, 60) AS n) AS v;
INSERT INTO messages (content, account_id, inbox_id, conversation_id, message_type, created_at, updated_at, private, sender_type, sender_id)
SELECT 'text', 1, 3 + c.id % 2, c.id, m.type, c.created_at + m.after, c.created_at + m.after, m.private, m.sender, CASE m.sender WHEN 'Contact' THEN c.contact_id % 9 ELSE 7 END
FROM conversations AS c, (VALUES (0, interval '1 second', false, 'Contact'), (1, interval '2 seconds', false, 'AgentBot'), (1, interval '3 seconds', false, 'Captain::Assistant'), (2, interval '1 minute', false, NULL),
	(1, interval '9 minutes', true, 'User'), (1, interval '10 minutes', false, 'User'), (3, interval '2 hours', false, NULL)) AS m (type, after, private, sender);
},
		# deliveries and reads, a deleted message, a first reply, a conversation that is moved to another inbox and one that is deleted
		after => q{
INSERT INTO messages (account_id, inbox_id, conversation_id, message_type, created_at, updated_at, sender_type, sender_id) VALUES (1, 3, 2, 0, '2024-05-03 22:30', '2024-05-03 22:30', 'Contact', 2);
UPDATE messages SET status = 2, updated_at = updated_at + interval '1 hour', content_attributes = '{"external_created_at": 1}' WHERE id % 3 = 0;
UPDATE messages SET content = 'This message was deleted', content_attributes = '{"deleted": true}' WHERE id = 17;
UPDATE conversations SET first_reply_created_at = '2024-05-02 12:00', status = 0, assignee_id = 8 WHERE id IN (4, 8, 12);
UPDATE conversations SET inbox_id = 3 WHERE id = 5;
UPDATE messages SET inbox_id = 3 WHERE conversation_id = 5;
DELETE FROM messages WHERE conversation_id = 10;
DELETE FROM conversations WHERE id = 10;
},
		checks => [
			[ q{SELECT (bucket AT TIME ZONE 'Europe/Oslo')::date, count, distinct_count FROM kindly_stats.stats_series(3, '2024-05-01', '2024-05-08', 'Europe/Oslo', 'day', 'messages') WHERE count > 0},
				q{SELECT (created_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Oslo')::date, count(*), count(DISTINCT conversation_id) FROM messages WHERE inbox_id = 3 AND sender_type = 'Contact' GROUP BY 1
HAVING (created_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Oslo')::date >= '2024-05-01' ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.stats_total(4, '2024-01-01', '2025-01-01', 'UTC', measure => 'replies')}, q{SELECT count(*) FROM messages WHERE inbox_id = 4 AND sender_type IN ('AgentBot', 'Captain::Assistant')} ],
			[ q{SELECT distinct_count FROM kindly_stats.stats_total(4, '2024-01-01', '2025-01-01', 'UTC', measure => 'users')}, q{SELECT count(DISTINCT sender_id) FROM messages WHERE inbox_id = 4 AND sender_type = 'Contact'} ],
			[ q{SELECT count FROM kindly_stats.stats_total(3, '2024-01-01', '2025-01-01', 'UTC', measure => 'handovers_started')},
				q{SELECT count(first_reply_created_at) FROM conversations WHERE inbox_id = 3} ],
			# by the number of the kind, as the first statement has it
			[ q{SELECT FROM kindly_stats.attach('messages', '{"kind": "message_type"}', kinds => '{"0": "user_message", "1": "bot_reply", "2": null, "3": "bot_reply"}')}, '' ],
			[ q{SELECT m, count FROM unnest('{messages,replies}'::text[]) AS m, kindly_stats.stats_total(3, '2024-01-01', '2025-01-01', 'UTC', measure => m) ORDER BY 1},
				q{SELECT CASE message_type WHEN 0 THEN 'messages' ELSE 'replies' END, count(*) FROM messages WHERE inbox_id = 3 AND message_type <> 2 GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.stats_total(3, '2024-01-01', '2025-01-01', 'UTC', measure => 'events')},
				q{SELECT (SELECT count(*) FROM messages WHERE inbox_id = 3 AND message_type <> 2) + (SELECT count(first_reply_created_at) FROM conversations WHERE inbox_id = 3)} ],
		],
	},
	'Rasa' => {
		before => q{
CREATE FUNCTION rasa(conversations integer, began timestamptz) RETURNS void LANGUAGE sql AS $$
INSERT INTO events (sender_id, type_name, timestamp, intent_name, action_name, data)
SELECT md5((c % 40)::text), e.type, extract(epoch FROM began) + c * 5000.25 + e.after, e.intent, e.action,
	json_build_object('event', e.type, 'timestamp', extract(epoch FROM began) + c * 5000.25 + e.after, 'name', e.action)::jsonb || e.data
FROM generate_series(1, conversations) AS c, LATERAL (VALUES
	('action', 0.1, NULL, 'action_session_start', '{"policy": null, "confidence": 1.0}'::jsonb),
	('session_started', 0.2, NULL, NULL, '{}'),
	('user', 1.5, (ARRAY['greet', 'buy_ticket', 'nlu_fallback', NULL])[1 + c % 4], NULL, jsonb_build_object('text', 'hei "du" \\ ☺', 'input_channel', (ARRAY['rest', 'socketio'])[1 + c % 2], 'parse_data',
		jsonb_build_object('intent', jsonb_build_object('name', 'greet', 'confidence', 0.99), 'entities', '[]'::jsonb), 'metadata', '{}'::jsonb)),
	('slot', 1.6, NULL, 'name', '{"value": ["a"]}'),
	('bot', 2.25, NULL, NULL, jsonb_build_object('text', 'svar', 'data', '{"buttons": null}'::jsonb, 'metadata', CASE c % 5 WHEN 0 THEN '{}'::jsonb WHEN 1 THEN '{"utter_action": "utter_default"}' ELSE '{"utter_action": "utter_greet"}' END))
) AS e (type, after, intent, action, data) $$;
SELECT rasa(100, '2024-04-30 23:00Z');
INSERT INTO events (sender_id, type_name, timestamp, data) VALUES ('broken', 'user', 1714600000.5, '{"input_channel": "rest",}'), ('empty', 'bot', NULL, NULL);
},
		after => q{
SELECT rasa(57, '2024-05-05 00:00Z');
DELETE FROM events WHERE sender_id = md5('3');
},
		checks => [
			[ q{SELECT key[1], count FROM kindly_stats.stats_top('concert-bot', '2024-05-01', '2024-06-01', 'UTC', measure => 'topics') ORDER BY 1},
				q{SELECT intent_name, count(*) FROM events WHERE type_name = 'user' AND intent_name IS NOT NULL AND to_timestamp(timestamp) >= '2024-05-01Z' GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count, rate FROM kindly_stats.fallback_rate('concert-bot', '2024-05-01', '2024-06-01', 'UTC')},
				q{SELECT f, f / n::float8 FROM (SELECT count(*) FILTER (WHERE data::jsonb #>> '{metadata,utter_action}' = 'utter_default') AS f, count(*) AS n FROM events WHERE type_name = 'bot' AND to_timestamp(timestamp) >= '2024-05-01Z') AS v} ],
			[ q{SELECT bucket::date, count, distinct_count FROM kindly_stats.stats_series('concert-bot', '2024-04-30', '2024-05-12', 'UTC', sources => '{rest}') WHERE count > 0},
				q{SELECT to_timestamp(timestamp)::date, count(*), count(DISTINCT sender_id) FROM events WHERE type_name = 'user' AND sender_id <> 'broken' AND data::jsonb ->> 'input_channel' = 'rest' GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.stats_total('concert-bot', '2024-01-01', '2025-01-01', 'UTC', measure => 'events')}, q{SELECT count(timestamp) FROM events WHERE type_name NOT IN ('slot', 'action')} ],
			[ q{SELECT key[1], count FROM kindly_stats.stats_top('concert-bot', '2024-01-01', '2025-01-01', 'UTC', measure => 'responses') ORDER BY 1},
				q{SELECT data::jsonb #>> '{metadata,utter_action}', count(*) FROM events WHERE type_name = 'bot' AND data::jsonb #>> '{metadata,utter_action}' IS NOT NULL GROUP BY 1 ORDER BY 1} ],
		],
	},
	'Typebot' => {
		before => q{
INSERT INTO "Result" SELECT 'r' || n, timestamp '2024-05-01' + n * interval '3 hours', CASE WHEN n % 3 = 0 THEN 'clwother' ELSE 'clwlead1' END, '[]', n % 5 = 0, CASE WHEN n % 7 <> 0 THEN n % 2 = 1 END FROM generate_series(1, 70) AS n;
INSERT INTO "AnswerV2" ("createdAt", "blockId", content, "resultId") SELECT r."createdAt" + b * interval '1 minute', 'block' || b, 'ja', r.id FROM "Result" AS r, generate_series(1, 2) AS b WHERE r."hasStarted";
},
		# the first answer, the end, archived and deleted results
		after => q{
INSERT INTO "Result" VALUES ('new', '2024-05-03 12:00', 'clwlead1', '[]', false, false);
UPDATE "Result" SET "hasStarted" = true WHERE id = 'new';
INSERT INTO "AnswerV2" ("createdAt", "blockId", content, "resultId") VALUES ('2024-05-03 12:01', 'block1', 'ja', 'new'), ('2024-05-03 12:02', 'block9', 'nei', 'new');
UPDATE "Result" SET variables = '[{"id": "v", "value": "x"}]', "isCompleted" = true WHERE id IN ('new', 'r1', 'r2');
UPDATE "Result" SET "isArchived" = true, variables = '[]' WHERE id = 'r5';
DELETE FROM "AnswerV2" WHERE "resultId" IN ('r7', 'r11');
DELETE FROM "Result" WHERE id IN ('r7', 'r11');
},
		checks => [
			[ q{SELECT bucket::date, count, distinct_count FROM kindly_stats.stats_series('clwlead1', '2024-05-01', '2024-05-12', 'UTC') WHERE count > 0},
				q{SELECT "createdAt"::date, count(*), count(DISTINCT id) FROM "Result" WHERE "typebotId" = 'clwlead1' AND "hasStarted" GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.stats_total('clwlead1', '2024-05-01', '2024-06-01', 'UTC', measure => 'completed')}, q{SELECT count(*) FROM "Result" WHERE "typebotId" = 'clwlead1' AND "hasStarted" AND "isCompleted"} ],
			[ q{SELECT key[3], count FROM kindly_stats.stats_top('clwlead1', '2024-05-01', '2024-06-01', 'UTC', measure => 'interactions') ORDER BY 1},
				q{SELECT a."blockId", count(*) FROM "AnswerV2" AS a JOIN "Result" AS r ON r.id = a."resultId" WHERE r."typebotId" = 'clwlead1' GROUP BY 1 ORDER BY 1} ],
		],
	},
	'Traces of Langfuse and its like' => {
		before => q{
INSERT INTO traces SELECT 't' || n, timestamp '2024-05-01' + n * interval '47 minutes', 'chat', 'u' || n % 11, jsonb_build_object('channel', (ARRAY['web', 'test'])[1 + n % 2], 'user', jsonb_build_object('language', 'nb')), NULL,
	'clproject', NULL, NULL, 's' || n / 3 FROM generate_series(1, 300) AS n;
INSERT INTO observations SELECT 'o' || n, 't' || n / 2, 'clproject', (ARRAY['GENERATION', 'SPAN', 'EVENT'])[1 + n % 3]::"ObservationType", timestamp '2024-05-01' + n * interval '23 minutes', NULL, 'step',
	(ARRAY['DEFAULT', 'ERROR', 'WARNING', 'DEBUG'])[1 + n % 4]::"ObservationLevel", (ARRAY['small', 'large'])[1 + n % 2], n FROM generate_series(1, 600) AS n;
},
		# events come in any order and are put together by upserts
		after => q{
INSERT INTO traces (id, timestamp, project_id, session_id) VALUES ('t301', '2024-05-20 10:00', 'clproject', 'late'), ('t5', '2024-05-20 10:00', 'clproject', 'late')
ON CONFLICT (id) DO UPDATE SET metadata = coalesce(traces.metadata, '{}') || '{"scored": true}', session_id = excluded.session_id;
INSERT INTO traces (id, timestamp, project_id, metadata) VALUES ('t301', '2024-05-20 10:00', 'clproject', '{"channel": "web", "user": {"language": "en"}}')
ON CONFLICT (id) DO UPDATE SET metadata = excluded.metadata, output = '{"text": "hei"}';
UPDATE observations SET end_time = start_time + interval '1 second', total_tokens = total_tokens + 100, level = 'ERROR' WHERE id LIKE 'o1%';
DELETE FROM traces WHERE id = 't9';
DELETE FROM observations WHERE trace_id = 't9';
},
		checks => [
			[ q{SELECT bucket::date, count, distinct_count FROM kindly_stats.stats_series('clproject', '2024-05-01', '2024-06-01', 'UTC', sources => '{-test}') WHERE count > 0},
				q{SELECT timestamp::date, count(*), count(DISTINCT session_id) FROM traces WHERE metadata ->> 'channel' IS DISTINCT FROM 'test' GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.stats_total('clproject', '2024-05-01', '2024-06-01', 'UTC', language_codes => '{en}')}, q{SELECT count(*) FROM traces WHERE metadata #>> '{user,language}' = 'en'} ],
			[ q{SELECT key[1], count FROM kindly_stats.stats_top('clproject', '2024-05-01', '2024-06-01', 'UTC', measure => 'tokens') ORDER BY 1},
				q{SELECT model, sum(total_tokens) FROM observations WHERE type = 'GENERATION' GROUP BY 1 ORDER BY 1} ],
			[ q{SELECT count FROM kindly_stats.fallback_rate('clproject', '2024-05-01', '2024-06-01', 'UTC')}, q{SELECT count(*) FROM observations WHERE type = 'GENERATION' AND level = 'ERROR'} ],
		],
	});

# Of each section, the fenced blocks of SQL.
my %blocks;
my $section = '';
my $recipes = slurp_file('doc/recipes.md');
while ($recipes =~ /^(?:## ([^\n]*)|```sql\n(.*?)^```)$/msg)
{
	if (defined $1) { $section = $1; }
	else { push @{ $blocks{$section} }, $2; }
}
is_deeply([ sort keys %blocks ], [ sort keys %products ], 'each recipe is tried');

my $node = PostgreSQL::Test::Cluster->new('recipes');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off");
$node->start;

my $number = 0;
for my $name (sort keys %products)
{
	my $product = $products{$name};
	my $database = 'recipe_' . ++$number;
	my ($ddl, @statements) = @{ $blocks{$name} };

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION kindly_stats');
	$node->safe_psql($database, $ddl);
	$node->safe_psql($database, $product->{before});
	for my $block (@statements)
	{
		my $err;
		is($node->psql($database, $block, stderr => \$err, on_error_stop => 1), 0, "$name: " . ($block =~ s{\s+}{ }gr =~ s{^(.{1,70}).*}{$1}r)) or diag($err);
	}
	$node->safe_psql($database, $product->{after});
	for my $check (@{ $product->{checks} })
	{
		my ($ours, $hand) = @$check;
		my $answer = $node->safe_psql($database, $ours);

		if ($hand eq '') { ok(1, "$name: $ours"); next; }
		is($answer, $node->safe_psql($database, $hand), "$name: $ours");
		isnt($answer, '', 'and is something');
	}
	is($node->safe_psql($database, 'SELECT * FROM kindly_stats.verify()'), '', "$name: nothing differs");
	is($node->safe_psql($database, "SELECT finding FROM kindly_stats.health() WHERE severity <> 'notice'"), '', "$name: health");
}

$node->stop;
done_testing();
