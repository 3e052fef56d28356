#!/bin/sh
# demo.sh: kindly_stats from nothing to a chart, on a throwaway server.
#
#     sh test/demo.sh         installs what is missing, builds, loads, shows
#     sh test/demo.sh stop    stops the server and removes what it left
#
# The server listens on a unix socket alone and stays up, to be looked at with
# psql.  A second run starts afresh.  PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config
# has it use this version, installing it where it is missing.

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=test/lib.sh
. "$top/test/lib.sh"

zone=Europe/Oslo
bot=1
year=2025
db=kindly

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
		exit 1
	fi
}

build()
{
	copy_sources "$place/tree"
	build_and_install "$place/tree" with_llvm=no || { tail -n 30 "$place/tree.log"; return 1; }
}

# JIT helps neither side here, and work_mem helps the hand-written SQL.  The demo
# vacuums at a moment of its own, so that a run is like the next.
serve()
{
	start_server "$place/server" "jit = off" "work_mem = '64MB'" "autovacuum = off" &&
		sql -d postgres -c "CREATE DATABASE $db"
}

query() { sql -d "$db" "$@"; }
value() { query -At -c "$1"; }

create()
{
	query -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')"
}

load_year()
{
	query -v table=chat_event -v bots=3 -v sessions=12000 -v year="$year" -f "$top/test/generate.sql"
}

load_real()
{
	gunzip -c "$KINDLY_STATS_DATA/events_real.csv.gz" | query -v table=chat_event -f "$top/test/load_real.sql"
}

# What a careful hand would make for the questions below.
index()
{
	query -c "CREATE INDEX ON chat_event (bot_id, kind, occurred_at) INCLUDE (session_id)" \
		-c "VACUUM (ANALYZE)"
}

# The documents' one line of JSON, an object a line.
show_json()
{
	value "SELECT $1" | sed 's/}, *{/},\n{/g; s/,"/, "/g' | fold -s -w 94 | sed 's/^/   /'
}

# ---------------------------------------------------------------- the chart

# chart FROM TO GRANULARITY LABEL-FORMAT: messages as bars, as the documented
# client draws them.
chart()
{
	query -At <<-SQL
		WITH x AS (
			SELECT to_char((e ->> 'date')::timestamp, '$4') AS label, (e ->> 'count')::bigint AS n
			FROM json_array_elements(sage.sessions_messages($bot, "from" => '$1', "to" => '$2', tz => '$zone',
				granularity => '$3') -> 'data') AS e
		), scale AS (
			SELECT greatest(max(n) / 70.0, 1) AS per_block FROM x
		)
		SELECT '   ' || label || ' ' || CASE WHEN n = 0 THEN ''
			WHEN n < per_block THEN '▍' ELSE repeat('█', floor(n / per_block)::int) END || ' ' || n
		FROM x, scale
	SQL
}

# late: an event of months ago is in the very next answer, and out of it when deleted.
late()
{
	day="'$year-03-01'"
	count="SELECT count AS now FROM kindly_stats.stats_total($bot, $day, '$year-03-02', '$zone')"
	query -At <<-SQL
		$count \gset before_
		INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES ($bot, '$year-03-01 12:00+01', 'user_message', 'late')
		RETURNING event_id \gset
		$count \gset after_
		DELETE FROM chat_event WHERE bot_id = $bot AND occurred_at = '$year-03-01 12:00+01' AND event_id = :'event_id';
		$count \gset again_
		\echo '  ' :before_now messages on $year-03-01; :after_now after one late INSERT; :again_now after its DELETE
	SQL
}

# ---------------------------------------------------------------- beside hand-written SQL

# by_hand BOT FROM TO: messages and distinct sessions a local day, empty days
# included.  Counting in two steps is quicker than count(DISTINCT ...).
by_hand()
{
	cat <<-SQL
		SELECT d.day::date AS day, coalesce(messages, 0)::bigint AS messages, coalesce(chats, 0) AS chats
		FROM generate_series(timestamp '$2', timestamp '$3' - interval '1 day', interval '1 day') AS d(day)
		LEFT JOIN (
			SELECT day, sum(n) AS messages, count(session_id) AS chats
			FROM (
				SELECT (occurred_at AT TIME ZONE '$zone')::date AS day, session_id, count(*) AS n
				FROM chat_event
				WHERE bot_id = $1 AND kind = 'user_message'
				AND occurred_at >= timestamp '$2' AT TIME ZONE '$zone'
				AND occurred_at < timestamp '$3' AT TIME ZONE '$zone'
				GROUP BY 1, 2
			) AS s
			GROUP BY day
		) AS counted ON counted.day = d.day
		ORDER BY 1
	SQL
}

by_kindly_stats()
{
	echo "SELECT date::date AS day, count AS messages, distinct_count AS chats" \
		"FROM kindly_stats.stats_series($1, '$2', '$3', '$zone')"
}

# median SQL: of 11 runs in one session after two that warm up, in ms, as psql
# measures them: planning and all rows included.
median()
{
	statement=$(printf '%s' "$1" | tr '\n' ' ')
	{
		printf '%s\n' '\timing on' '\o /dev/null'
		for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
			echo "$statement;"
		done
	} | query | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n +3 | sort -n | sed -n 6p
}

