# shellcheck shell=sh
# postgres.sh: a PostgreSQL with assertions, built from the source that Debian has,
# under a private prefix in tmp/.  Sourced after lib.sh, never run.
#
# It is built and installed by the server's user, who can write nowhere else: not
# even a source that has directories of its own can touch the system's PostgreSQL.

# apt_private COMMAND...: apt with lists, cache and sources of its own below $sources,
# so that the system's configuration stays as it is.
apt_private()
{
	command=$1
	shift
	"$command" -qq -o Dir::Etc::SourceList="$sources/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$sources/apt/lists" -o Dir::Cache="$sources/apt/cache" -o APT::Sandbox::User=root "$@"
}

# Downloads the newest source of postgresql-$1 that can still be had into $sources.
download_source()
{
	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$release" ] && command -v apt-get >/dev/null 2>&1 || return 1
	mkdir -p "$sources/apt/lists/partial" "$sources/apt/cache/archives/partial"
	for archive in "debian $release" "debian $release-updates" "debian-security $release-security"; do
		echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/$archive main"
	done >"$sources/apt/sources.list"
	apt_private apt-get update || return 1
	for version in $(apt_private apt-cache showsrc "postgresql-$1" | sed -n 's/^Version: //p' | sort -rV | uniq); do
		# a mirror may name a version that it does not have yet
		if (cd "$sources" && apt_private apt-get source --download-only "postgresql-$1=$version"); then
			return 0
		fi
	done
	return 1
}

# fetch_postgres MAJOR: unpacks upstream's part of the source as $sources/source.
fetch_postgres()
{
	sources=$top/tmp/postgres-$1
	if [ -e "$sources/source/configure" ]; then
		return 0
	fi
	mkdir -p "$sources"
	download_source "$1" >"$sources/download.log" 2>&1 || return 1
	archive=$(ls "$sources"/postgresql-"$1"_*.orig.tar.* 2>/dev/null | sort -V | tail -n 1)
	[ -n "$archive" ] && make_server_dir "$sources" 755 && make_server_dir "$sources/source" 755 || return 1
	# without Debian's changes, one of which sends libraries to /usr/lib
	tar -xf "$archive" -C "$sources/source" --strip-components=1
}

# build_postgres NAME CFLAGS: configures, builds and installs it as $sources/NAME, once;
# sets PG_CONFIG.
build_postgres()
{
	PG_CONFIG=$sources/$1/bin/pg_config
	export PG_CONFIG
	if [ -e "$sources/$1/done" ]; then
		return 0
	fi
	for directory in "$sources/$1" "$sources/$1.build"; do
		rm -rf "$directory"
		make_server_dir "$directory" 755 || return 1
	done
	# its programs run while it is built
	as_server env -C "$sources/$1.build" ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 sh -c '
		../source/configure -q --prefix="$1" --enable-cassert --enable-debug --enable-tap-tests --with-icu --without-readline \
			--with-system-tzdata=/usr/share/zoneinfo CC=gcc CFLAGS="$2" &&
			make -s -j "$3" && make -s install && make -s -C src/test/isolation install && touch "$1/done"
	' sh "$sources/$1" "$2" "$(getconf _NPROCESSORS_ONLN)" >"$sources/$1.log" 2>&1 </dev/null || return 1
	rm -rf "$sources/$1.build"
}
