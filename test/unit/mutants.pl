# mutants.pl: changes to the plain-C core, one at a time, that the unit tests must notice.
#
#     perl test/unit/mutants.pl TOP WORK [FILE]...
#
# Called by test/plain.sh.  For each file of the core (or each FILE, as in
# src/tally/pack.c) MUTANTS (6) places are drawn, the same ones as long as the file stays
# as it is, and each is changed: < to <=, + to -, && to ||, 0 to 1, a statement to none.  A
# mutant is killed when some unit test that builds the file does not pass any more: it does
# not compile, a check fails, it takes several times as long, or, where all that is not so,
# the sanitizers find something.  One that survives is listed, and is a failure unless
# test/unit/survivors has it, with the reason.  All processors are used, or JOBS of them.

use strict;
use warnings;

use File::Compare;
use POSIX qw(ceil);

my ($top, $work, @wanted) = @ARGV;
$| = 1;
my $draws = $ENV{MUTANTS} // 6;
my $jobs = $ENV{JOBS} // (qx(getconf _NPROCESSORS_ONLN) + 0 || 1);

# ---------------------------------------------------------------- work side by side

my $place = $work;

# Runs a shell command from the top; what it prints is not of interest.
sub run { return system('sh', '-c', "cd '$top' && { $_[0] ; } >'$place/log' 2>&1 </dev/null"); }

# Hands each thing to a process that is free, and what the function says of it, a line, to
# the other function.  The processes take the numbers of things from one pipe.
sub side_by_side
{
	my ($function, $hear, @things) = @_;
	pipe(my $numbers, my $more) or die "pipe: $!";
	pipe(my $answers, my $answer) or die "pipe: $!";
	my @processes;
	for my $job (1 .. $jobs)
	{
		my $process = fork() // die "fork: $!";
		push @processes, $process;
		next if $process;
		close($more);
		close($answers);
		$place = "$work/$job";
		mkdir $place;
		$answer->autoflush(1);
		while (sysread($numbers, my $number, 4))
		{
			$number = unpack('L', $number);
			my $line = eval { $function->($things[$number]) } // "died: $@" =~ s/\n//gr;
			print $answer "$number $line\n";
		}
		POSIX::_exit(0);
	}
	close($numbers);
	close($answer);
	my $process = fork() // die "fork: $!";
	if (!$process)
	{
		syswrite($more, pack('L', $_)) for 0 .. $#things;
		POSIX::_exit(0);
	}
	close($more);
	while (<$answers>)
	{
		my ($number, $line) = /^(\d+) (.*)$/ or die "not an answer: $_";
		die "$1\n" if $line =~ /^died: (.*)/;
		$hear->($things[$number], $line);
	}
	waitpid($_, 0) for @processes, $process;
}

# ---------------------------------------------------------------- programs

