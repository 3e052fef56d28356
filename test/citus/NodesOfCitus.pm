# A coordinator and workers with Citus, on loopback, and beside them a database without it
# that is told the same.
package NodesOfCitus;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

sub new
{
	my ($class, %options) = @_;
	my $self = bless { nodes => [], own_shards => $options{own_shards} }, $class;

	$self->{conf} = $options{conf} // '';
	$self->start_node($_ == 0 ? 'coordinator' : "worker$_") for 0 .. ($options{workers} // 2);
	$self->add_database('spread');
	$self->coordinator->safe_psql('postgres', 'SET citus.enable_create_database_propagation = off; CREATE DATABASE plain');
	$self->coordinator->safe_psql('plain', 'CREATE EXTENSION kindly_stats');
	return $self;
}

# A server that no other knows of yet.
sub start_node
{
	my ($self, $name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf('postgresql.conf', join "\n",
		"shared_preload_libraries = 'citus'", "listen_addresses = '127.0.0.1'", 'fsync = off', 'wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10',
		'max_prepared_transactions = 50', 'max_connections = 100', "timezone = 'UTC'", 'log_statement = none', 'citus.enable_statistics_collection = off',
		'kindly_stats.compact_after = 8', $self->{conf}, '');
	# from some minor releases on, what may decode the WAL has to be named
	$node->append_conf('postgresql.conf', "output_plugin_libraries = 'pgoutput, test_decoding, citus'")
	  if (readpipe('postgres -C output_plugin_libraries -D ' . $node->data_dir . ' 2>/dev/null') // '') =~ /\S/;
	$node->start;
	push @{ $self->{nodes} }, $node;
	return $node;
}

# A database on all nodes that know of each other.
sub add_database
{
	my ($self, $name) = @_;
	my ($first, @others) = @{ $self->{nodes} };

	for my $node ($first, @others)
	{
		$node->safe_psql('postgres', 'SET client_min_messages = error; SET citus.enable_create_database_propagation = off; ' . "CREATE DATABASE $name")
		  if $name ne 'postgres';
		$node->safe_psql($name, 'CREATE EXTENSION citus');
	}
	$first->safe_psql($name, 'SELECT citus_set_coordinator_host(\'127.0.0.1\', ' . $first->port . ')');
	$first->safe_psql($name, 'SELECT citus_set_node_property(\'127.0.0.1\', ' . $first->port . q{, 'shouldhaveshards', true)}) if $self->{own_shards};
	$first->safe_psql($name, "SELECT citus_add_node('127.0.0.1', " . $_->port . ')') for @others;
	$first->safe_psql($name, 'CREATE EXTENSION kindly_stats');
	return;
}

sub coordinator { return $_[0]{nodes}[0]; }
sub worker { return $_[0]{nodes}[ $_[1] ]; }

sub stop
{
	my ($self) = @_;
	$_->stop for @{ $self->{nodes} };
	return;
}

# What a statement gives, on the cluster: of what went wrong, the message.
sub ask
{
	my ($self, $statement, %options) = @_;
	my $node = $self->{nodes}[ $options{node} // 0 ];
	my ($status, $out, $error) = $node->psql($options{database} // 'spread', $statement, on_error_stop => 1, timeout => 120);

	$error =~ s/^psql:\S+ //mg;
	return $status == 0 ? $out : ($error =~ /ERROR:  (.*)/ ? "ERROR: $1" : $error);
}

# The same on both.
sub same
{
	my ($self, $statement, $name, %options) = @_;
	my $there = $self->ask($statement, %options);

	is($there, $self->ask($statement, database => 'plain'), $name // $statement);
	return $there;
}

# Nothing that was written is missed, and both sides say the same of each bot.
sub agree
{
	my ($self, $name) = @_;

	is($self->ask('SELECT * FROM kindly_stats.verify()'), '', "$name: verify() finds nothing");
	# workers know nothing of tables that are the coordinator's own
	for my $node ($self->ask('SELECT kindly_stats.place()') eq 'here' ? (0) : (0, 1))
	{
		$self->same(q{SELECT b.bot, m.name, t.bucket, t.count, t.distinct_count FROM generate_series(0, 12) AS b (bot), unnest(ARRAY['events', 'messages', 'replies', 'users']) AS m (name),
			LATERAL kindly_stats.stats_series(b.bot, '2025-01-01', '2025-05-01', granularity => 'month', measure => m.name) AS t ORDER BY 1, 2, 3},
			"$name: node $node has the same of each bot, measure and month", node => $node);
	}
	return;
}

1;
