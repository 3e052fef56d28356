# A coordinator and workers of Citus, thrown away afterwards.  They talk through sockets.
package CitusNodes;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

# Why tests of it cannot run here; undef where they can.
sub missing
{
	my ($directory) = map { s/\n//r } `pg_config --sharedir`;
	return -e "$directory/extension/citus.control" ? undef : 'CREATE EXTENSION citus does not work here: Citus is not installed';
}

# A coordinator with so many workers, all with both extensions, in database postgres.
sub new
{
	my ($class, $workers, $settings) = @_;
	my $self = bless { nodes => [], settings => $settings // '' }, $class;

	$self->start_node($_ ? "worker$_" : 'coordinator') for 0 .. $workers;
	$self->sql(sprintf q{SELECT citus_set_coordinator_host('%s', %d)}, $self->coordinator->host, $self->coordinator->port);
	$self->add_node($_) for $self->workers;
	$self->sql('CREATE EXTENSION kindly_stats');
	return $self;
}

sub start_node
{
	my ($self, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'citus'\nmax_connections = 200\nmax_prepared_transactions = 100\n"
		  . "max_worker_processes = 32\nmax_logical_replication_workers = 16\nmax_replication_slots = 32\nmax_wal_senders = 32\nshared_buffers = 64MB\n"
		  . "timezone = 'UTC'\njit = off\nrestart_after_crash = on\ncitus.local_hostname = '@{[$node->host]}'\ncitus.enable_statistics_collection = off\nlog_statement = none\n$self->{settings}");
	# from some minor releases on, what may decode the WAL is listed
	my ($lists) = map { s/\n//r } `postgres -C output_plugin_libraries -D @{[$node->data_dir]} 2>/dev/null`;
	$node->append_conf('postgresql.conf', q{output_plugin_libraries = 'pgoutput, test_decoding, citus'}) if defined $lists && $lists ne '';
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION citus');
	push @{ $self->{nodes} }, $node;
	return $node;
}

sub add_node
{
	my ($self, $node) = @_;
	$self->sql(sprintf q{SELECT citus_add_node('%s', %d)}, $node->host, $node->port);
	return;
}

sub coordinator { return $_[0]{nodes}[0]; }
sub workers { my @nodes = @{ $_[0]{nodes} }; return @nodes[ 1 .. $#nodes ]; }
sub nodes { return @{ $_[0]{nodes} }; }

# On the coordinator.
sub sql
{
	my ($self, $statement) = @_;
	return $self->coordinator->safe_psql('postgres', $statement);
}

sub stop
{
	my ($self) = @_;
	$_->stop('fast') for reverse $self->nodes;
	return;
}

1;