# compare NAME BOT FROM TO
compare()
{
	hand=$(by_hand "$2" "$3" "$4")
	ours=$(by_kindly_stats "$2" "$3" "$4")
	differences=$(value "SELECT count(*) FROM ((($hand) EXCEPT ALL ($ours)) UNION ALL (($ours) EXCEPT ALL ($hand))) AS d")
	events=$(value "SELECT to_char(count(*), 'FM999,999,999') FROM chat_event WHERE bot_id = $2")
	hand_ms=$(median "$hand")
	ours_ms=$(median "$ours")
	if [ "$differences" -eq 0 ]; then
		same="equal answers"
	else
		same="$differences ROWS DIFFER"
	fi
	echo "$hand_ms $ours_ms" |
		awk -v name="$1" -v events="$events" -v same="$same" \
			'{ printf "   %-32s %8s events %7.1f ms %6.2f ms %5.0f x  %s\n", name, events, $1, $2, $1 / $2, same }'
	[ "$differences" -eq 0 ]
}

# ---------------------------------------------------------------- the places of a demo

# Sets `place` to that of an earlier run of this checkout, if there is one.
earlier_place()
{
	for place in "$top/tmp/demo" /tmp/kindly_stats.*; do
		if [ -O "$place" ] && [ "$(cat "$place/demo_of" 2>/dev/null)" = "$top" ]; then
			return 0
		fi
	done
	return 1
}

sweep_earlier()
{
	while earlier_place; do
		stop_server "$place/server" || die "cannot stop the server in $place/server"
		rm -rf "$place"
		say "stopped the demo in $place, and removed its files"
	done
}

# ---------------------------------------------------------------- the run

case ${1:-start} in
start) ;;
stop)
	if earlier_place; then
		PG_CONFIG=$(cat "$place/pg_config" 2>/dev/null || echo "${PG_CONFIG:-}")
		find_postgres
		sweep_earlier
		say "what stays: the extension's files in PostgreSQL's folders (make uninstall PG_CONFIG=$PG_CONFIG)"
		say "and the Debian packages that were installed for it (apt-get purge)"
	else
		say "no demo of this checkout is there"
	fi
	exit 0 ;;
*)
	say "usage: sh test/demo.sh [stop]"
	exit 2 ;;
esac

find_postgres
sweep_earlier
choose_place demo
echo "$top" >"$place/demo_of"
echo "$PG_CONFIG" >"$place/pg_config"
find_data

say "kindly_stats on PostgreSQL $("$PG_CONFIG" --version | cut -d ' ' -f 2), whose folders get the extension's files, 4 MB:"
say "$("$PG_CONFIG" --pkglibdir), $("$PG_CONFIG" --sharedir)/extension"
step "building and installing the extension" build
step "starting a server of its own (unix socket only)" serve
step "CREATE EXTENSION kindly_stats, create_event_table('chat_event')" create
step "loading $year of three made-up bots" load_year
if [ -n "$KINDLY_STATS_DATA" ]; then
	step "loading real events of a public chat archive" load_real
else
	say "no real events (KINDLY_STATS_DATA, or ../shared/data beside the checkout): going on without"
fi
step "an index for the hand-written SQL, VACUUM" index
value "SELECT to_char(count(*), 'FM999,999,999') || ' events in ' || pg_size_pretty(pg_total_relation_size('chat_event'))
	|| '; their statistics, ' || pg_size_pretty(pg_total_relation_size('kindly_stats.rollup')) FROM chat_event"

say ""
say "-- sage.meta_options($bot)"
show_json "sage.meta_options($bot)"
say "-- sage.sessions_chats($bot, \"from\" => '$year-06-30', \"to\" => '$year-07-07', tz => '$zone')"
show_json "sage.sessions_chats($bot, \"from\" => '$year-06-30', \"to\" => '$year-07-07', tz => '$zone')"
say "-- sage.fallbacks_total($bot, \"from\" => '$year-01-01', \"to\" => '$((year + 1))-01-01', tz => '$zone')"
show_json "sage.fallbacks_total($bot, \"from\" => '$year-01-01', \"to\" => '$((year + 1))-01-01', tz => '$zone')"

say ""
say "-- messages a day in $zone, the last three weeks of $year"
chart "$year-12-11" "$((year + 1))-01-01" day 'YYYY-MM-DD'
say "-- and a month"
chart "$year-01-01" "$((year + 1))-01-01" month 'YYYY-MM   '

say ""
say "-- kindly_stats.top_buttons($bot, '$year-01-01', '$((year + 1))-01-01', '$zone')"
query -At -F '  ' -c "SELECT '  ', button_id, rpad(button_type, 16), lpad(count::text, 6), to_char(100 * ratio, '90.0') || ' %'
	FROM kindly_stats.top_buttons($bot, '$year-01-01', '$((year + 1))-01-01', '$zone')"

say ""
say "-- a late event is in the very next answer"
late

say ""
say "-- messages and chats a day: hand-written SQL, stats_series, and how many times quicker (medians)"
status=0
compare "made-up bot $bot, $year" "$bot" "$year-01-01" "$((year + 1))-01-01" || status=1
if [ -n "$KINDLY_STATS_DATA" ]; then
	real=$(value "SELECT bot_id FROM chat_event WHERE bot_id > 3 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
	compare "busiest real bot, 2018 to 2025" "$real" 2018-01-01 2026-01-01 || status=1
fi

say ""
say "connect:  psql -h $PGHOST -U $PGUSER $db"
say "stop:     sh test/demo.sh stop"
exit "$status"
