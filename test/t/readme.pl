# Every statement of the README and of the pages below runs, in this order, and
# where an answer is shown, that is the answer.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Fenced blocks: [language, text], in order.
sub blocks
{
	my ($file) = @_;
	my @blocks;
	my $readme = slurp_file($file);

	while ($readme =~ /^```(\w*)\n(.*?)^```$/msg)
	{
		push @blocks, [ $1, $2 ];
	}
	return @blocks;
}

# Without what depends on psql's rendering: trailing blanks and the row count.
sub plain
{
	my ($text) = @_;

	$text =~ s/[ \t]+$//mg;
	$text =~ s/^\(\d+ rows?\)\n//mg;
	$text =~ s/^[ -]*\w+\n-+\n(?= \{)//m;    # the heading of a single json
	$text =~ s/\s+\z//;
	return $text;
}

# What is run in a database, one page after the other: the tutorial is walked in one
# that is new, the other pages go on where the README ended, and exports close days for good.
my @walks = (
	[ 'tutorial', 'doc/tutorial.md' ],
	[ 'manual', 'README.md', map { "doc/$_.md" } qw(access events questions tally chatbot_com operations periods calendars pictures bi tools http) ],
	[ 'exports', 'doc/ultimate.md' ]);

# What readers of a page have already.
my %of_readers = ('doc/ultimate.md' => "CREATE EXTENSION kindly_stats; CREATE SCHEMA support;
	CREATE TABLE support.dialogue (bot_id bigint, id text, conversation_start_time timestamptz, closed_at timestamptz, bot_messages_count integer, PRIMARY KEY (bot_id, id))");

# Their answers are of events that the pages do not make.
my %of_other_events = map { ("doc/$_.md" => 1) } qw(calendars pictures bi tools);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off");
$node->start;

# Statements of one page, and the answers that are shown.
sub walk
{
	my ($database, $page) = @_;
	my @blocks = blocks($page);
	my $statements = 0;

	$node->safe_psql($database, $of_readers{$page}) if $of_readers{$page};
	for my $i (0 .. $#blocks)
	{
		my ($language, $text) = @{ $blocks[$i] };
		my ($out, $err);
		next unless $language eq 'sql';

		my ($first) = $text =~ /(.{1,60})/;
		my $status = $node->psql($database, $text,
			stdout => \$out, stderr => \$err, on_error_stop => 1,
			extra_params => [ '--no-align', '--no-psqlrc' ]);
		is($status, 0, "$page runs: $first") or diag($err);
		$statements++;

		next if $of_other_events{$page} || $i == $#blocks || $blocks[ $i + 1 ][0] ne '';
		# psql() asks for bare rows; what is shown has headings and borders
		my $shown = plain($blocks[ $i + 1 ][1]);
		$shown =~ s/^.*\n[-+]+\n// if $shown =~ /^[-+]+$/m;
		$shown =~ s/^\s+//mg;
		$shown =~ s/\s*\|\s*/|/g;
		is(plain($out), $shown, "$page answers as shown: $first");
	}
	cmp_ok($statements, '>=', 1, "$page has its statements");
}

for my $walk (@walks)
{
	my ($database, @pages) = @$walk;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	walk($database, $_) for @pages;
	is($node->safe_psql($database, 'SELECT count(*) FROM kindly_stats.verify()'), '0', "$database: the statistics are right in the end");
}
cmp_ok(scalar(split(/\n/, slurp_file('README.md'))), '<=', 250, 'the README is short');

$node->stop;
done_testing();
