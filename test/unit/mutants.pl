# mutants.pl: changes to the plain-C core, one at a time, that the unit tests must notice.
#
#     perl test/unit/mutants.pl TOP WORK [FILE]...
#
# Called by test/plain.sh.  For each file of the core (or each FILE, as in
# src/tally/pack.c) MUTANTS (6) places are drawn, the same ones as long as the file stays
# as it is, and each is changed: < to <=, + to -, && to ||, 0 to 1, a statement to none.  A
# mutant is killed when no unit test that builds the file passes any more: it does not
# compile, a check fails, it does not end, or, where all that is not so, the sanitizers
# find something.  One that survives is listed, and is a failure unless
# test/unit/survivors has it, with the reason.

use strict;
use warnings;

my ($top, $work, @wanted) = @ARGV;
$| = 1;
my $draws = $ENV{MUTANTS} // 6;
my $seconds = 120;

# ---------------------------------------------------------------- programs

# The sources that each unit test is built of, cheapest first.
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

# Objects of what is not changed, once, and the same for the sanitizers.
my $cc = 'cc -O1 -w -DKS_STANDALONE -Isrc -Itest/unit';
my $sanitized = "$cc -fsanitize=address,undefined -fno-sanitize-recover=all";
my (%object, $objects);
sub run { return system('sh', '-c', "cd '$top' && { $_[0] ; } >'$work/log' 2>&1 </dev/null"); }

sub object
{
	my ($compiler, $file) = @_;
	return $object{$compiler}{$file} if $object{$compiler}{$file};
	my $to = "$work/" . ++$objects . '.o';
	run("$compiler -c -o '$to' '$file'") == 0 or die "$file does not compile";
	return $object{$compiler}{$file} = $to;
}

# Whether a test passes with another text in the place of a file, if there is one.
sub passes
{
	my ($compiler, $test, $file, $mutant) = @_;
	my $changed = "$work/mutant.o";
	$compiler .= " $flags{$test}";
	return 0 if $mutant && run("$compiler -I'" . ($file =~ s{/[^/]+$}{}r) . "' -c -o '$changed' '$mutant'") != 0;
	my @objects = map { $_ eq $file ? $changed : object($compiler, $_) } @{ $sources{$test} };
	my $link = join(' ', map { "'$_'" } object($compiler, "test/unit/$test.c"), @objects);
	return run("$compiler -o '$work/program' $link && timeout $seconds '$work/program'") == 0;
}

# Without a change all pass; the quickest come first from now on.
my %took;
for my $test (sort keys %sources)
{
	passes($cc, $test, '', '') or die "$test fails without a change\n";
	my @before = times;
	run("'$work/program'");
	my @after = times;
	$took{$test} = $after[2] - $before[2];
}
my @tests = sort { $took{$a} <=> $took{$b} || $a cmp $b } keys %sources;

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
my %known;
if (open(my $in, '<', "$top/test/unit/survivors"))
{
	while (<$in>)
	{
		next if /^#|^\s*$/;
		chomp;
		my ($file, $is, $would, $why) = split(/ \| /);
		die "survivors, line $.: four parts are wanted" if !defined $why;
		$known{"$file | $is | $would"} = $why;
	}
}

my ($killed, $explained, $survived) = (0, 0, 0);
for my $file (@wanted)
{
	die "no unit test is built of $file\n" if !$core{$file};
	open(my $in, '<', "$top/$file") or die "$file: $!";
	my @lines = <$in>;
	my $seed = unpack('%32C*', join('', @lines)) % 2147483648;
	for my $change (drawn($draws, $seed, changes(@lines)))
	{
		my ($number, $is, $would) = @$change;
		my $mutant = "$work/mutant.c";
		my @text = @lines;
		$text[$number] = $would;
		open(my $out, '>', $mutant) or die "$mutant: $!";
		print $out @text;
		close($out);
		s/^\s+|\s+$//g for $is, $would;
		my $lives = 1;
		for my $compiler ($cc, $sanitized)
		{
			for my $test (grep { grep { $_ eq $file } @{ $sources{$_} } } @tests)
			{
				$lives &&= passes($compiler, $test, $file, $mutant);
			}
		}
		if (!$lives)
		{
			$killed++;
		}
		elsif ($known{"$file | $is | $would"})
		{
			$explained++;
		}
		else
		{
			$survived++;
			printf("survived: %s:%d | %s | %s\n", $file, $number + 1, $is, $would);
		}
	}
}
print "$killed mutants killed, $explained that change nothing, $survived survived\n";
exit($survived > 0);
