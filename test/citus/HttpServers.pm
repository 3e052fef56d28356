# PostgREST and nginx before a database of a node, as http/lib.sh configures and starts them.
package HttpServers;

use strict;
use warnings;

use Cwd;
use PostgreSQL::Test::Utils;

# postgrest: the directory that install_postgrest() of http/lib.sh has made; rate: so many requests a second, where not limits
# are what is tested
sub new
{
	my ($class, $node, $database, $postgrest, %options) = @_;
	my $self = bless { rate => $options{rate} // '', node => $node, database => $database, postgrest => $postgrest, place => PostgreSQL::Test::Utils::tempdir_short() . '/http' }, $class;

	$self->{secret} = $node->safe_psql($database, 'SELECT kindly_stats.signing_secret()');
	$self->shell('port=$(free_port) && HTTP_RATE=$rate configure_http "$place" "$postgrest/postgrest" "$(database_uri "$database")" "$secret" "$port" "$top/http/dashboard" && start_http "$place" && echo "$port" >"$place/port"') == 0
	  or die "PostgREST and nginx do not start\n";
	chomp(my $port = PostgreSQL::Test::Utils::slurp_file("$self->{place}/port"));
	$self->{url} = "http://127.0.0.1:$port";
	return $self;
}

# Functions of http/lib.sh, with what they are about in variables.
sub shell
{
	my ($self, $command) = @_;
	my ($node, $top) = ($self->{node}, cwd());

	local %ENV = (%ENV, top => $top, (map { $_ => $self->{$_} } qw(place postgrest database secret rate)), PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'postgres');
	return system('sh', '-c', ". \"\$top/test/lib.sh\"; . \"\$top/http/lib.sh\"; $command");
}

# What lib.mjs of test/http wants to know.
sub environment
{
	my ($self) = @_;

	return (KINDLY_URL => $self->{url}, KINDLY_SECRET => $self->{secret}, KINDLY_RUN => "$self->{place}/run", KINDLY_PSQL => 'psql', KINDLY_LOG => $self->{node}->logfile,
		PGHOST => $self->{node}->host, PGPORT => $self->{node}->port, PGDATABASE => $self->{database}, PGUSER => 'postgres');
}

sub stop
{
	my ($self) = @_;

	$self->shell('stop_http "$place"');
	return;
}

1;
