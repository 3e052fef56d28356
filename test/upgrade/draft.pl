# The draft of an upgrade script: what of a new install script is to be run where
# an older one was.
#
#     perl test/upgrade/draft.pl OLD.sql NEW.sql [schema=schema]... > src/upgrade/kindly_stats--OLD--NEW.sql
#
# schema=schema: one that is renamed.  A function whose arguments and result stay
# as they are is replaced, and keeps its rights; what cannot be replaced is
# dropped and made again, with its comment and rights.  Tables that attaching
# makes are in no install script: what changes of them is written by hand, as is
# whatever the comments that begin with "by hand" ask for.  Whether the result is
# right is for test/t/upgrade.pl to say.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Statements;

my ($old_file, $new_file, @renamed) = @ARGV;
die "usage: draft.pl OLD.sql NEW.sql [schema=schema]...\n" unless defined $new_file;
my %schema = map { split /=/ } @renamed;
my @old = map { identify($_) } Statements::read_file($old_file);
my @new = map { identify($_) } Statements::read_file($new_file);
for my $name (keys %schema)
{
	delete $schema{$name} unless grep { $_->{key} eq "CREATE SCHEMA $schema{$name}" } @new;
}

# What a statement is about: verb, kind and name.
sub identify
{
	my ($text) = @_;

	my ($verb, $kind, $name) = Statements::identity($text);
	return { text => $text, verb => $verb, kind => $kind, name => $name, key => "$verb $kind $name", object => "$kind $name" };
}

# What the old script says, as it would be after schemas were renamed: what is quoted stays as it is.
sub renamed
{
	my ($text) = @_;
	my $result = '';

	while ($text =~ /(\$(\w*)\$.*?\$\2\$|'(?:[^']|'')*'|[^\$']+|.)/gs)
	{
		my $part = $1;
		if ($part !~ /^['\$]/)
		{
			$part =~ s/(?<![\w.])\Q$_\E(?=\.|\s*$|\s+(?:TO|FROM|IS)\b)/$schema{$_}/g for keys %schema;
		}
		$result .= $part;
	}
	return $result;
}

for my $statement (@old)
{
	$statement->{$_} = renamed($statement->{$_}) for qw(text name key object);
}
my %old = map { $_->{key} => $_ } @old;
my %new = map { $_->{key} => $_ } @new;
my (@dropped, @written, %anew, %gone);

# Objects that are there no more, or not as they can be replaced, and what cannot be without them.
sub mentions
{
	my ($statement) = @_;

	return 0 unless $statement->{kind} eq 'VIEW' || $statement->{text} =~ /\bBEGIN ATOMIC\b/;
	for my $name (keys %gone)
	{
		return 1 if $name ne $statement->{name} =~ s/\(.*//sr && $statement->{text} =~ /(?<![\w.])\Q$name\E(?!\w)/;
	}
	return 0;
}

my $known;
do
{
	$known = keys %anew;
	for my $statement (grep { $_->{verb} eq 'CREATE' && $_->{kind} ne 'SHELL TYPE' } @old)
	{
		my $next = $new{ $statement->{key} };
		next if $anew{ $statement->{object} };
		next if $next && !mentions($statement) && ($next->{text} eq $statement->{text} || Statements::replaces($next->{text}, $statement->{text}));
		$anew{ $statement->{object} } = 1;
		$gone{ $statement->{name} =~ s/\(.*//sr } = 1;
	}
} while ($known != keys %anew);

# those first that were made last
for my $statement (reverse grep { $_->{verb} eq 'CREATE' && $anew{ $_->{object} } } @old)
{
	push @dropped, "DROP $statement->{kind} " . ($statement->{kind} eq 'CAST' ? "($statement->{name})" : $statement->{name}) . ';';
}

for my $statement (@new)
{
	my $before = $old{ $statement->{key} };
	my $text = $statement->{text};
	# what an installation alone checks and says; others comment on what is there
	next if $statement->{verb} eq 'DO' && $text !~ /\bEXECUTE\b/;
	if ($statement->{verb} eq 'CREATE')
	{
		next if $before && $before->{text} eq $text && !$anew{ $statement->{object} };
		$text =~ s/^CREATE /CREATE OR REPLACE / if $before && !$anew{ $statement->{object} };
		push @written, $text;
	}
	elsif (!$before || $before->{text} ne $text || $anew{ $statement->{object} })
	{
		push @written, $text;
	}
}

# Comments and rights of what stays that nobody says any more.
for my $statement (grep { $_->{verb} ne 'CREATE' && $_->{verb} ne 'DO' } @old)
{
	next if $new{ $statement->{key} } || !grep({ $new{"CREATE $_ $statement->{name}"} } $statement->{kind}, $statement->{kind} eq 'TABLE' ? ('VIEW', 'FOREIGN TABLE') : ()) || $anew{ $statement->{object} };
	if ($statement->{text} =~ /^REVOKE (\w+) ON (.*) FROM PUBLIC$/s)
	{
		push @written, "GRANT $1 ON $2 TO PUBLIC";
	}
	elsif ($statement->{text} =~ /^GRANT (\w+) ON (.*) TO PUBLIC$/s)
	{
		push @written, "REVOKE $1 ON $2 FROM PUBLIC";
	}
	else
	{
		push @written, "-- by hand: the opposite of\n-- " . (split /\n/, $statement->{text})[0];
	}
}

my ($from) = $old_file =~ /--([\d.]+)\.sql$/;
my ($to) = $new_file =~ /--([\d.]+)\.sql$/;
print "-- kindly_stats: from version $from to $to\n\\echo Use \"ALTER EXTENSION kindly_stats UPDATE\" to load this file. \\quit\n\n";
print "ALTER SCHEMA $_ RENAME TO $schema{$_};\n" for sort keys %schema;
print "$_\n" for @dropped;
print "\n" if @dropped || %schema;
print /^--/ ? "$_\n\n" : "$_;\n" for @written;
