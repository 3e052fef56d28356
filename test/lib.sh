# shellcheck shell=sh
# lib.sh: what the checks and the demo share.  Sourced, never run.
#
# It finds PostgreSQL (installing Debian packages only when one is missing),
# builds and installs the extension from a copy of the sources, and starts and
# stops throwaway servers.  A throwaway server listens on a unix socket alone,
# in a directory that only its owner may enter, and never runs as root.
#
: "${top:?set top, the absolute path of the checkout, before sourcing lib.sh}"

umask 022

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "error: $*" >&2; exit 1; }

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		printf '%s\n' "error: this needs root, and there is no sudo: $*" >&2
		return 1
	fi
}

# ---------------------------------------------------------------- packages

# Prints what is missing, as Debian package names; the server's major version
# is in $1.  Scripts that run the tests set with_tests, and get more.
missing_packages()
{
	command -v gcc >/dev/null 2>&1 || echo gcc
	[ -e /usr/include/stdio.h ] || echo libc6-dev
	command -v make >/dev/null 2>&1 || echo make
	command -v diff >/dev/null 2>&1 || echo diffutils
	command -v pkg-config >/dev/null 2>&1 || echo pkg-config
	[ -e /usr/include/unicode/ucal.h ] || echo libicu-dev
	[ -x "/usr/lib/postgresql/$1/bin/initdb" ] || echo "postgresql-$1"
	# Debian's client package has pgxs.mk already, but the headers are apart.
	[ -e "/usr/include/postgresql/$1/server/postgres.h" ] || echo "postgresql-server-dev-$1"
	if [ -n "${with_tests:-}" ]; then
		missing_test_packages "$1"
	fi
}

missing_test_packages()
{
	perl -MIPC::Run -e 1 >/dev/null 2>&1 || echo libipc-run-perl
	command -v prove >/dev/null 2>&1 || echo perl
	# Clang's libFuzzer is in a package of the same version.
	command -v clang >/dev/null 2>&1 || echo clang
	[ -n "$(find /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer*' 2>/dev/null | head -n 1)" ] || echo libclang-rt-dev
	# One test each is about these, and skipped where they are not to be had.
	if ! [ -e "/usr/share/postgresql/$1/extension/pg_partman.control" ] && apt-cache show "postgresql-$1-partman" >/dev/null 2>&1; then
		echo "postgresql-$1-partman"
	fi
	if ! command -v pgbouncer >/dev/null && ! [ -x /usr/sbin/pgbouncer ] && apt-cache show pgbouncer >/dev/null 2>&1; then
		echo pgbouncer
	fi
	# Since Debian 13 the older names of zones, which the tests try too, are apart.
	if ! [ -e /usr/share/zoneinfo/Japan ] && apt-cache show tzdata-legacy >/dev/null 2>&1; then
		echo tzdata-legacy
	fi
}

