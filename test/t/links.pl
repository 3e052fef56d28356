# Every relative link of README.md and doc/ leads to a file that is there, and to a heading in it.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

# The text outside of fenced blocks.
sub prose
{
	my ($file) = @_;
	open(my $in, '<:encoding(UTF-8)', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	close($in);
	$text =~ s/^```.*?^```$//msg;
	return $text;
}

# Anchors as GitHub makes them of headings: lower case, punctuation gone, blanks to hyphens, repeated ones numbered.
my %anchors;

sub anchors
{
	my ($file) = @_;
	my (%seen, %anchor);

	return $anchors{$file} if $anchors{$file};
	for my $heading (prose($file) =~ /^#{1,6} +(.*?)\s*$/mg)
	{
		$heading =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
		my $name = lc $heading;
		$name =~ s/[^\w\- ]//g;
		$name =~ tr/ /-/;
		my $repeated = $seen{$name}++;
		$anchor{ $repeated ? "$name-$repeated" : $name } = 1;
	}
	return $anchors{$file} = \%anchor;
}

# a/b/../c is a/c
sub plain_path
{
	my ($path) = @_;
	1 while $path =~ s{(?:^|(?<=/))(?!\.\./)[^/]+/\.\./}{};
	$path =~ s{^(?:\./)+}{};
	return $path;
}

my @files = ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', sort glob('doc/*.md src/*/README.md test/*/README.md'));
my $links = 0;
my %reached;
for my $file (@files)
{
	my $text = prose($file);
	my @wrong;

	$text =~ s/`[^`\n]*`//g;
	while ($text =~ /\]\(([^)\s]+)\)/g)
	{
		my ($path, $anchor) = split(/#/, $1, 2);
		next if $path =~ /^[a-z]+:/;
		$links++;
		my $target = $path eq '' ? $file : plain_path(dirname($file) . "/$path");
		$reached{$target} = 1;
		if (!-e $target) { push @wrong, "$path is missing"; }
		elsif (defined $anchor && !anchors($target)->{$anchor}) { push @wrong, "$target has no heading #$anchor"; }
	}
	is(join("\n", @wrong), '', "links of $file");
}
cmp_ok($links, '>', 50, 'there are links');

# A page that nothing leads to is not read.
is(join(' ', grep { !$reached{$_} } grep { m{^doc/} } @files), '', 'every page of doc/ is linked to');

done_testing();
