#!/bin/sh
# pg_upgrade.sh: clusters of PostgreSQL 15 with data are upgraded to 17 and 18.
#
#     sh test/pg_upgrade.sh [17] [18]
#
# Makes a Debian of each version below tmp/ (debootstrap, as root; about 1 GB each, kept
# for the next run), whose own PostgreSQL is the new one; the old one is Debian 12's,
# whose packages are installed beside it.  Builds and installs the
# extension for both, and runs test/pg_upgrade/upgrade.sh there.  The last line is
# "N passed, N failed".  The exit status is 0 only when nothing failed.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"

old=15
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

# release_of MAJOR: the release of Debian whose PostgreSQL it is.
release_of()
{
	case $1 in
		17) echo trixie ;;
		18) echo sid ;;
	esac
}

# inside COMMAND...: with /proc, as packages want it, for as long as it takes.
inside()
{
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' \
		"$root" "$@"
}

# make_root RELEASE: what Debian's packages need to be built against both.
make_root()
{
	root=$top/tmp/pg_upgrade-$1
	if [ -e "$root/done" ]; then
		return 0
	fi
	if ! [ -e "$root/base" ]; then
		rm -rf "$root"
		mkdir -p "$root"
		debootstrap --variant=minbase --include=gcc,libc6-dev,make,pkgconf,libicu-dev "$1" "$root" "$mirror" || return 1
		touch "$root/base"
	fi
	# a mirror may be behind
	echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/valid"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/none.conf"
	echo "deb $mirror bookworm main" >"$root/etc/apt/sources.list.d/old.list"
	inside apt-get -qq update &&
		inside apt-get -qq install -y --no-install-recommends "postgresql-$new" "postgresql-$old" tzdata || return 1
	# of what extensions are built with, headers and makefiles; their packages would bring compilers along
	for major in "$old" "$new"; do
		inside sh -c "cd /tmp && apt-get -qq download postgresql-server-dev-$major && dpkg -x postgresql-server-dev-${major}_*.deb /" || return 1
	done
	touch "$root/done"
}

# build_for MAJOR: builds and installs the extension for it.
build_for()
{
	copy_sources "$root/build/$1"
	inside make -C "/build/$1" -j "$(getconf _NPROCESSORS_ONLN)" PG_CONFIG="/usr/lib/postgresql/$1/bin/pg_config" with_llvm=no COPT="-O1 -Werror" all install
}

# upgrade_suite MAJOR
upgrade_suite()
{
	new=$1
	suite_begins
	mkdir -p "$top/tmp"
	if ! make_root "$(release_of "$1")" >"$top/tmp/pg_upgrade-$1.log" 2>&1; then
		suite_note="skipped: no Debian $(release_of "$1"), see tmp/pg_upgrade-$1.log"
		suite_ends "pg_upgrade $old to $1"
		return
	fi
	build_for "$old" >"$top/tmp/pg_upgrade-$1.log" 2>&1 && build_for "$1" >>"$top/tmp/pg_upgrade-$1.log" 2>&1
	status=$?
	one_result "$status" "build for $old and $1, with warnings as errors"
	if [ "$status" -eq 0 ]; then
		rm -rf "$root/upgrade"
		mkdir -p "$root/upgrade"
		inside chown postgres /upgrade
		inside runuser -u postgres -- sh "/build/$1/test/pg_upgrade/upgrade.sh" "/usr/lib/postgresql/$old/bin" "/usr/lib/postgresql/$1/bin" /upgrade \
			>"$top/tmp/pg_upgrade-$1.tap" 2>&1 </dev/null
		count_tap "pg_upgrade $old to $1" "$top/tmp/pg_upgrade-$1.tap" "$?"
	else
		show_tail "$top/tmp/pg_upgrade-$1.log"
	fi
	suite_ends "pg_upgrade $old to $1"
}

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null 2>&1; then
	say "skipped: pg_upgrade needs root and debootstrap"
else
	for major in ${*:-17 18}; do
		upgrade_suite "$major"
	done
fi
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
