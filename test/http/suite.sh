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
	KINDLY_CHROMIUM=$(command -v chromium) && KINDLY_FIREFOX=$(command -v firefox-esr || command -v firefox) && export KINDLY_CHROMIUM KINDLY_FIREFOX KINDLY_SHOTS="$top/tmp/screenshots"
}

# The document whose program is run, where it is there, and a Python that can run it.
find_document()
{
	KINDLY_DOCUMENT=$top/../shared/seeds/000_fa8b6a08ec726457.txt
	[ -r "$KINDLY_DOCUMENT" ] || { unset KINDLY_DOCUMENT; return 0; }
	for try in once again; do
		for KINDLY_PYTHON in python3 /usr/bin/python3; do
			if "$KINDLY_PYTHON" -c 'import requests' 2>/dev/null; then
				export KINDLY_DOCUMENT KINDLY_PYTHON
				return 0
			fi
		done
		[ "$try" = again ] || (install_http_packages python3-requests)
	done
	unset KINDLY_PYTHON
}

# A database with the fixtures, PostgREST and nginx, on a port that is free.
http_server()
{
	# shellcheck disable=SC2046
	(install_http_packages $(command -v chromium >/dev/null || echo chromium) $(command -v firefox-esr >/dev/null || command -v firefox >/dev/null || echo firefox-esr) $(command -v openssl >/dev/null || echo openssl)) || return 1
	install_postgrest "$place/postgrest" || { show_tail "$place/postgrest.log"; return 1; }
	install_browser || return 1
	find_document
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

# What needs no servers first, then the programs in their order: the last of them leaves little that works.
http_suite()
{
	suite_begins
	sh "$place/tree/test/http/serve.sh" "$place/a copy" >"$place/http_serve.log" 2>&1 </dev/null
	count_tap "http serve" "$place/http_serve.log" "$?"
	if http_server >"$place/http_server.log" 2>&1; then
		[ ! -s "$place/http.nginx.log" ]
		one_result "$?" "nginx has nothing to say of its configuration"
		show_tail "$place/http.nginx.log"
		shown_lines >"$place/http_shown.log"
		one_result "$?" "the lines that serve.sh shows are answered"
		show_tail "$place/http_shown.log"
		for name in documented customer program typed statuses errors bots etag cors openapi native others direct limits transport door dashboard sections logins firefox mutated down; do
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
