# What who packages the extension builds on: the sources as one file, the same each time; a build in a folder of
# its own, without git; the same library from whatever folder; META.json and debian/ that say what is there.

use strict;
use warnings;

use Cwd qw(getcwd);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = tempdir(CLEANUP => 1);
my $config = $ENV{PG_CONFIG} || 'pg_config';
my $control = slurp_file('kindly_stats.control');
my ($version) = $control =~ /^default_version = '([^']+)'/m or die 'no default_version';

# A git that fails: nothing here may need one.
make_path("$dir/bin");
open(my $git, '>', "$dir/bin/git") or die $!;
print $git "#!/bin/sh\nexit 99\n";
close($git);
chmod(0755, "$dir/bin/git");
$ENV{PATH} = "$dir/bin:$ENV{PATH}";

# make in a folder, quickly; an outer make's flags and our own arguments are none of its business
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL VPATH SOURCE_DATE_EPOCH)};

sub make_in
{
	my ($folder, @arguments) = @_;
	make_path($folder);
	return run_command([ 'make', '-s', '-j2', '-C', $folder, "PG_CONFIG=$config", 'with_llvm=no', 'COPT=-O0', @arguments ]);
}

sub is_same_file
{
	my ($one, $other, $name) = @_;
	ok(-s $one && -s $other && slurp_file($one) eq slurp_file($other), $name);
}

# ---------------------------------------------------------------- the sources as one file

