# Random questions: SQL whose answers are to be the same on any installation that
# has the same events.  They depend on a seed alone.
package Questions;

use strict;
use warnings;

# Values by the names of arguments; literals, as SQL has them.
my @dates = qw(2023-12-30 2024-01-01 2024-02-29 2024-03-30 2024-03-31 2024-04-01 2024-06-15 2024-10-26 2024-10-27 2024-10-28 2024-12-31 2025-01-01);
my %values = (
	tz => [ map { "'$_'" } qw(UTC Europe/Oslo America/St_Johns Asia/Kolkata America/New_York), '+05:45' ],
	granularity => [ map { "'$_'" } qw(hour day day day week week month month quarter year) ],
	resolution => [ map { "'$_'" } qw(hour day day week month month) ],
	dimension => [ map { "'$_'" } qw(hour day day week month month) ],
	group => [ 'NULL', "'source'", "'storyId'" ],
	locale => [ map { "'$_'" } qw(nb-NO en-US ar-EG fa-IR) ],
	compare => [ "'previous_period'", "'previous_year'" ],
	by => [ "'source'", "'language_code'", "'country'", "'topic'" ],
	period => [ map { "'$_'" } qw(last30days thisYear lastYear lastMonth) ],
	attribution => [ "'start'", "'end'" ],
	sources => [ "'{web}'", "'{web,app}'", "'{-web}'", "'{nobody}'" ],
	language_codes => [ "'{nb}'", "'{-en,-nb}'" ],
	source => [ "'web'", "'app'" ],
	storyId => [ "'s1'", "'s2'" ],
	key => [ "'{a}'", "'{NULL,b}'", "'{botHandled}'" ],
	limit => [ 1, 3, 20, 0 ],
	measures => [ "'{messages,users}'", "'{users,countries,sentiments}'" ],
	channels => [ "'chat'" ],
	languages => [ "'en'" ],
	excluded => [ "'Greeting'" ],
	offset => [ 60, -300 ],
	kind => [ "'line'", "'bar'" ],
	bots => [ "'{1,3,77}'", "'{2}'", "'{}'" ],
);

sub new
{
	my ($class, %arguments) = @_;
	my $self = bless { %arguments, state => 12345 + 7919 * $arguments{seed} }, $class;

	$self->dice(2) for 1 .. 10;
	return $self;
}

# A number below n.
sub dice
{
	my ($self, $n) = @_;

	$self->{state} = ($self->{state} * 1103515245 + 12345) & 0x7fffffff;
	return int(($self->{state} >> 8) / 0x800000 * $n);
}

sub pick
{
	my ($self, @choices) = @_;

	return $choices[ $self->dice(scalar @choices) ];
}

sub bot { my ($self) = @_; return $self->dice(20) == 0 ? $self->pick("'nobody'", 99) : 1 + $self->dice($self->{bots}) }

# Two ends, rarely in the wrong order.
sub range
{
	my ($self) = @_;
	my ($from, $to) = sort ($self->pick(@dates), $self->pick(@dates));

	($from, $to) = ($to, $from) if $self->dice(30) == 0;
	($from, $to) = ("$from 10:00Z", "$to 10:15Z") if $self->dice(10) == 0;
	($from, $to) = ('2024-05-01', '2024-05-04') if $self->dice(4) == 0;
	return ("'$from'", "'$to'");
}

