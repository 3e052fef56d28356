# shellcheck shell=sh
# suite.sh: the drivers that programs ask with.  Sourced by check.sh, after http/lib.sh.

# The drivers of Debian's packages are those of its own Python.
python=/usr/bin/python3

has_module() { "$python" -c "import $1" 2>/dev/null; }
has_odbc() { odbcinst -q -d 2>/dev/null | grep -q 'PostgreSQL Unicode'; }
has_jdbc() { [ -e /usr/share/java/postgresql.jar ] && command -v javac >/dev/null; }

# Prints what is missing and can be had, as Debian package names.
missing_client_packages()
{
	for pair in psycopg2:python3-psycopg2 psycopg:python3-psycopg asyncpg:python3-asyncpg pyodbc:python3-pyodbc; do
		has_module "${pair%:*}" || echo "${pair#*:}"
	done
	has_odbc || echo odbcinst odbc-postgresql
	[ -e /usr/share/java/postgresql.jar ] || echo libpostgresql-jdbc-java
	command -v javac >/dev/null || echo default-jdk-headless
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
}

# What cannot be installed is skipped below.
install_clients()
{
	missing=$(missing_client_packages)
	if [ -n "$missing" ] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086
		(install_http_packages $missing)
	fi
	# shellcheck disable=SC2086,SC2154
	(cd "$place/tree/test/clients" && npm ci $npm_soon --ignore-scripts --no-audit --no-fund)
}

# skipped WHAT: in the place of a client
skipped() { echo "1..0 # SKIP $1 is not installed"; }

python_client()
{
	if has_module "$2"; then
		"$python" -B "$place/tree/test/clients/$1.py"
	else
		skipped "Python's module $2"
	fi
}

odbc_client()
{
	if has_odbc; then
		python_client odbc_client pyodbc
	else
		skipped "PostgreSQL's ODBC driver"
	fi
}

jdbc_client()
{
	if has_jdbc; then
		{ [ -d "$place/jdbc" ] || javac -d "$place/jdbc" "$place/tree/test/clients/Jdbc.java"; } && java -cp "$place/jdbc:/usr/share/java/postgresql.jar" Jdbc
	else
		skipped "PostgreSQL's JDBC driver, or a JDK,"
	fi
}

node_client()
{
	if [ -d "$place/tree/test/clients/node_modules/pg" ]; then
		node "$place/tree/test/clients/node_client.mjs"
	else
		skipped "pg of the npm registry"
	fi
}

# client NAME COMMAND...
client()
{
	log=$place/client_$1$how.log
	name=$1$how
	shift
	PGDATABASE=clients "$@" >"$log" 2>&1 </dev/null
	count_tap "client $name" "$log" "$?"
}

all_clients()
{
	client psycopg2 python_client psycopg2_client psycopg2
	client psycopg3 python_client psycopg3_client psycopg
	client asyncpg python_client asyncpg_client asyncpg
	client odbc odbc_client
	client jdbc jdbc_client
	client node node_client
}

# The same programs behind PgBouncer, which gives each transaction the one connection that it has.
pooled_clients()
{
	if ! command -v pgbouncer >/dev/null; then
		say "skipped: clients of PgBouncer: it is not installed"
		return
	fi
	pool=$place/pool
	make_server_dir "$pool" && as_server tee "$pool/pgbouncer.ini" >/dev/null <<-INI && as_server pgbouncer -q -d "$pool/pgbouncer.ini"
		[databases]
		clients = host=$PGHOST port=$PGPORT dbname=clients user=$PGUSER pool_size=1
		[pgbouncer]
		listen_addr =
		unix_socket_dir = $pool
		auth_type = any
		pool_mode = transaction
		ignore_startup_parameters = extra_float_digits
		logfile = $pool/pgbouncer.log
		pidfile = $pool/pgbouncer.pid
	INI
	one_result "$?" "PgBouncer starts"
	direct_host=$PGHOST direct_port=$PGPORT how=" pooled"
	export KINDLY_POOLED=1 PGHOST="$pool" PGPORT=6432
	all_clients
	unset KINDLY_POOLED
	PGHOST=$direct_host PGPORT=$direct_port how=
	end_process "$pool/pgbouncer.pid" "$pool/pgbouncer.ini"
}

clients_suite()
{
	suite_begins
	how=
	install_clients >"$place/clients.log" 2>&1 || show_tail "$place/clients.log" 5
	if sql -d postgres -c "DROP DATABASE IF EXISTS clients" -c "CREATE DATABASE clients" >>"$place/clients.log" 2>&1 &&
		sql -d clients -c "CREATE EXTENSION kindly_stats" -f "$place/tree/test/clients/fixtures.sql" >>"$place/clients.log" 2>&1; then
		all_clients
		pooled_clients
	else
		one_result 1 "the clients' database cannot be made"
		show_tail "$place/clients.log"
	fi
	suite_ends "clients"
}