my $name = "kindly_stats-$version";
my $here = getcwd();
for my $copy (qw(one two))
{
	make_path("$dir/$copy");
	my ($out, $err) = run_command([ 'make', '-s', '-f', "$here/Makefile", "VPATH=$here", '-C', "$dir/$copy", "PG_CONFIG=$config", 'dist' ]);
	ok(-s "$dir/$copy/$name.tar.gz", "make dist ($copy)") or diag("$out\n$err");
	system('tar', '-xzf', "$dir/$copy/$name.tar.gz", '-C', "$dir/$copy") == 0 or die 'tar';
}
is_same_file("$dir/one/$name.tar.gz", "$dir/two/$name.tar.gz", 'twice the same bytes');
make_path("$dir/again");
run_command([ 'sh', '-c', "cd $dir/again && sh ../one/$name/test/dist.sh $name" ]);
is_same_file("$dir/one/$name.tar.gz", "$dir/again/$name.tar.gz", 'and from what it has brought');
ok(!(grep { /\.(?:o|bc|so)$|\/tmp\// } `tar -tzf $dir/one/$name.tar.gz`), 'nothing that was made is in it');

# ---------------------------------------------------------------- building it

my ($out, $err) = make_in("$dir/apart", '-f', "$dir/one/$name/Makefile", "VPATH=$dir/one/$name");
ok(-s "$dir/apart/kindly_stats.so", 'builds in an empty folder') or diag("$out\n$err");
ok(`nm -D --defined-only $dir/apart/kindly_stats.so` =~ / T ks_tally_in$/m, 'what is built there is not empty');
ok(!glob("$dir/one/$name/src/*.o $dir/one/$name/*.so $dir/one/$name/kindly_stats--*.sql"), 'and leaves the sources as they were');

($out, $err) = make_in("$dir/apart", '-f', "$dir/one/$name/Makefile", "VPATH=$dir/one/$name", 'install', "DESTDIR=$dir/root");
my $installed = `find $dir/root -type f`;
like($installed, qr/\Q$_\E$/m, "installs $_") for 'kindly_stats.so', 'kindly_stats.control', "kindly_stats--$version.sql";

($out, $err) = make_in("$dir/two/$name");
ok(-s "$dir/two/$name/kindly_stats.so", 'builds where it is') or diag("$out\n$err");
is_same_file("$dir/apart/kindly_stats.so", "$dir/two/$name/kindly_stats.so", 'the library has the same bytes');
is_same_file("$dir/apart/kindly_stats--$version.sql", "$dir/two/$name/kindly_stats--$version.sql", 'so has the install script');

($out, $err) = make_in("$dir/refused", '-f', "$dir/two/$name/Makefile", "VPATH=$dir/two/$name");
like($err, qr/the sources were built in their own folder: run `make clean` there first/, 'a build of what was built in place is refused');
make_in("$dir/two/$name", 'clean');
is(`cd $dir/two/$name && find . | LC_ALL=C sort | cksum`, `cd $dir/one/$name && find . | LC_ALL=C sort | cksum`, 'make clean leaves the sources');

# ---------------------------------------------------------------- META.json, by the rules of the PGXN Meta Spec 1.0

my $meta = JSON::PP->new->utf8->decode(slurp_file('META.json'));

# What is wrong with a distribution's metadata.
sub wrong_of
{
	my ($m) = @_;
	my @wrong;
	my $version = qr/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[A-Za-z][-0-9A-Za-z]*)?$/;
	my $url = qr{^https?://[^/\s]+};
	my %type = (
		name => '', version => '', abstract => '', description => '', generated_by => '', release_status => '',
		maintainer => 'ARRAY', license => 'ARRAY or HASH', tags => 'ARRAY', provides => 'HASH', prereqs => 'HASH',
		resources => 'HASH', no_index => 'HASH', 'meta-spec' => 'HASH');
	my $text = sub { my ($value) = @_; defined $value && !ref $value && length $value };

	for my $key (qw(name version abstract maintainer license provides meta-spec))
	{
		push @wrong, "$key is missing" if !exists $m->{$key};
	}
	for my $key (keys %$m)
	{
		next if $key =~ /^x_/i;
		push(@wrong, "$key is unknown"), next if !exists $type{$key};
		push @wrong, "$key has a wrong type" if ref $m->{$key} ? $type{$key} !~ ref $m->{$key} : $type{$key} && $key !~ /^(?:maintainer|license)$/;
		push @wrong, "$key is empty" if !ref $m->{$key} && !$text->($m->{$key});
	}
	return @wrong if @wrong;

	push @wrong, 'name is no term' if $m->{name} !~ /^[^\s\/\\[:cntrl:]]{2,}$/;
	push @wrong, 'version is no semantic version' if $m->{version} !~ $version;
	push @wrong, 'release_status is unknown' if ($m->{release_status} // 'stable') !~ /^(?:stable|testing|unstable)$/;
	push @wrong, 'maintainer is not text' if grep { !$text->($_) } ref $m->{maintainer} ? @{ $m->{maintainer} } : $m->{maintainer};
	if (ref $m->{license} eq 'HASH')
	{
		push @wrong, "license $_ has no address" for grep { $m->{license}{$_} !~ $url } keys %{ $m->{license} };
	}
	else
	{
		push @wrong, "license $_ is unknown"
		  for grep { !/^(?:agpl_3|apache_[12]_[01]|artistic_[12]|bsd|freebsd|gfdl_1_[23]|gpl_[123]|lgpl_2_1|lgpl_3_0|mit|mozilla_1_[01]|openssl|perl_5|postgresql|qpl_1_0|ssleay|sun|zlib|open_source|restricted|unrestricted|unknown)$/ }
		  ref $m->{license} ? @{ $m->{license} } : $m->{license};
	}
	push @wrong, 'meta-spec is of another version' if ($m->{'meta-spec'}{version} // '') !~ /^1\.0\.\d+$/;
	push @wrong, 'meta-spec has no address' if ($m->{'meta-spec'}{url} // 'https://x') !~ $url;
	push @wrong, 'nothing is provided' if !%{ $m->{provides} };
	for my $extension (keys %{ $m->{provides} })
	{
		my $p = $m->{provides}{$extension};
		push @wrong, "provides $extension has no file" if !$text->($p->{file});
		push @wrong, "provides $extension has no version" if ($p->{version} // '') !~ $version;
		push @wrong, "provides $extension has $_" for grep { !/^(?:file|version|abstract|docfile|x_.*)$/i } keys %$p;
	}
	for my $phase (keys %{ $m->{prereqs} // {} })
	{
		push @wrong, "phase $phase is unknown" if $phase !~ /^(?:configure|build|test|runtime|develop|x_.*)$/i;
		for my $relation (keys %{ $m->{prereqs}{$phase} })
		{
			push @wrong, "relation $relation is unknown" if $relation !~ /^(?:requires|recommends|suggests|conflicts|x_.*)$/i;
			my $needed = $m->{prereqs}{$phase}{$relation};
			push @wrong, "$_ has no version" for grep { $needed->{$_} !~ $version && $needed->{$_} ne '0' } keys %$needed;
		}
	}
	push @wrong, 'a tag is no text of at most 256 characters' if grep { !$text->($_) || length > 256 } @{ $m->{tags} // [] };
	return @wrong;
}

sub changed
{
	my (%change) = @_;
	return { %$meta, %change };
}

is(join(', ', wrong_of($meta)), '', 'META.json is as PGXN wants it');
isnt(join(', ', wrong_of($_->[1])), '', "and would not be with $_->[0]")
  for ([ 'no name', { map { $_ => $meta->{$_} } grep { $_ ne 'name' } keys %$meta } ],
	[ 'a version of two parts', changed(version => '0.1') ],
	[ 'a misspelt key', changed(licence => 'postgresql') ],
	[ 'an unknown license', changed(license => 'best') ],
	[ 'a file that is missing', changed(provides => { kindly_stats => { version => '0.1.0' } }) ],
	[ 'an unknown status', changed(release_status => 'fine') ],
	[ 'an empty tag', changed(tags => ['']) ]);
is_deeply([ keys %{ $meta->{provides} } ], ['kindly_stats'], 'it provides one extension');
ok(-e $meta->{provides}{kindly_stats}{$_}, "its $_ is there") for qw(file docfile);

# ---------------------------------------------------------------- one version everywhere

my ($makefile) = slurp_file('Makefile') =~ /^EXTVERSION = (.*)$/m;
my ($newest) = slurp_file('CHANGELOG.md') =~ /^## (\S+)/m;
my ($debian) = slurp_file('debian/changelog') =~ /^kindly-stats \(([^)-]+)-/;
is($makefile, $version, 'the version of the Makefile');
is($newest, $version, 'of CHANGELOG.md');
is($debian, $version, 'of debian/changelog');
is($meta->{version}, $version, 'of META.json');
is($meta->{provides}{kindly_stats}{version}, $version, 'of what META.json provides');
is((slurp_file('http/nginx.conf') =~ /sub_filter '"version":"[^"]*"' '"version":"([^"]*)"'/)[0], $version, 'of what nginx says that PostgREST\'s description is of');
is(JSON::PP->new->utf8->decode(slurp_file('http/dashboard/openapi.json'))->{info}{version}, $version, 'of the OpenAPI document');

# debian/control is made of control.in, a package for each version that one machine has
my $made = slurp_file('debian/control');
$made =~ s/postgresql-\d+-kindly-stats/postgresql-PGVERSION-kindly-stats/g;
is($made, slurp_file('debian/control.in'), 'debian/control is that of control.in');
my ($oldest) = slurp_file('debian/pgversions') =~ /^(\d+)\+$/m;
is("$oldest.0.0", $meta->{prereqs}{runtime}{requires}{PostgreSQL}, 'debian/ and META.json ask for the same PostgreSQL');

done_testing();
