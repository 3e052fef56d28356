# Logins that connect themselves see the bots they were granted and nothing by
# pretending; what says so, and keys and the secret, survive a dump.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
my $new = PostgreSQL::Test::Cluster->new('new');
for my $node ($old, $new)
{
	$node->init;
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nclient_min_messages = warning");
	$node->start;
}

$old->safe_psql('postgres', 'CREATE ROLE ks_bi LOGIN; CREATE ROLE ks_team; CREATE ROLE ks_member LOGIN IN ROLE ks_team; CREATE ROLE ks_other LOGIN;');
$old->safe_psql('postgres', 'CREATE DATABASE stats');
$old->safe_psql('stats', q{
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_event_table('chat_event');
SELECT kindly_stats.create_conversation_table('conversation');
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id)
SELECT bot, timestamptz '2025-01-10' + n * interval '1 minute', 'user_message', 's' || n FROM generate_series(1, 3) AS bot, generate_series(1, 10 * bot) AS n;
INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count)
SELECT bot, 'c' || n, '2025-01-10', '2025-01-10 01:00', 1 FROM generate_series(1, 3) AS bot, generate_series(1, bot) AS n;
INSERT INTO kindly_stats.bot_name VALUES (1, 'one'), (2, 'two'), (3, 'three');
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.grant_bot('ks_bi', 1, tables => true);
SELECT kindly_stats.grant_bot('ks_team', 2, tables => true);
SELECT kindly_stats.create_api_roles();
SELECT kindly_stats.create_signing_secret();
});
my $key = $old->safe_psql('stats', "SELECT kindly_stats.create_api_key(3, 'kept')");
my $revoked = $old->safe_psql('stats', "SELECT kindly_stats.create_api_key(3, 'revoked')");
$old->safe_psql('stats', "SELECT kindly_stats.revoke_api_key('$revoked')");
my $secret = $old->safe_psql('stats', 'SELECT kindly_stats.signing_secret()');

my $seen = q{SELECT string_agg(concat_ws(' ', bot, (SELECT count FROM kindly_stats.stats_total(bot, '2025-01-01', '2025-02-01')),
	(SELECT total_conversations FROM ultimate.metrics(bot, '2025-01-01', '2025-02-01')), (SELECT count(*) FROM ultimate.first_last_intent(bot, '2025-01-01', '2025-02-01'))), ', ')
	|| ' | ' || coalesce((SELECT string_agg(name, ' ' ORDER BY name) FROM kindly_stats.bot_name), 'none') FROM generate_series(1, 3) AS bot};

# As a role that connects itself, not one that a superuser has become.
sub as_login
{
	my ($node, $role, $sql) = @_;
	my ($out, $err) = ('', '');

	$node->psql('stats', $sql, stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ], on_error_stop => 1);
	$out =~ s/.*\n//g;
	$err =~ s/^psql:[^:]*:\d+: //;
	$err =~ s/\n.*//s;
	return $err ne '' ? $err : $out;
}

sub exchange
{
	my ($node, $which) = @_;

	return as_login($node, 'kindly_api_authenticator', qq{
BEGIN READ ONLY;
SET LOCAL ROLE kindly_api_anonymous;
SELECT set_config('request.headers', '{"x-original-uri":"/api/v2/bot/3/sage/auth","x-api-key":"$which"}', true);
SELECT kindly_api.auth();
});
}

sub check_access
{
	my ($node, $where) = @_;

	is(as_login($node, 'ks_bi', $seen), '1 10 1 1, 2 0 0 0, 3 0 0 0 | one', "$where: a login sees its bot");
	is(as_login($node, 'ks_member', $seen), '1 0 0 0, 2 20 2 2, 3 0 0 0 | two', "$where: a member sees its team's");
	like(as_login($node, 'ks_other', $seen), qr/permission denied/, "$where: who was granted nothing may not even ask");
	is(as_login($node, 'ks_bi', qq{SET request.jwt.claims = '{"bot":3,"role":"kindly_api_user","exp":1,"aud":"kindly_stats"}'; $seen}), '1 10 1 1, 2 0 0 0, 3 0 0 0 | one',
		"$where: claims of its own making give a login nothing");
	for my $role ('kindly_api_user', 'kindly_api_authenticator', 'ks_team')
	{
		like(as_login($node, 'ks_bi', "SET ROLE $role; $seen"), qr/permission denied to set role/, "$where: a login cannot become $role");
	}
	is(as_login($node, 'kindly_api_authenticator', qq{SET ROLE kindly_api_user; SET request.jwt.claims = '{"bot":3,"exp":1,"aud":"kindly_stats"}'; $seen}), '1 0 0 0, 2 0 0 0, 3 30 3 3 | three',
		"$where: a token sees its bot");
	like(as_login($node, 'kindly_api_authenticator', $seen), qr/permission denied/, "$where: without becoming another role the authenticator sees nothing");
	like(as_login($node, 'kindly_api_authenticator', 'SET ROLE ks_bi; SELECT 1'), qr/permission denied to set role/, "$where: and becomes nobody else");
	for my $what ('chat_event', 'kindly_stats.api_key', 'kindly_stats.api_secret', 'kindly_stats.bot_grant')
	{
		like(as_login($node, 'kindly_api_authenticator', "SET ROLE kindly_api_user; SELECT * FROM $what"), qr/permission denied/, "$where: $what is out of a token's reach");
	}
	like(exchange($node, $key), qr/^\{"jwt": "eyJ/, "$where: a key is exchanged");
	like(exchange($node, $revoked), qr/the API key is not valid/, "$where: one that was revoked is not");
	is($node->safe_psql('stats', 'SELECT kindly_stats.signing_secret()'), $secret, "$where: with the same secret");
	is($node->safe_psql('stats', 'SELECT * FROM kindly_stats.enable_row_security()'), '', "$where: row-level security covers every table");
	# the trigger on grants is there: a session that has kept its list hears of changes
	is(as_login($node, $node->safe_psql('postgres', 'SELECT current_user'), q{SET SESSION AUTHORIZATION ks_bi; SELECT kindly_stats.visible_bots(); RESET SESSION AUTHORIZATION;
DELETE FROM kindly_stats.bot_grant WHERE role = 'ks_bi'; SET SESSION AUTHORIZATION ks_bi; SELECT kindly_stats.visible_bots();}), '{}', "$where: a grant is taken back");
	$node->safe_psql('stats', "SELECT kindly_stats.grant_bot('ks_bi', 1, tables => true)");
	return;
}

check_access($old, 'at first');

my $dir = $old->basedir;
command_ok([ 'pg_dumpall', '--roles-only', '-f', "$dir/roles.sql", '-d', $old->connstr('postgres') ], 'roles are dumped');
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/stats.dump", '-d', $old->connstr('stats') ], 'the database is dumped');
# the bootstrap superuser is there already
$new->psql('postgres', slurp_file("$dir/roles.sql"), on_error_stop => 0);
$new->safe_psql('postgres', 'CREATE DATABASE stats TEMPLATE template0');
my ($out, $err) = run_command([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('stats'), "$dir/stats.dump" ]);
is($err, '', 'and restored');
check_access($new, 'restored');
is($new->safe_psql('stats', 'SELECT count(*) FROM kindly_stats.verify()'), '0', 'with right statistics');

$old->stop;
$new->stop;
done_testing();
