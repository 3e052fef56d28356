# The HTTP API before nodes: PostgREST and nginx before a plain database, the coordinator and a
# worker, with the same events. All documented addresses are answered alike, and the programs that
# ask one server as customers do are as content with the coordinator.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use HttpServers;
use NodesOfCitus;
use SameAnswers;
use Test::More;

my $postgrest = $ENV{KINDLY_POSTGREST};
plan skip_all => 'KINDLY_POSTGREST does not say where PostgREST is: sh test/check.sh served installs it' unless defined $postgrest;

my $nodes = NodesOfCitus->new;
my $both = SameAnswers->new($nodes);

unlike($both->psql($_, '-v', 'ON_ERROR_STOP=1', '-f', 'test/http/fixtures.sql'), qr/ERROR/, 'fixtures') for undef, 0;
# bots that are texts are not distributed
$both->on_both('DROP TABLE text_event, uuid_event, text_talk');
# the clock of the fixtures goes on all nodes
$nodes->worker($_)->safe_psql('spread', q{SET citus.enable_ddl_propagation = off; ALTER DATABASE spread SET kindly_stats.now = '2019-03-27 09:41:00Z'}) for 1, 2;
unlike($nodes->ask("SELECT string_agg(d::text, ' ') FROM kindly_stats.distribute(8) AS d"), qr/ERROR/, 'they are spread');
is(join('', $both->on_both('INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, language_code)
	SELECT bot_id, occurred_at + interval \'1 minute\', kind, session_id, source, language_code FROM chat_event WHERE bot_id < 3')), '', 'events that are counted on nodes');
$both->on_both("SELECT kindly_stats.$_()") for qw(enable_row_security create_api_roles create_signing_secret);
is($nodes->ask('SELECT count(*) FROM kindly_stats.distribute()'), '0', 'roles have their rights on every node');

# A program that says in TAP what it found.
sub program
{
	my ($file, $name, $servers, @more) = @_;
	local %ENV = (%ENV, $servers->environment, @more);
	my $said = readpipe("node $file 2>&1");
	my $status = $?;
	my @faults = $said =~ /^(not ok .*(?:\n#.*)*)/mg;

	ok($status == 0 && @faults == 0 && $said =~ /^1\.\.[1-9]/m, "$name: " . (() = $said =~ /^ok /mg) . ' results') or diag(@faults ? join("\n", @faults) : $said);
	return;
}

my ($plain, @spread) = map { HttpServers->new(@$_, $postgrest, rate => 1000) } [ $nodes->coordinator, 'plain' ], map { [ $_, 'spread' ] } $nodes->coordinator, $nodes->worker(1);
program('test/citus/both.mjs', 'the same answers', $plain, KINDLY_OTHERS => join(' ', map { "$_->{url} $_->{secret}" } @spread), KINDLY_NODES => join("\n", map { $_->connstr('spread') } $nodes->coordinator, $nodes->worker(1)));
$_->stop for $plain, @spread;

# what is told of one server, of limits too
my $coordinator = HttpServers->new($nodes->coordinator, 'spread', $postgrest);
program("test/http/$_.mjs", "$_.mjs before the coordinator", $coordinator, PGOPTIONS => '-c citus.enable_unsafe_triggers=on') for split / /, $ENV{PROGRAMS} // 'documented customer statuses errors etag native others direct';
$coordinator->stop;

$nodes->stop;
done_testing();
