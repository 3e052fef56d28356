# The statements of an install or upgrade script, and what they are about.
package Statements;

use strict;
use warnings;

# The statements without the comments between them, and without what psql reads.
sub read_file
{
	my ($file) = @_;
	my @statements;
	my $text = '';

	open my $handle, '<', $file or die "$file: $!\n";
	my $rest = do { local $/; <$handle> };
	close $handle;
	$rest =~ s/^\\echo .*$//mg;
	while ($rest ne '')
	{
		if ($text eq '' && $rest =~ s/^(?:\s+|--[^\n]*)//)
		{
			next;
		}
		# the body of a function in SQL's own form has statements of its own
		elsif ($rest =~ s/^;//)
		{
			if ($text =~ /\bBEGIN ATOMIC\b/ && $text !~ /\nEND$/)
			{
				$text .= ';';
				next;
			}
			push @statements, $text;
			$text = '';
		}
		# what is quoted, comments, and all else up to the next character that may begin either
		elsif ($rest =~ s/^(\$(\w*)\$.*?\$\2\$)//s || $rest =~ s/^('(?:[^']|'')*')//s || $rest =~ s/^("(?:[^"]|"")*")//s ||
			$rest =~ s/^(--[^\n]*)// || $rest =~ s/^([^\$'"\-;]+)// || $rest =~ s/^(.)//s)
		{
			$text .= $1;
		}
	}
	die "$file ends within a statement\n" if $text ne '';
	return @statements;
}

# The parts of a list between commas outside of brackets and quotes.
sub list_of
{
	my ($text) = @_;
	my @parts = ('');
	my $depth = 0;

	while ($text =~ /('(?:[^']|'')*'|.)/gs)
	{
		my $c = $1;
		$depth++ if $c eq '(' || $c eq '[';
		$depth-- if $c eq ')' || $c eq ']';
		if ($c eq ',' && $depth == 0)
		{
			push @parts, '';
			next;
		}
		$parts[-1] .= $c;
	}
	return grep { /\S/ } @parts;
}

# What stands in the brackets with which a text begins, and what behind them.
sub brackets
{
	my ($text) = @_;
	my $depth = 0;

	while ($text =~ /('(?:[^']|'')*'|.)/gs)
	{
		$depth++ if $1 eq '(';
		$depth-- if $1 eq ')';
		return (substr($text, 1, pos($text) - 2), substr($text, pos $text)) if $depth == 0;
	}
	die "brackets do not close: $text\n";
}

# The types of arguments, as they identify a function.
sub types_of
{
	my ($arguments) = @_;
	my @types;

	for my $argument (list_of($arguments))
	{
		$argument =~ s/^\s+|\s+$//g;
		next if $argument =~ s/^OUT\s+//;
		$argument =~ s/^(?:IN|INOUT|VARIADIC)\s+//;
		$argument =~ s/\s+DEFAULT\b.*//s;
		# a name before the type
		$argument =~ s/^(?:"[^"]+"|\w+)\s+(?=\S)//s unless $argument =~ /^(?:double precision|ORDER BY)/;
		push @types, $argument;
	}
	return join ', ', @types;
}

# Verb (CREATE, COMMENT, REVOKE ...), kind of object and its name.
sub identity
{
	my ($text) = @_;

	return ('DO', '', '') if $text =~ /^DO\b/;
	if ($text =~ /^(CREATE|DROP)\s+(?:OR REPLACE\s+)?(FUNCTION|PROCEDURE|AGGREGATE)\s+([\w."]+)\s*(\(.*)$/s)
	{
		my ($verb, $kind, $name, $rest) = ($1, $2, $3, $4);
		my ($arguments) = brackets($rest);
		return ($verb, $kind, "$name(" . types_of($arguments) . ')');
	}
	if ($text =~ /^(COMMENT|REVOKE|GRANT)\s+(?:[\w, ()]*?\s+)?ON\s+(FUNCTION|PROCEDURE|AGGREGATE)\s+([\w."]+)\s*(\(.*)$/s)
	{
		my ($verb, $kind, $name, $rest) = ($1, $2, $3, $4);
		my ($arguments) = brackets($rest);
		return ($verb, $kind, "$name(" . types_of($arguments) . ')');
	}
	if ($text =~ /^CREATE\s+OPERATOR\s+([^\s(]+)\s*(\(.*)$/s)
	{
		my ($name, $rest) = ($1, $2);
		my ($left) = $rest =~ /LEFTARG\s*=\s*([\w.]+)/;
		my ($right) = $rest =~ /RIGHTARG\s*=\s*([\w.]+)/;
		return ('CREATE', 'OPERATOR', "$name (" . ($left // 'NONE') . ', ' . ($right // 'NONE') . ')');
	}
	return ($1, 'OPERATOR', "$2 ($3)") if $text =~ /^(COMMENT)\s+ON\s+OPERATOR\s+(\S+)\s*\(([^)]*)\)/;
	return ($1, 'CAST', $2) if $text =~ /^(CREATE|COMMENT)\s+(?:ON\s+)?CAST\s*\(([^)]*)\)/;
	return ($1, 'COLUMN', $2) if $text =~ /^(COMMENT)\s+ON\s+COLUMN\s+(\S+)/;
	return ('CREATE', 'SHELL TYPE', $1) if $text =~ /^CREATE\s+TYPE\s+(\S+)$/;
	my $kinds = 'TYPE|DOMAIN|SCHEMA|VIEW|EVENT TRIGGER|FOREIGN DATA WRAPPER|FOREIGN TABLE|SERVER|TABLE|TRIGGER|OPERATOR CLASS|OPERATOR FAMILY';
	return ($1, $2, $3) if $text =~ /^(CREATE)\s+(?:OR REPLACE\s+)?($kinds)\s+([\w."]+)/;
	return ($1, $2, $3) if $text =~ /^(COMMENT)\s+ON\s+($kinds)\s+([\w."]+)/;
	return ($1, $3 // 'TABLE', $4) if $text =~ /^(GRANT|REVOKE)\s+([\w, ()]+?)\s+ON\s+(?:($kinds|ALL TABLES IN SCHEMA)\s+)?([\w.", ]+?)\s+(?:TO|FROM)\b/;
	return ($1, '', $text) if $text =~ /^(\w+)/;
	die "what is this about? $text\n";
}

# Whether one CREATE may replace another one of the same name: arguments with their names and the result are the same, and
# no default is gone.
sub replaces
{
	my ($new, $old) = @_;
	my @heads;

	return 0 unless $new =~ /^CREATE\s+(?:FUNCTION|PROCEDURE|AGGREGATE)\b/;
	for my $text ($new, $old)
	{
		my ($rest) = $text =~ /^CREATE\s+\w+\s+[\w."]+\s*(\(.*)$/s;
		my ($arguments, $behind) = brackets($rest);
		my ($result) = $behind =~ /^\s*RETURNS\s+(TABLE\s*\(.*?\)\s+LANGUAGE|.*?\s+(?:LANGUAGE|AS|STABLE|IMMUTABLE|VOLATILE))\b/s;
		push @heads, join ' ', split ' ', "$arguments " . ($result // '');
	}
	return $heads[0] eq $heads[1];
}

1;
