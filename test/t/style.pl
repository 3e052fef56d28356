# What .editorconfig says of files holds, and every folder of src/ and test/ says what it is for.

use strict;
use warnings;

use File::Find qw(find);
use Test::More;

my @files;
find({ no_chdir => 1, wanted => sub {
	$File::Find::prune = 1 if m{/(?:node_modules|\.git|tmp|tmp_check|results|output_iso|generated)$};
	push @files, s{^\./}{}r if -f && /\.(?:c|h|sh|pl|pm|py|java|sql|spec|md|mjs|mts|js|css|html|json|yml)$/;
} }, '.');
@files = grep { !/^kindly_stats--/ } sort @files;
cmp_ok(scalar @files, '>', 300, 'there are files');

my %wrong = map { $_ => [] } ('blanks at the end of a line', 'a carriage return', 'no line end at the end', 'lines in C indented by blanks', 'no UTF-8');
for my $file (@files)
{
	open(my $in, '<:raw', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	push @{ $wrong{'blanks at the end of a line'} }, $file if $text =~ /[ \t]$/m;
	push @{ $wrong{'a carriage return'} }, $file if $text =~ /\r/;
	push @{ $wrong{'no line end at the end'} }, $file if length $text && $text !~ /[^\n]\n\z/;
	push @{ $wrong{'lines in C indented by blanks'} }, $file if $file =~ /\.[ch]$/ && $text =~ /^ {2,}(?!\*)/m;
	push @{ $wrong{'no UTF-8'} }, $file if !utf8::decode($text);
}
is(join(', ', @{ $wrong{$_} }), '', "no file has $_") for sort keys %wrong;

# Queries of C may run as the owner of a table while the search path is the session's: whatever takes an operator, a type or a collation
# from it would take a stranger's.
my @unqualified;
for my $file (grep { m{^src/.*\.[ch]$} } @files)
{
	open(my $in, '<:raw', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	$text =~ s{/\*.*?\*/}{}gs;
	for my $literal (my @literals = $text =~ /((?:"(?:[^"\\\n]|\\.)*"\s*(?:[A-Z_]+\s*)?)+)/g)
	{
		next if $literal !~ /\b(?:SELECT|FROM|WHERE|AND|JOIN|INSERT|UPDATE|DELETE)\b/;
		$literal =~ s/\bSET \w+ = //g;
		push @unqualified, "$file: $&"
			if $literal =~ /\bCASE\s+(?!WHEN\b)\S+\s+WHEN\b|\bIN\s*\(|\bBETWEEN\b|\bIS (?:NOT )?DISTINCT FROM\b|\bNULLIF\b|\bUSING\s*\(|\bNATURAL\b|\bI?LIKE\b/i
			|| $literal =~ /COLLATE \\"|::(?!pg_catalog\.|kindly_stats\.|%s)\w+|[\w\])] (?:[=<>]+|[-+*\/|]+) [\w\$(\[']/;
	}
}
is(join("\n", @unqualified), '', 'queries in C take nothing from the search path');

# These macros of PostgreSQL's evaluate an argument more than once: what a call does, it would do twice, and may say something else the second time.
# Casts, sizes, and macros that only read what they are given are no calls.
sub evaluated_twice
{
	my ($text) = @_;
	my @found;

	$text =~ s{/\*.*?\*/|"(?:[^"\\\n]|\\.)*"}{}gs;
	while ($text =~ /\b(Min|Max|Abs|(?:TIMESTAMP|DATE)_NOT_FINITE|ARR_(?:DATA_PTR|NULLBITMAP)|TYPEALIGN(?:_DOWN)?|VAR(?:SIZE|DATA)_ANY(?:_EXHDR)?|VARATT_IS_EXTERNAL_\w+)\s*(\((?:[^()]++|(?2))*+\))/g)
	{
		my ($macro, $arguments) = ($1, $2);
		push @found, $macro . $arguments =~ s/\s+/ /gr
			if $arguments =~ /\b(?!(?:sizeof|Min|Max|Abs|PG_GETARG_(?:DATUM|U?INT\d+|BOOL|OID)|DatumGet(?:Pointer|U?Int\d+|Bool|Float\d)|VAR(?:SIZE|DATA|ATT)\w*)\b)\w+\s*\(|\(\s*\*[^()]*\)\s*\(|\]\s*\(|\+\+|--|[^=!<>]=(?!=)/;
	}
	return @found;
}

my @twice;
for my $file (grep { m{^src/.*\.[ch]$} } @files)
{
	open(my $in, '<:raw', $file) or die "$file: $!";
	my $text = do { local $/; <$in> };
	push @twice, map { "$file: $_" } evaluated_twice($text);
}
is(join("\n", @twice), '', 'no macro evaluates a call twice');
is(scalar evaluated_twice($_), 1, "it would be seen: $_")
	for ('Min(first_new(bot, &marked), ended)', 'Max(*from, DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull)) + 1)', 'Min (ReadNextTransactionId(), x)', 'Max(0, RelationGetNumberOfBlocks(r))',
	'VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1))', 'Min(a[i++], b)', 'Max(x = y, z)', 'Min(r->next(r), 1)', 'Min((*compare) (a, b), 0)', 'Max(calls[i] (x), 0)', "Max(a,\n\tb(c))");
is(scalar evaluated_twice($_), 0, "and is none: $_")
	for ('Min(a, Max(b[i] + 1, (int) sizeof(x)))', 'VARSIZE_ANY_EXHDR(DatumGetPointer(parts[i]))', 'Min((Size) work_mem * 1024, 2 * (x - 1))', 'Max(a >= b ? a : b, c == d)', '/* Min(f(x), 1) */', 'f(Min(a, b))');

for my $folder (grep { -d } glob('src/* test/*'))
{
	next if $folder =~ m{/(?:node_modules|tmp_check|log)$};
	my $readme = "$folder/README.md";
	ok(-s $readme && -s $readme < 2000, "$readme is there, and short");
}

done_testing();
