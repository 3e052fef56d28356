# doc/reference.md is what `make reference` writes of this version.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my ($out, $err) = run_command([ 'psql', '-X', '-d', $node->connstr('postgres'), '-f', 'doc/reference.sql' ]);
is($err, '', 'the reference is written without an error');

my @is = split(/\n/, $out, -1);
my @kept = split(/\n/, slurp_file('doc/reference.md') =~ s/\n\z//r, -1);
my ($first) = grep { ($is[$_] // '') ne ($kept[$_] // '') } 0 .. ($#is > $#kept ? $#is : $#kept);
ok(!defined $first, 'doc/reference.md is that of the comments: else `make reference`')
  or diag(sprintf("line %d is\n%s\nand should be\n%s", $first + 1, $kept[$first] // '(none)', $is[$first] // '(none)'));

# A comment that says nothing would be noticed nowhere else.
my @bare = $out =~ /^```\n\n(?=\n|#)/mg;
is(scalar @bare, 0, 'every function has a summary');
cmp_ok(scalar(() = $out =~ /^### /mg), '>', 100, 'and there are many');

$node->stop;
done_testing();