# The sources that each unit test is built of, and the macros that its head sets.
my (%sources, %flags);
for my $test (glob("$top/test/unit/unit_*.c"))
{
	open(my $in, '<', $test) or die "$test: $!";
	my $head = join('', map { $_ // '' } (<$in>)[0 .. 30]);
	my ($name) = $test =~ m{([^/]+)\.c$};
	$sources{$name} = [ $head =~ m{\b(src/[\w/]+\.c)}g ];
	$flags{$name} = join(' ', $head =~ m{ (-D\w+=\w+)}g);
}
my %core = map { $_ => 1 } map { @$_ } values %sources;
@wanted = sort keys %core if !@wanted;
$core{$_} or die "no unit test is built of $_\n" for @wanted;

# A program that loops may ask for memory and print without end, too.
my @ways = (
	{ compiler => 'cc -O1 -w -DKS_STANDALONE -Isrc -Itest/unit', limits => 'ulimit -v 4000000; ulimit -f 100000' },
	{   compiler => 'cc -O1 -w -DKS_STANDALONE -Isrc -Itest/unit -fsanitize=address,undefined -fno-sanitize-recover=all',
		limits => 'ulimit -f 100000; export ASAN_OPTIONS=hard_rss_limit_mb=3000' });

# Objects of what is not changed, of each way and each set of flags once.
my %object;
for my $way (0 .. $#ways)
{
	for my $test (keys %sources)
	{
		$object{"$way $flags{$test} $_"} //= "$work/" . keys(%object) . '.o' for "test/unit/$test.c", @{ $sources{$test} };
	}
}
side_by_side(
	sub {
		my ($way, $flags, $file) = $_[0] =~ /^(\d+) (.*) (\S+)$/;
		run("$ways[$way]{compiler} $flags -c -o '$object{$_[0]}' '$file'") == 0 or die "$file does not compile";
		return 'made';
	},
	sub { }, sort keys %object);

# Whether a test passes with an object in the place of a file's, within a time of the processor's, if any.
sub passes
{
	my ($way, $test, $file, $changed, $seconds) = @_;
	my @objects = map { $_ eq $file ? $changed : $object{"$way $flags{$test} $_"} } "test/unit/$test.c", @{ $sources{$test} };
	my $link = join(' ', map { "'$_'" } @objects);
	my $limits = $ways[$way]{limits} . ($seconds ? "; ulimit -t $seconds" : '');
	return run("$ways[$way]{compiler} -o '$place/program' $link && ($limits; '$place/program')") == 0;
}

# Without a change all pass.  A changed one may take four times as long; the quickest come first.
my (@took, @seconds);
side_by_side(
	sub {
		my ($way, $test) = @{ $_[0] };
		my @before = times;
		passes($way, $test, '', '') or die "$test fails without a change";
		my @after = times;
		return $after[2] + $after[3] - $before[2] - $before[3];
	},
	sub {
		my ($way, $test) = @{ $_[0] };
		$took[$way]{$test} = $_[1];
		$seconds[$way]{$test} = 2 + ceil(4 * $_[1]);
	},
	map { my $test = $_; map { [ $_, $test ] } 0 .. $#ways } sort keys %sources);
my @tests = sort { $took[0]{$a} <=> $took[0]{$b} || $a cmp $b } keys %sources;

# ---------------------------------------------------------------- changes

my @operators = (
	[ qr/ <= /, ' < ' ], [ qr/ >= /, ' > ' ], [ qr/ < /, ' <= ' ], [ qr/ > /, ' >= ' ], [ qr/ == /, ' != ' ], [ qr/ != /, ' == ' ],
	[ qr/ \+ /, ' - ' ], [ qr/ - /, ' + ' ], [ qr/ && /, ' || ' ], [ qr/ \|\| /, ' && ' ], [ qr/ \* (?=[a-z(0-9])/, ' + ' ], [ qr/ << /, ' >> ' ], [ qr/ >> /, ' << ' ],
	[ qr/ & (?=\S)/, ' | ' ], [ qr/ \+= /, ' -= ' ], [ qr/ -= /, ' += ' ], [ qr/(?<=\w)\+\+/, '--' ], [ qr/\btrue\b/, 'false' ], [ qr/\bfalse\b/, 'true' ],
	[ qr/(?<![\w.])0(?![\w.])/, '1' ], [ qr/(?<![\w.])1(?![\w.])/, '2' ], [ qr/!(?=[a-z(])/, '' ]);

# Every change to a text: [line number, line as it was, line as it would be].  Comments, declarations and what
# the preprocessor reads are left alone.
sub changes
{
	my @lines = @_;
	my ($in_comment, @changes);
	for my $i (0 .. $#lines)
	{
		my $line = $lines[$i];
		my $was_comment = $in_comment;
		$in_comment = 1 if $line =~ m{/\*};
		$in_comment = 0 if $line =~ m{\*/};
		next if $was_comment || $line =~ m{^\s*/\*} || $line =~ /^\s*#|\\$/ || $line !~ /^\t/ || $line =~ /^\s*(?:ks_check_interrupts|Assert)\b/;
		for my $operator (@operators)
		{
			my ($from, $to) = @$operator;
			while ($line =~ /$from/g)
			{
				my $changed = $line;
				substr($changed, $-[0], $+[0] - $-[0]) = $to;
				push @changes, [ $i, $line, $changed ];
			}
		}
		# a call or an assignment, whole on its line
		push @changes, [ $i, $line, ($line =~ s/^(\t+).*/$1;/r) ] if $line =~ /^\t+(?:\w+(?:->|\.|\[)?.* [-+|&]?= .*|\w+\(.*\));$/ && $line !~ /^\t+(?:\w+ +)+\**\w+ = /;
	}
	return @changes;
}

# The same places for the same text: a generator that the text seeds.
sub drawn
{
	my ($count, $seed, @all) = @_;
	my @drawn;
	while (@drawn < $count && @all)
	{
		$seed = ($seed * 1103515245 + 12345) % 2147483648;
		push @drawn, splice(@all, int($seed / 65536) % @all, 1);
	}
	return sort { $a->[0] <=> $b->[0] } @drawn;
}

# ---------------------------------------------------------------- the run

# survivors: FILE | line as it is, without indentation | line as it would be | why that changes nothing that can be seen
my @known;
if (open(my $in, '<', "$top/test/unit/survivors"))
{
	@known = grep { !/^#|^\s*$/ } <$in>;
	/^\S+ \| .+ \| .+ \| ./ or die "survivors: four parts are wanted: $_" for @known;
}

# A mutant as survivors has it, and whether it does.
sub said { return join(' | ', map { s/^\s+|\s+$//gr } @{ $_[0] }{qw(file is would)}); }
sub is_known { my $said = said($_[0]) . ' | '; return scalar(grep { index($_, $said) == 0 } @known); }

# Whether all tests pass with a mutant: it is compiled once for those of equal flags.  What
# is explained need not meet the sanitizers, which take most of the time.
sub lives
{
	my ($file, $mutant, $is_known) = @_;
	my $folder = $file =~ s{/[^/]+$}{}r;
	for my $way (0 .. ($is_known ? 0 : $#ways))
	{
		my %changed;
		for my $test (grep { grep { $_ eq $file } @{ $sources{$_} } } @tests)
		{
			my $flags = $flags{$test};
			if (!$changed{$flags})
			{
				$changed{$flags} = "$place/" . keys(%changed) . '.o';
				return 0 if run("$ways[$way]{compiler} $flags -I'$folder' -c -o '$changed{$flags}' '$mutant'") != 0;
			}
			next if $way == 0 && compare($changed{$flags}, $object{"$way $flags $file"}) == 0;
			return 0 if !passes($way, $test, $file, $changed{$flags}, $seconds[$way]{$test});
		}
	}
	return 1;
}

my @mutants;
for my $file (@wanted)
{
	open(my $in, '<', "$top/$file") or die "$file: $!";
	my @lines = <$in>;
	my $seed = unpack('%32C*', join('', @lines)) % 2147483648;
	push @mutants, map { { file => $file, lines => \@lines, number => $_->[0], is => $_->[1], would => $_->[2] } } drawn($draws, $seed, changes(@lines));
}

my ($killed, $explained, $survived) = (0, 0, 0);
print scalar(@mutants), ' mutants of ', scalar(@wanted), " files\n";
side_by_side(
	sub {
		my ($mutant) = @_;
		my @text = @{ $mutant->{lines} };
		$text[$mutant->{number}] = $mutant->{would};
		# an object has the name of its source in it
		my ($source) = map { "$place/$_" } $mutant->{file} =~ m{([^/]+)$};
		open(my $out, '>', $source) or die "$source: $!";
		print $out @text;
		close($out);
		return lives($mutant->{file}, $source, is_known($mutant)) ? 'lives' : 'killed';
	},
	sub {
		my ($mutant, $fate) = @_;
		if ($fate eq 'killed')
		{
			$killed++;
		}
		elsif (is_known($mutant))
		{
			$explained++;
		}
		else
		{
			$survived++;
			print 'survived, line ', $mutant->{number} + 1, ': ', said($mutant), "\n";
		}
		my $done = $killed + $explained + $survived;
		print "$done done\n" if $done % 20 == 0;
	},
	@mutants);
print "$killed mutants killed, $explained that change nothing, $survived survived\n";
exit($survived > 0);
