#!/bin/sh
# serve.sh: what http/serve.sh does where it cannot serve: it says so in seconds, before
# it stops or builds anything.  Says what came of it in TAP.
#
#     sh test/http/serve.sh COPY     COPY: of the sources, to have one in a path with a blank

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=http/lib.sh
. "$top/http/lib.sh"
copy=${1:?the path of a copy to make, with a blank}
number=0

# result STATUS NAME
result()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$copy.log"
	fi
}

# refused NAME TEXT [setting=value]...: a run fails with TEXT, and leaves what an earlier
# one has left as it was.
refused()
{
	name=$1
	text=$2
	shift 2
	env "$@" timeout 60 sh "$copy/http/serve.sh" >"$copy.log" 2>&1
	status=$?
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] && grep -qF -e "$text" "$copy.log" && [ "$(cat "$copy/tmp/http/http_of")" = "$copy" ]
	result "$?" "$name"
}

copy_sources "$copy"
# as if a run were up
mkdir -p "$copy/tmp/http" && echo "$copy" >"$copy/tmp/http/http_of"

# whoever listens takes a port that is free at that moment, and says which
perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 0, Listen => 1) or die $@; print $s->sockport, "\n"; sleep 300' >"$copy.port" &
listener=$!
trap 'kill "$listener" 2>/dev/null' EXIT
tries=0
until [ -s "$copy.port" ] || [ "$tries" -ge 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
port=$(cat "$copy.port")
refused "a port that is taken" "port $port of 127.0.0.1 is taken" KINDLY_STATS_PORT="$port"
refused "a port that is none" 'KINDLY_STATS_PORT is "web"' KINDLY_STATS_PORT=web
refused "a port that is none, but for zeros" 'KINDLY_STATS_PORT is "08080"' KINDLY_STATS_PORT=08080
if port_is_free 81; then
	result 0 "here anybody may listen on port 81 # skip"
else
	refused "a port for root alone" "port 81 of 127.0.0.1 is taken or not allowed" KINDLY_STATS_PORT=81
fi
refused "a port that cannot be" 'ports are 1 to 65535' KINDLY_STATS_PORT=65536

port=$(free_port)
refused "a registry that cannot be reached" "npm cannot reach its registry" KINDLY_STATS_PORT="$port" npm_config_registry=http://127.0.0.1:9/
mkdir "$copy.bin"
for directory in /usr/sbin /usr/bin /sbin /bin; do
	for program in "$directory"/*; do
		case ${program##*/} in
		npm | apt-get) ;;
		*) [ -e "$copy.bin/${program##*/}" ] || ln -s "$program" "$copy.bin/${program##*/}" ;;
		esac
	done
done
refused "without npm and apt-get" "missing, and there is no apt-get: npm" KINDLY_STATS_PORT="$port" PATH="$copy.bin"

# make, nginx and PostgREST get a path without the blank
(
	top=$copy
	choose_place http && is_plain_path "$place" && rmdir "$place"
) >"$copy.log" 2>&1
result "$?" "a path with a blank is worked around"
echo "1..$number"
rm -rf "$copy" "$copy.bin" "$copy.log"
