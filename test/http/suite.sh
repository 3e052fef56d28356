# shellcheck shell=sh
# suite.sh: the checks of the real servers.  Sourced by check.sh, after http/lib.sh.

# The busiest bot of the real events, where they are there.
real_events()
{
	[ -n "$KINDLY_STATS_DATA" ] || return 0
	gunzip -c "$KINDLY_STATS_DATA/events_real.csv.gz" | awk -F , 'NR == 1 || $3 == 113488' |
		sql -d http -v table=chat_event -f "$place/tree/test/load_real.sql"
}

# What drives the browser, beside the tests that need it.
install_browser()
{
	(cd "$place/tree/test/http" && npm ci --ignore-scripts --no-audit --no-fund) || return 1
	KINDLY_CHROMIUM=$(command -v chromium) && export KINDLY_CHROMIUM KINDLY_SHOTS="$top/tmp/screenshots"
}

# A database with the fixtures, PostgREST and nginx, on a port that is free.
http_server()
{
	# shellcheck disable=SC2046
	(install_http_packages $(command -v chromium >/dev/null || echo chromium) $(command -v openssl >/dev/null || echo openssl)) || return 1
	install_postgrest "$place/postgrest" || { show_tail "$place/postgrest.log"; return 1; }
	install_browser || return 1
	sql -d postgres -c "DROP DATABASE IF EXISTS http" -c "CREATE DATABASE http" &&
		sql -d http -c "CREATE EXTENSION kindly_stats" &&
		sql -d http -f "$place/tree/test/http/fixtures.sql" &&
		real_events &&
		open_database http || return 1
	KINDLY_SECRET=$(signing_secret http) && http_port=$(free_port) || return 1
	KINDLY_TLS=$(free_port) || return 1
	HTTP_TLS=$KINDLY_TLS configure_http "$place/http" "$place/postgrest/postgrest" "$(database_uri http)" "$KINDLY_SECRET" "$http_port" "$place/tree/http/dashboard" &&
		start_http "$place/http" || return 1
	export KINDLY_TLS KINDLY_SECRET KINDLY_URL="http://127.0.0.1:$http_port" KINDLY_RUN="$place/http/run" KINDLY_PSQL="$bindir/psql" PGDATABASE=http
}

# What serve.sh shows: each line that asks something is answered.
shown_lines()
{
	show_lines http "$http_port" 1 2024-06-03 2024-06-10 First+%26+last | sed '/^http/d' >"$place/http_lines" &&
		sh "$place/http_lines" >"$place/http_answers" 2>&1 &&
		[ "$(count_in "$place/http_lines" '^curl')" -ge 20 ] && ! grep -e '^{"code"' -e '^curl' "$place/http_answers"
}

# The programs in their order: the last of them leaves little that works.
http_suite()
{
	suite_begins
	if http_server >"$place/http_server.log" 2>&1; then
		shown_lines >"$place/http_shown.log"
		one_result "$?" "the lines that serve.sh shows are answered"
		show_tail "$place/http_shown.log"
		for name in documented customer statuses etag cors openapi native others limits transport door dashboard mutated down; do
			log=$place/http_$name.log
			node "$place/tree/test/http/$name.mjs" >"$log" 2>&1 </dev/null
			count_tap "http $name" "$log" "$?"
		done
	else
		one_result 1 "PostgREST and nginx do not start"
		show_tail "$place/http_server.log"
	fi
	unset PGDATABASE
	stop_http "$place/http"
	suite_ends "http"
}