# The arguments of a function of the catalog: names, and how many must be there.  The bot is left to the caller.
sub arguments
{
	my ($self, $function) = @_;
	my %range;
	my @result;

	@range{qw(from to)} = $self->range;
	@range{qw(dateFrom dateTo)} = @range{qw(from to)};
	for my $i (0 .. $#{ $function->{names} })
	{
		my $name = $function->{names}[$i];
		my $value;

		next if $name eq 'bot' || $name eq 'client';
		if (exists $range{$name}) { $value = $range{$name} }
		elsif ($name eq 'measure') { $value = "'" . $self->pick(@{ $self->{measures} }, ('messages', 'users') x 12, 'nothing') . "'" }
		elsif ($name eq 'day') { $value = "'" . $self->pick(@dates) . "'" }
		elsif ($name eq 'excluded' && $function->{types}[$i] eq 'text[]') { next }
		elsif (!exists $values{$name}) { next }
		else { $value = $self->pick(@{ $values{$name} }) }
		next if $i >= $function->{required} && !exists $range{$name} && $name ne 'day' && $self->dice($name eq 'key' ? 12 : 3) > 0;
		push @result, "\"$name\" => $value";
	}
	return @result;
}

# One statement, or several, by which a function is called.
sub call
{
	my ($self) = @_;
	my $function = $self->pick(@{ $self->{functions} });
	my ($bot_name) = grep { /^(bot|client)$/ } @{ $function->{names} };
	my @arguments = $self->arguments($function);
	my $bot = $self->bot;
	my $literal = $bot =~ /'/ ? $bot : ($bot_name // '') eq 'client' && $self->dice(20) > 0 ? "'bot $bot'" : "'$bot'";
	my $name = $function->{name};
	my $with = sub { my ($bot_value) = @_; "$name(" . join(', ', (defined $bot_name ? "\"$bot_name\" => $bot_value" : ()), @arguments) . ')' };
	my $f = $with->($literal);
	my $number = 1 + $self->dice($self->{bots});
	my $own = "INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source) VALUES ($number, '2024-05-02 12:00Z', 'user_message', 'mine', 'me', 'web'), (1, '2024-05-03 12:00Z', 'user_message', 'mine', 'me', 'app')";
	my $away = "DELETE FROM chat_event WHERE bot_id = $number AND occurred_at >= '2024-10-27' AND occurred_at < '2024-10-28'";
	my @forms = (
		"SELECT * FROM $f",
		"SELECT * FROM $f",
		"SELECT $f",
		"SELECT t::text, (SELECT count(*) FROM $f) FROM $f AS t",
		"WITH q AS (SELECT * FROM $f) SELECT q.*, (SELECT count(*) FROM q) FROM q",
		"WITH q AS MATERIALIZED (SELECT * FROM $f) SELECT count(*), md5(string_agg(q::text, '|')) FROM q",
		"BEGIN; $own; SELECT * FROM $f; ROLLBACK",
		"BEGIN; SELECT * FROM $f; $own; SELECT * FROM $f; SAVEPOINT s; $away; SELECT * FROM $f; ROLLBACK TO s; SELECT * FROM $f; ROLLBACK",
		"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM $f; $away; SELECT * FROM $f; ROLLBACK",
		"CREATE TEMP VIEW asked AS SELECT * FROM $f; SELECT * FROM asked; DROP VIEW asked",
		"CREATE TEMP TABLE answer AS SELECT * FROM $f; SELECT * FROM answer; DROP TABLE answer",
		"BEGIN; DECLARE c CURSOR FOR SELECT * FROM $f; FETCH 2 FROM c; FETCH ALL FROM c; ROLLBACK",
		"COPY (SELECT * FROM $f) TO STDOUT",
		"SELECT t::text FROM $f AS t UNION ALL SELECT count(*)::text FROM $f",
		"DO \$do\$ DECLARE r record; s text := ''; BEGIN FOR r IN SELECT * FROM $f LOOP s := s || md5(r::text); END LOOP; RAISE WARNING '%', md5(s); END \$do\$");

	push @forms, (
		map { $_->[0] =~ s/<f>/$with->($_->[1])/gre }
		[ "SELECT b.bot, t::text FROM (VALUES (1), (2), (3), (77)) AS b (bot), LATERAL <f> AS t", 'b.bot' ],
		[ "PREPARE q (bigint) AS SELECT * FROM <f>; EXECUTE q (1); EXECUTE q (2); EXECUTE q (3); EXECUTE q (1); EXECUTE q (2); EXECUTE q ($number); EXECUTE q (77); DEALLOCATE q", '$1' ],
		[ "WITH b AS MATERIALIZED (SELECT DISTINCT bot_id FROM chat_event WHERE bot_id < 4) SELECT b.bot_id, t::text FROM b, LATERAL <f> AS t ORDER BY 1, 2", 'b.bot_id' ]) if ($bot_name // '') eq 'bot';
	# Citus lets nobody make views on a worker
	@forms = grep { !/VIEW/ } @forms if $self->{worker};
	push @forms, "WITH t AS MATERIALIZED (SELECT * FROM $f) SELECT (SELECT count(*) FROM t), count(*) FROM chat_event WHERE bot_id = $number",
		"WITH t AS MATERIALIZED (SELECT count(*) AS n FROM $f) SELECT t.n, e.kind, count(*) FROM t, chat_event AS e WHERE e.bot_id = $number GROUP BY 1, 2 ORDER BY 1, 2";
	return $self->pick(@forms);
}

# A question about a relation of schema bi.
sub relation
{
	my ($self) = @_;
	my $relation = $self->pick(@{ $self->{relations} });
	my %types = %{ $relation->{columns} };
	my ($from, $to) = $self->range;
	my @conditions;

	push @conditions, $self->pick("bot_id = '" . (1 + $self->dice($self->{bots})) . "'", "bot_id IN ('1', '3', '77')", "bot_id = ANY ('{2,4}')", "bot_id <> '1'", "bot_name = 'bot 2'") if $self->dice(3) > 0;
	push @conditions, "date >= $from", "date < $to" if exists $types{date} && $self->dice(4) > 0;
	my $where = @conditions ? ' WHERE ' . join ' AND ', @conditions : '';
	my @numbers = grep { $types{$_} =~ /bigint|double/ } sort keys %types;
	my $number = $self->pick(@numbers);
	my $from_where = "FROM bi.$relation->{name}$where";
	my @forms = (
		"SELECT r::text FROM bi.$relation->{name} AS r$where ORDER BY 1",
		"SELECT count(*), sum(round($number\::numeric, 6)) $from_where",
		"SELECT bot_id, count(*), sum(round($number\::numeric, 6)) $from_where GROUP BY 1 ORDER BY 1",
		"WITH r AS MATERIALIZED (SELECT * $from_where) SELECT bot_id, max($number) FROM r GROUP BY 1 ORDER BY 1",
		"SELECT b.bot, count(r.*), sum(round(r.$number\::numeric, 6)) FROM (VALUES ('1'), ('2'), ('77')) AS b (bot) LEFT JOIN (SELECT * $from_where) AS r ON r.bot_id = b.bot GROUP BY 1 ORDER BY 1",
		"BEGIN; INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (1, '2024-05-02 12:00Z', 'user_message', 'mine'), (2, '2024-05-02 12:00Z', 'user_message', 'mine'); SELECT count(*), sum(round($number\::numeric, 6)) $from_where; ROLLBACK",
		"BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT r::text FROM bi.$relation->{name} AS r$where ORDER BY 1; COMMIT; FETCH 3 FROM c; FETCH ALL FROM c; CLOSE c");
	return $self->pick(@forms);
}

# The next question.
sub next
{
	my ($self) = @_;

	return 'SELECT * FROM kindly_stats.bots() ORDER BY number' if $self->dice(100) == 0;
	return @{ $self->{relations} } && $self->dice(6) == 0 ? $self->relation : $self->call;
}

# Queries that list functions, relations and measures; the answers go into parse().
sub catalog
{
	return q{
SELECT 'f|' || concat_ws('|', n.nspname || '.' || p.proname, p.pronargs - p.pronargdefaults, array_to_string(p.proargnames[1:p.pronargs], ','),
	(SELECT string_agg(format_type(t, NULL), ',' ORDER BY i) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i)))
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.prokind = 'f' AND (n.nspname IN ('sage', 'chatbot_com', 'logicdialog') OR n.nspname = 'ultimate' AND p.proname !~ 'meaningful_intent$|^export'
    OR n.nspname = 'kindly_stats' AND (p.proname ~ '^stats_|^top_buttons' OR p.proname = 'fallback_rate' AND p.pronargs > 1)) ORDER BY 1;
SELECT 'r|' || c.relname || '|' || string_agg(a.attname || ':' || format_type(a.atttypid, NULL), ',' ORDER BY a.attnum)
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v' GROUP BY c.relname ORDER BY 1;
SELECT 'm|' || name FROM kindly_stats.measure ORDER BY 1;
};
}

sub parse
{
	my ($text) = @_;
	my %result = (functions => [], relations => [], measures => []);

	for (split /\n/, $text)
	{
		my ($what, $name, @rest) = split /\|/;
		push @{ $result{functions} }, { name => $name, required => $rest[0], names => [ split /,/, $rest[1] // '' ], types => [ split /,/, $rest[2] // '' ] } if $what eq 'f';
		push @{ $result{relations} }, { name => $name, columns => { map { split /:/ } split /,/, $rest[0] } } if $what eq 'r';
		push @{ $result{measures} }, $name if $what eq 'm';
	}
	return %result;
}

1;
