# A PostgreSQL of a test's own: the server's programs copied, all else as it is but
# for files of the extension that the test puts there.  The server finds its
# libraries and extensions by the place of its program.
package PrivateInstall;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use File::Copy;
use File::Path qw(make_path);

# Makes one in a directory, of the installation whose programs are in PATH or that PG_CONFIG is about.
sub new
{
	my ($class, $root) = @_;
	my $config = $ENV{PG_CONFIG} || 'pg_config';
	my $self = bless { root => abs_path($root) }, $class;

	for my $what (qw(bindir sharedir pkglibdir))
	{
		$self->{"real_$what"} = abs_path(`$config --$what` =~ s/\n//r);
		$self->{$what} = $self->{root} . $self->{"real_$what"};
		make_path($what eq 'bindir' ? $self->{$what} : dirname($self->{$what}));
	}
	for my $program (glob "$self->{real_bindir}/*")
	{
		copy($program, $self->{bindir}) or die "$program: $!";
		chmod 0755, "$self->{bindir}/" . basename($program);
	}
	$self->link_all($_) for '/sharedir', '/sharedir/extension', '/pkglibdir';
	# beside these, such as timezone data
	my ($library) = map { s/\n//r } `$config --libdir`;
	return $self;
}

# A directory of links to what the real one has.
sub link_all
{
	my ($self, $path) = @_;
	my ($what, $below) = $path =~ m{^/(\w+)(.*)};
	my $directory = $self->{$what} . $below;

	unlink $directory if -l $directory;
	make_path($directory);
	for my $file (glob $self->{"real_$what"} . "$below/*")
	{
		symlink $file, "$directory/" . basename($file) or die "$file: $!";
	}
	return;
}

# What PostgreSQL::Test::Cluster takes as install_path.
sub path
{
	my ($self) = @_;
	return dirname($self->{bindir});
}

# Puts a file beside those of extensions, or in the place of one.
sub put
{
	my ($self, $name, $text) = @_;
	my $file = ($name =~ /\.so$/ ? $self->{pkglibdir} : "$self->{sharedir}/extension") . "/$name";

	unlink $file;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $text;
	close $handle;
	return;
}

sub get
{
	my ($self, $name) = @_;
	my $file = ($name =~ /\.so$/ ? $self->{real_pkglibdir} : "$self->{real_sharedir}/extension") . "/$name";

	open my $handle, '<:raw', $file or die "$file: $!";
	local $/;
	my $text = <$handle>;
	close $handle;
	return $text;
}

# The library as another version would call itself.
sub put_library
{
	my ($self, $version) = @_;
	my $library = $self->get('kindly_stats.so');

	my $count = $library =~ s/(kindly_stats library )[\d.]+\0/$1$version\0/g;
	die "the library does not say its version once" if $count != 1 || length $library != length $self->get('kindly_stats.so');
	$self->put('kindly_stats.so', $library);
	return;
}

1;
