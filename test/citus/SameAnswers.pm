# The same statements to a database without Citus and to nodes: what they say is
# compared to the last byte, errors too.
package SameAnswers;

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

# nodes: NodesOfCitus
sub new
{
	my ($class, $nodes) = @_;
	return bless { nodes => $nodes, directory => PostgreSQL::Test::Utils::tempdir() }, $class;
}

# What psql prints, errors among it; node: undef for the plain database.
sub psql
{
	my ($self, $node, @arguments) = @_;
	my $out = '';
	my $connection = defined $node ? $self->{nodes}{nodes}[$node]->connstr('spread') : $self->{nodes}->coordinator->connstr('plain');

	IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-d', $connection, @arguments ], '>', \$out, '2>&1');
	return $out;
}

# The plain database and the coordinator.
sub on_both
{
	my ($self, $statement) = @_;
	return map { $self->psql($_, '-v', 'ON_ERROR_STOP=1', '-c', $statement) } 0, undef;
}

# Events and conversations of that many bots; between two halves distribute() is called.
sub load
{
	my ($self, %options) = @_;
	my $directory = $self->{directory};

	$self->on_both($_) for "SELECT kindly_stats.create_event_table('chat_event')", "SELECT kindly_stats.create_conversation_table('conversation')",
	  "INSERT INTO kindly_stats.bot_name (id, name) SELECT b, 'bot ' || b FROM generate_series(1, $options{bots}) AS b";
	$self->psql(undef, '-v', "bots=$options{bots}", '-v', "rows=$options{rows}", '-v', "seed=$options{seed}", '-f', 'test/citus/events.sql');
	for my $half (0, 1)
	{
		for my $table ([ 'staged_event', 'chat_event' ], [ 'staged_conversation', 'conversation' ])
		{
			my ($columns) = split /\n/, $self->psql(undef, '-c', "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$table->[0]'::regclass AND attnum > 0");
			my $file = "$directory/half.tsv";

			$self->psql(undef, '-c', "\\copy (SELECT $columns FROM (SELECT *, row_number() OVER () AS n FROM $table->[0]) AS s WHERE n % 2 = $half) TO '$file'");
			is($self->psql($_, '-c', "\\copy $table->[1] ($columns) FROM '$file'"), '', 'events are copied') for 0, undef;
		}
		$self->{nodes}->ask('SELECT kindly_stats.distribute(8)') if $half == 0;
	}
	is($self->psql(0, '-c', 'SELECT count(*) FROM kindly_stats.verify()'), "0\n", 'what is stored is what there is');
	is($self->psql(0, '-c', 'SELECT count(*) FROM chat_event'), "$options{rows}\n", 'all events are there');
	return;
}

# What each of these statements, which may be several, is answered with.
sub answers
{
	my ($self, $node, @statements) = @_;
	my $file = "$self->{directory}/statements.sql";
	my $number = 0;
	my $out;

	open my $handle, '>', $file or die "$file: $!";
	print $handle "SET client_min_messages = warning;\nSET timezone = 'UTC';\n\\set VERBOSITY terse\n", map { '\echo # ' . $number++ . "\n$_;\nROLLBACK;\n" } @statements;
	close $handle;
	# Citus warns of temporary views, and psql says which line was wrong
	$out = join '', map { s/^psql:[^ ]* //r } grep { !/no transaction in progress|has dependency on unsupported object/ } map { "$_\n" } split /\n/, $self->psql($node, '-f', $file);
	return map { s/^\d+\n//r } grep { $_ ne '' } split /^# (?=\d+$)/m, $out;
}

sub compare
{
	my ($self, $node, $name, @statements) = @_;
	my @expected = $self->answers(undef, @statements);
	my @found = $self->answers($node, @statements);
	my @different = grep { ($expected[$_] // '') ne ($found[$_] // '') } 0 .. $#statements;
	my $refused = grep { /ERROR/ } @expected;

	is(scalar(@expected), scalar(@statements), "$name, node $node: all are answered");
	is(scalar(@different), 0, "$name, node $node: the same bytes; " . @statements . " questions, $refused refused");
	for (grep { defined } @different[ 0 .. 2 ])
	{
		diag("$statements[$_]\n  single:  " . substr($expected[$_] // '', 0, 500) . "\n  cluster: " . substr($found[$_] // '', 0, 500));
	}
	cmp_ok($refused, '<', @statements / 4, "$name, node $node: most have an answer");
	return;
}

1;
