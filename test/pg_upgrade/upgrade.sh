#!/bin/sh
# upgrade.sh OLD_BINDIR NEW_BINDIR DIRECTORY: a cluster of one PostgreSQL with data,
# upgraded by the other's pg_upgrade.  Run by the servers' user, in a directory that
# is its own; the extension is installed in both.  Says in TAP what is as before.

old_bin=$1
new_bin=$2
place=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
number=0

# ok STATUS NAME
ok()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
	fi
}

# start BINDIR NAME
start()
{
	"$1/pg_ctl" -D "$place/$2" -l "$place/$2.log" -w -t 60 -o "-k $place -c listen_addresses= -p 5499 -c fsync=off" start >/dev/null
}

stop()
{
	"$1/pg_ctl" -D "$place/$2" -m fast -w -t 60 stop >/dev/null
}

psql()
{
	PGCLIENTENCODING=UTF8 "$new_bin/psql" -X -q -h "$place" -p 5499 -U postgres -d "$@"
}

cd "$place" || exit 1
unset PGHOST PGPORT PGUSER PGDATABASE
plain=
if [ "$("$new_bin/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 18 ]; then
	plain=--no-data-checksums
fi
"$old_bin/initdb" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N -D old >init.log 2>&1 &&
	"$new_bin/initdb" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N $plain -D new >>init.log 2>&1
ok $? "two clusters"
start "$old_bin" old && psql postgres -c 'CREATE DATABASE stats' && psql stats -f "$here/data.sql" >data.log 2>&1
ok $? "the old one has data"
psql stats -f "$here/answers.sql" >before 2>before.err
ok $? "and answers"
grep -q '^series|messages|[0-9]*|[1-9][0-9][0-9]' before && grep -q '^kept|' before && ! grep -q '^verify|' before
ok $? "there is something to compare, and verify() is content"
stop "$old_bin" old
"$new_bin/pg_upgrade" -U postgres -b "$old_bin" -B "$new_bin" -d old -D new -s "$place" >upgrade.log 2>&1
status=$?
ok "$status" "pg_upgrade"
if [ "$status" -ne 0 ]; then
	tail -n 30 upgrade.log | sed 's/^/# /'
	find new -name '*.log' -path '*pg_upgrade_output*' -exec tail -n 15 {} + 2>/dev/null | sed 's/^/# /'
	echo "1..$number"
	exit 1
fi
start "$new_bin" new
psql stats -f "$here/answers.sql" >after 2>after.err
cmp -s before after
ok $? "every stored byte and every answer as before"
diff before after | head -n 20 | sed 's/^/# /'
head -n 5 after.err | sed 's/^/# /'
psql stats -f "$here/after.sql" >went_on 2>&1
cat >expected <<-EXPECTED
	counted|1|1
	counted|7|1
	counted|acme-1|1
	attached|1
	page|{acme.example,/new}|1
	differences|0
	rebuilt|t
	differences|0
	left|0
EXPECTED
grep '|' went_on | diff expected - >differs
ok $? "triggers and event triggers go on"
sed 's/^/# /' differs
grep -v '|' went_on | sed '/^$/d; s/^/# /'
stop "$new_bin" new
echo "1..$number"