# The major version to build for: what is installed, else 15, else what this
# release of Debian calls `postgresql`.
choose_major()
{
	installed_major=
	for dir in /usr/lib/postgresql/[0-9]*; do
		if [ -x "$dir/bin/initdb" ] && [ "${dir##*/}" -gt "${installed_major:-0}" ]; then
			installed_major=${dir##*/}
		fi
	done
	if [ -n "$installed_major" ]; then
		echo "$installed_major"
		return
	fi
	if ! command -v apt-cache >/dev/null 2>&1; then
		return
	fi
	if apt-cache show postgresql-15 >/dev/null 2>&1; then
		echo 15
	else
		apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
	fi
}

# Says what is about to be installed, and how large it is with all that it needs.
announce_packages()
{
	say "installing Debian packages: $*"
	as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get install --assume-no --no-install-recommends "$@" 2>/dev/null |
		sed -n -e 's/^\([0-9]*\) upgraded, \([0-9]*\) newly installed.*/  with what they need, \2 new packages and \1 newer ones/p' \
			-e 's/^Need to get \(.*\) of archives.*/  \1 to download/p' \
			-e 's/^After this operation, \(.*\) of additional disk space will be used.*/  \1 on disk; they stay: apt-get purge takes them away/p'
}

# Says, every ten seconds for as long as process $1 lives, how far apt has come by its log.
show_progress()
{
	waited=0
	while kill -0 "$1" 2>/dev/null; do
		sleep 1
		waited=$((waited + 1))
		if [ $((waited % 10)) -eq 0 ]; then
			say "  $waited s: $(grep -c '^Unpacking ' "$install_log") packages unpacked, $(grep -c '^Setting up ' "$install_log") set up"
		fi
	done
}

# Debian's server package makes a cluster called main when it is installed, and
# starts it, as others start nginx and PgBouncer, from then on with the machine.
# Nobody asked for that here, so a setting and a policy say no for as long as the
# installation takes.
install_packages()
{
	announce_packages "$@"
	no_main=/etc/postgresql-common/createcluster.d/kindly_stats_no_main.conf
	policy=/usr/sbin/policy-rc.d
	[ -e "$policy" ] && policy=
	services=
	for service in nginx pgbouncer; do
		[ -e "/etc/init.d/$service" ] || services="$services $service"
	done
	apt="env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
	# shellcheck disable=SC2086
	(
		trap 'as_root rm -f "$no_main" ${policy:+"$policy"}; as_root rmdir "${no_main%/*}" 2>/dev/null' EXIT
		trap 'exit 1' INT TERM HUP
		if [ -n "$policy" ]; then
			printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" && as_root chmod 755 "$policy" || exit 1
		fi
		as_root $apt install -y --no-install-recommends postgresql-common &&
			as_root mkdir -p "${no_main%/*}" &&
			echo 'create_main_cluster = false' | as_root tee "$no_main" &&
			as_root $apt install -y --no-install-recommends "$@"
	) >"$install_log" 2>&1 &
	installer=$!
	show_progress "$installer"
	wait "$installer"
	installed=$?
	if [ "$installed" -ne 0 ]; then
		tail -n 20 "$install_log" >&2
		die "apt-get could not install: $*"
	fi
	for service in $services; do
		if [ -e "/etc/init.d/$service" ]; then
			as_root update-rc.d "$service" disable >>"$install_log" 2>&1
		fi
	done
}

# The major version that the caller's PG_CONFIG is of, where that is in the place of
# Debian's packages, which can be installed.
wanted_major()
{
	case ${PG_CONFIG:-} in
	/usr/lib/postgresql/*/bin/pg_config)
		wanted=${PG_CONFIG#/usr/lib/postgresql/}
		echo "${wanted%%/*}" ;;
	'') choose_major ;;
	esac
}

# Sets PG_CONFIG, bindir, pgxs_src and pg_major.  A PG_CONFIG of the caller's own
# is taken as it is, where it is none of Debian's.
find_postgres()
{
	if [ -z "${PG_CONFIG:-}" ] || [ -n "$(wanted_major)" ]; then
		major=$(wanted_major)
		missing=$(missing_packages "${major:-15}")
		if [ -n "$missing" ] && ! command -v apt-get >/dev/null 2>&1; then
			say "no apt-get here; going on without: $(echo "$missing" | tr '\n' ' ')"
			: "${PG_CONFIG:=pg_config}"
		elif [ -n "$missing" ]; then
			install_log=$(mktemp /tmp/kindly_stats_apt.XXXXXX)
			say "reading the package lists (apt-get update)"
			as_root apt-get -qq update >"$install_log" 2>&1 || die "apt-get update failed, see $install_log"
			major=$(wanted_major)
			[ -n "$major" ] || die "the package lists name no postgresql"
			# shellcheck disable=SC2046
			install_packages $(missing_packages "$major")
			rm -f "$install_log"
		fi
		: "${PG_CONFIG:=/usr/lib/postgresql/$major/bin/pg_config}"
	fi
	export PG_CONFIG
	bindir=$("$PG_CONFIG" --bindir) || die "cannot run $PG_CONFIG: set PG_CONFIG to PostgreSQL's pg_config"
	pgxs=$("$PG_CONFIG" --pgxs)
	if ! [ -e "$pgxs" ] || ! [ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ]; then
		die "$pgxs or postgres.h is missing: install the server's development files"
	fi
	[ -x "$bindir/initdb" ] || die "$bindir/initdb is missing: install the server"
	# shellcheck disable=SC2034 # both are for the scripts that source this file
	{
		pgxs_src=${pgxs%/makefiles/pgxs.mk}
		pg_major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	}
	PATH="$bindir:$PATH"
	export PATH
}

# ---------------------------------------------------------------- places

# A server refuses to run as root; then it is postgres who runs it, from a
# directory that postgres can read.
as_server()
{
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

# is_plain_path PATH: whether it can be written anywhere without quotes.
is_plain_path()
{
	case $1 in
	*[!A-Za-z0-9_./+@-]*) return 1 ;;
	esac
}

# Sets `place`: a directory for a throwaway server and its build, tmp/$1 in the
# checkout.  Elsewhere only where that cannot serve: the path is too long for
# a unix socket (107 bytes), has blanks or signs that configuration files and make
# would take for their own, or the server's user cannot reach it.
choose_place()
{
	place=$top/tmp/$1
	why=
	if [ "${#place}" -gt 79 ]; then
		why="$top/tmp is too long a path for a unix socket"
	elif ! is_plain_path "$place"; then
		why="$top/tmp has a blank or a special sign in its path"
	elif ! mkdir -p "$place" 2>/dev/null || ! [ -w "$place" ]; then
		why="$top/tmp cannot be written"
	elif ! as_server test -x "$place" 2>/dev/null; then
		why="the server's user cannot reach $top/tmp"
	fi
	if [ -n "$why" ]; then
		rmdir "$place" 2>/dev/null
		place=$(mktemp -d /tmp/kindly_stats.XXXXXX) || die "no temporary directory in /tmp"
		chmod 755 "$place"
		say "working in $place: $why"
	fi
}

# A directory that the server's user owns.
make_server_dir()
{
	mkdir -p "$1" && chmod "${2:-700}" "$1" || return 1
	if [ "$(id -u)" -eq 0 ]; then
		chown postgres "$1"
	fi
}

# Makes KINDLY_STATS_DATA, the folder of real events (by default ../shared/data
# beside the checkout), absolute and readable for the server's user, through a
# copy under `place` when need be.  Empty when there is none.
find_data()
{
	data=${KINDLY_STATS_DATA:-$top/../shared/data}
	KINDLY_STATS_DATA=$(CDPATH='' cd -- "$data" 2>/dev/null && pwd) || KINDLY_STATS_DATA=
	if [ -n "$KINDLY_STATS_DATA" ] && ! as_server test -r "$KINDLY_STATS_DATA/events_real.csv.gz" 2>/dev/null; then
		if [ -r "$KINDLY_STATS_DATA/events_real.csv.gz" ]; then
			mkdir -p "$place/data"
			cp "$KINDLY_STATS_DATA"/* "$place/data/"
			chmod -R a+rX "$place/data"
			KINDLY_STATS_DATA=$place/data
		else
			KINDLY_STATS_DATA=
		fi
	fi
	export KINDLY_STATS_DATA
}

# ---------------------------------------------------------------- building

# Copies the sources, without products, to $1: the checkout itself stays as it
# is, and a build there is a fresh one.
copy_sources()
{
	rm -rf "$1"
	mkdir -p "$1"
	tar -C "$top" -cf - --mode=a+rX --exclude=./.git --exclude=./tmp --exclude=./tmp_check \
		--exclude=./results --exclude=./output_iso --exclude=./log --exclude='./regression.*' \
		--exclude='./kindly_stats--*.sql' --exclude='*.o' --exclude='*.bc' --exclude='*.so' . |
		tar -C "$1" --no-same-owner -xf -
}

# build_and_install DIR [make argument]...; what make said is in DIR.log.
build_and_install()
{
	tree=$1
	shift
	jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
	if ! make -C "$tree" -j "$jobs" PG_CONFIG="$PG_CONFIG" "$@" >"$tree.log" 2>&1; then
		return 1
	fi
	libdir=$("$PG_CONFIG" --pkglibdir)
	as=
	[ -w "$libdir" ] || as=as_root
	# What an earlier version has left there, the just-in-time compiler would inline.
	$as rm -rf "$libdir/bitcode/kindly_stats" "$libdir/bitcode/kindly_stats.index.bc" &&
		$as make -C "$tree" install PG_CONFIG="$PG_CONFIG" "$@" >>"$tree.log" 2>&1
}

# ---------------------------------------------------------------- servers

# start_server DIR [setting=value]...: makes the cluster if there is none,
# starts it if it is down, and points PGHOST and its kind at it.
start_server()
{
	cluster=$1
	shift
	export PGHOST="$cluster/socket" PGPORT=5432 PGUSER=postgres
	unset PGDATABASE PGSERVICE PGHOSTADDR PGPASSWORD PGOPTIONS
	if server_is_up "$cluster"; then
		return 0
	fi
	make_server_dir "$cluster" 755 && make_server_dir "$cluster/socket" || return 1
	if ! [ -e "$cluster/data/PG_VERSION" ]; then
		as_server "$bindir/initdb" -D "$cluster/data" -U postgres -A trust -N \
			--encoding=UTF8 --locale=C.UTF-8 >"$cluster.log" 2>&1 || { cat "$cluster.log" >&2; return 1; }
		# It is thrown away: nothing needs to survive a crash.
		as_server tee -a "$cluster/data/postgresql.conf" >/dev/null <<-SETTINGS
			listen_addresses = ''
			unix_socket_directories = '$cluster/socket'
			unix_socket_permissions = 0700
			port = 5432
			fsync = off
			synchronous_commit = off
			full_page_writes = off
			shared_buffers = '256MB'
			max_wal_size = '4GB'
			checkpoint_timeout = '30min'
			max_prepared_transactions = 10
			timezone = 'UTC'
		SETTINGS
		for setting; do
			echo "$setting" | as_server tee -a "$cluster/data/postgresql.conf" >/dev/null
		done
	fi
	if ! as_server "$bindir/pg_ctl" -D "$cluster/data" -l "$cluster/server.log" -w -t 60 start >/dev/null; then
		tail -n 20 "$cluster/server.log" >&2
		return 1
	fi
}

server_is_up()
{
	[ -e "$1/data/postmaster.pid" ] &&
		as_server "$bindir/pg_ctl" -D "$1/data" status >/dev/null 2>&1
}

stop_server()
{
	if server_is_up "$1"; then
		as_server "$bindir/pg_ctl" -D "$1/data" -m fast -w -t 60 stop >/dev/null
	fi
}

# sql [psql argument]...: psql that stops at the first error and reads no
# start-up file.
sql()
{
	PGCLIENTENCODING=UTF8 "$bindir/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}
