# Every statement of README.md runs, in its order, and where the README shows
# an answer, that is the answer.  Those of doc/periods.md run after them.

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

my @blocks = blocks('README.md');
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off");
$node->start;

my $statements = 0;
for my $i (0 .. $#blocks)
{
	my ($language, $text) = @{ $blocks[$i] };
	my ($out, $err);
	next unless $language eq 'sql';

	my ($first) = $text =~ /(.{1,60})/;
	my $status = $node->psql('postgres', $text,
		stdout => \$out, stderr => \$err, on_error_stop => 1,
		extra_params => [ '--no-align', '--no-psqlrc' ]);
	is($status, 0, "runs: $first") or diag($err);
	$statements++;

	next unless $i < $#blocks && $blocks[ $i + 1 ][0] eq '';
	# psql() asks for bare rows; what is shown has headings and borders
	my $shown = plain($blocks[ $i + 1 ][1]);
	$shown =~ s/^.*\n[-+]+\n// if $shown =~ /^[-+]+$/m;
	$shown =~ s/^\s+//mg;
	$shown =~ s/\s*\|\s*/|/g;
	is(plain($out), $shown, "answers as shown: $first");
}
cmp_ok($statements, '>=', 15, 'the README has its statements');

for my $block (grep { $_->[0] eq 'sql' } blocks('doc/periods.md'))
{
	my ($first) = $block->[1] =~ /(.{1,60})/;
	my $err;
	is($node->psql('postgres', $block->[1], stderr => \$err, on_error_stop => 1), 0, "doc/periods.md runs: $first") or diag($err);
}

my $verify = $node->safe_psql('postgres', 'SELECT count(*) FROM kindly_stats.verify()');
is($verify, '0', 'and leaves statistics that are right');

$node->stop;
done_testing();
