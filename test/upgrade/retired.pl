# src/retired.c: the functions that earlier versions' objects call and no source has any more.
#
#     perl test/upgrade/retired.pl > src/retired.c

use strict;
use warnings;

use FindBin;

my $top = "$FindBin::RealBin/../..";
my (%called, %there);

sub text_of
{
	my ($file) = @_;

	open my $handle, '<', $file or die "$file: $!\n";
	local $/;
	return <$handle>;
}

for my $file (glob "$top/test/upgrade/kindly_stats--*.sql")
{
	my ($version) = $file =~ /--([\d.]+)\.sql$/;
	my $text = text_of($file);
	$called{$1} = $version while $text =~ /'MODULE_PATHNAME', '(ks_\w+)'/g;
}
for my $file (grep { !m{/retired\.c$} } glob "$top/src/*.c $top/src/*/*.c")
{
	my $text = text_of($file);
	$there{$1} = 1 while $text =~ /PG_FUNCTION_INFO_V1\((\w+)\)/g;
}
my @retired = sort grep { !$there{$_} } keys %called;

print <<'C';
/*
 * Functions that objects of earlier versions call: without them, PostgreSQL would
 * neither bring such objects to a new cluster nor make the old version that a test
 * of updating begins with.  Made by `make upgrade`.
 */
#include "postgres.h"

#include "fmgr.h"
C
exit 0 if !@retired;
print <<'C';

static Datum
refuse(const char *function)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("function \"%s\" belongs to an earlier version of kindly_stats", function),
			 errhint("Run ALTER EXTENSION kindly_stats UPDATE.")));
}

#define RETIRED(function) \
	PG_FUNCTION_INFO_V1(function); \
	Datum \
	function(PG_FUNCTION_ARGS) \
	{ \
		return refuse(#function); \
	}

C
print "RETIRED($_)\n" for @retired;
