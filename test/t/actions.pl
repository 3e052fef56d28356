# What the workflow of GitHub Actions runs is in this repository, and what of it is quick runs here.

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Test::More;

sub slurp
{
	my ($file) = @_;
	open(my $in, '<:encoding(UTF-8)', $file) or die "$file: $!";
	local $/;
	return scalar <$in>;
}

my $workflow = slurp('.github/workflows/check.yml');
my $makefile = slurp('Makefile');
my @runs = $workflow =~ /^\s*- run: (.*)$/mg;
is(scalar(() = $workflow =~ /\brun:/g), scalar @runs, 'each step that runs something is one line');
cmp_ok(scalar @runs, '>=', 8, 'there are steps');
unlike($workflow, qr/\t/, 'YAML has no tabs');

# A suite or a test of check.sh, as its read_names() knows them.
sub is_check
{
	my ($name) = @_;
	return slurp('test/check.sh') =~ /^\t\t(?:[\w |]*\| )?$name(?: \|[\w |]*)?\) suites=/m
	  || grep { -e } "sql/$name.sql", "test/isolation/specs/$name.spec", "test/t/$name.pl", "test/unit/$name.c", "test/fuzz/$name.c";
}

for my $run (@runs)
{
	my ($program, @arguments) = split(' ', $run);
	if ($program eq 'sudo')
	{
		like($run, qr/^sudo (?:apt-get install -y [\w .-]+|\/usr\/share\/postgresql-common\/pgdg\/apt\.postgresql\.org\.sh -y)$/, $run);
	}
	elsif ($program eq 'sh')
	{
		my $script = shift @arguments;
		ok(-e $script && system('sh', '-n', $script) == 0, "$run: the script is there");
		is(join(' ', grep { $script ne 'test/check.sh' || !is_check($_) } @arguments), '', "$run: it knows its arguments");
	}
	elsif ($program eq 'make')
	{
		ok($makefile =~ /^(?:[\w ]+ )?$_(?: [\w ]+)?:/m, "$run: $_ is a target") for grep { !/=/ } @arguments;
	}
	else
	{
		fail("$run: unknown");
	}
}
ok(!is_check('nothing'), 'a name that is none is noticed');

# every version that is said to be supported
my ($versions) = $workflow =~ /^\s*version: \[(.*)\]$/m;
is($versions, '15, 16, 17, 18', 'all versions are there');
like($workflow, qr/^\s*runs-on: \S+-arm$/m, 'and a 64-bit ARM');

# ---------------------------------------------------------------- what is quick runs

my $dir = tempdir(CLEANUP => 1);
my $here = getcwd();
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL VPATH)};
for my $run (grep { $_ eq 'make dist' || $_ eq 'make unit' } @runs)
{
	my $command = $run =~ s/^make/make -s -C '$dir' -f '$here\/Makefile' VPATH='$here'/r . ($run eq 'make unit' ? ' NAMES=url' : '');
	my $said = `$command 2>&1`;
	is($?, 0, "$run runs") or diag($said);
}

done_testing();
