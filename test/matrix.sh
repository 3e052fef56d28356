#!/bin/sh
# matrix.sh: the checks on each release of Debian, with the PostgreSQL that it has.
#
#     sh test/matrix.sh [RELEASE]...
#
# As root.  RELEASE is bookworm (PostgreSQL 15), trixie (17) or sid (18), by default all
# of them.  Each is a system of its own under tmp/matrix/, or MATRIX_ROOT, made by
# debootstrap the first time (hundreds of megabytes) and kept.  In each:
#
#   - test/check.sh as root, while another server listens on port 5432
#   - test/check.sh as an ordinary user with sudo, from a path with blanks
#   - a build with clang, and one with gcc, of which a warning is an error
#   - a Debian package, which lintian has nothing against, is installed, and works
#
# MATRIX_CHECK="unit regress" has check.sh run these suites alone.  The last line is
# "N passed, N failed"; what was said is in tmp/matrix/RELEASE.STEP.log.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=test/suites.sh
. "$top/test/suites.sh"

[ "$(id -u)" -eq 0 ] || die "systems of their own are made by root"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
matrix=${MATRIX_ROOT:-$top/tmp/matrix}
mkdir -p "$matrix"

# ---------------------------------------------------------------- a system

inside()
{
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$@"
}

# Makes the system of release $1 the current one, root.
enter()
{
	root=$matrix/$1
	if ! [ -e "$root/etc/debian_version" ]; then
		say "$1: making the system"
		debootstrap --variant=minbase --include=ca-certificates,sudo "$1" "$root" >"$matrix/$1.debootstrap.log" 2>&1 || return 1
	fi
	mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" || return 1
	mountpoint -q "$root/dev" || mount --rbind /dev "$root/dev" || return 1
	mount --make-rslave "$root/dev"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	# what this machine trusts, such as a proxy's own authority, its systems trust
	find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$root/usr/local/share/ca-certificates/" \; 2>/dev/null
	inside update-ca-certificates >"$matrix/$1.debootstrap.log" 2>&1 || return 1
	# a mirror that lags is good enough
	echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/99kindly_stats"
	inside sh -c 'command -v sudo >/dev/null || { apt-get -qq update && apt-get -qq install -y sudo; }
		id tester || useradd --create-home --shell /bin/sh tester
		echo "tester ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/tester' >"$matrix/$1.debootstrap.log" 2>&1 </dev/null
}

leave()
{
	if [ -n "${root:-}" ]; then
		umount "$root/proc" 2>/dev/null
		umount -R "$root/dev" 2>/dev/null
	fi
	root=
}

# put_sources OWNER PLACE: the sources, and nothing that was made of them.
put_sources()
{
	rm -rf "${root:?}/$2"
	copy_sources "$root/$2" && inside chown -R "$1" "/$2"
}

# ---------------------------------------------------------------- steps

# A server of somebody else's on the port that PostgreSQL has by default.
busy_port()
{
	inside sh -c 'cd / && rm -rf /tmp/busy && bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1) &&
		runuser -u postgres -- "$bin/initdb" -D /tmp/busy -A trust -N &&
		runuser -u postgres -- "$bin/pg_ctl" -D /tmp/busy -w -o "-p 5432 -k /tmp" -l /tmp/busy.log start'
}

free_port()
{
	inside sh -c 'cd / && bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1) && runuser -u postgres -- "$bin/pg_ctl" -D /tmp/busy -m fast stop'
}

# The first run has installed PostgreSQL.  Where somebody on this machine has the port
# already, our own server does not start, and the port is taken all the same.
as_root_step()
{
	put_sources root srv/kindly_stats
	if inside sh -c 'ls /usr/lib/postgresql/*/bin/initdb' >/dev/null 2>&1; then
		busy_port
	fi
	# shellcheck disable=SC2086
	inside sh /srv/kindly_stats/test/check.sh ${MATRIX_CHECK:-}
	status=$?
	free_port
	return "$status"
}

as_user_step()
{
	put_sources tester "home/tester/a path/kindly stats"
	inside runuser -u tester -- env HOME=/home/tester sh -c "cd '/home/tester/a path/kindly stats' && sh test/check.sh ${MATRIX_CHECK:-}"
}

# Every warning that a user of make would see, optimized and not; clang does not know
# all flags that a PostgreSQL built with gcc has.
compilers_step()
{
	put_sources root srv/compilers
	inside sh -c 'cd /srv/compilers && for level in -O0 -O2; do
			make -s clean && make -s -j "$(nproc)" CC=gcc with_llvm=no COPT="$level -Werror" &&
				make -s clean && make -s -j "$(nproc)" CC=clang with_llvm=no \
					COPT="$level -Werror -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes" || exit 1
		done'
}

package_step()
{
	put_sources root srv/package/kindly-stats
	inside sh -c 'apt-get -qq install -y debhelper dpkg-dev fakeroot lintian postgresql-server-dev-all &&
		cd /srv/package/kindly-stats && make -s clean && pg_buildext updatecontrol &&
		make -s dist && mv kindly_stats-*.tar.gz "../kindly-stats_$(dpkg-parsechangelog -S Version | sed "s/-.*//").orig.tar.gz" &&
		dpkg-buildpackage -us -uc && lintian --fail-on error ../*.changes &&
		make -s uninstall && apt-get -qq install -y --reinstall ../postgresql-*-kindly-stats_*.deb &&
		printf "%s\n" "CREATE EXTENSION kindly_stats;" "SELECT kindly_stats.create_event_table('"'e'"');" \
			"SELECT * FROM kindly_stats.stats_total(1, '"'2024-01-01', '2024-01-02', 'UTC'"');" >/tmp/package.sql &&
		runuser -u postgres -- pg_virtualenv psql -X -v ON_ERROR_STOP=1 -f /tmp/package.sql
		status=$?
		apt-get -qq purge -y "postgresql-*-kindly-stats" && exit "$status"'
}

# step NAME: the last lines of what was said, where it has failed, or where it counts.
step()
{
	log=$matrix/$release.$1.log
	"$1_step" >"$log" 2>&1 </dev/null
	status=$?
	one_result "$status" "$release: $1, see $log"
	if [ "$status" -ne 0 ]; then
		grep '^FAILED' "$log" | sed 's/^/    /'
		show_tail "$log" 20
	fi
	sed -n 's/^[0-9]* passed, [0-9]* failed$/    &/p' "$log" | tail -n 1
}

# ---------------------------------------------------------------- the run

trap leave EXIT
trap 'exit 1' INT TERM HUP
[ $# -gt 0 ] || set -- bookworm trixie sid
for release; do
	suite_begins
	if enter "$release"; then
		for step in ${MATRIX_STEPS:-as_user as_root compilers package}; do
			step "$step"
		done
	else
		one_result 1 "$release: no system, see $matrix/$release.debootstrap.log"
	fi
	leave
	suite_ends "$release"
done
say "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
