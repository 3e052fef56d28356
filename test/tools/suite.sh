# shellcheck shell=sh disable=SC2154
# suite.sh: BI tools, as they ask.  Sourced by check.sh, full.sh and tools/run.sh, after clients/suite.sh.
#
# Most of them cannot be installed here: what they say is sent by the drivers that they have, in the way that they send it.  R, Cube and
# Observable Framework can, which takes minutes, so that check.sh leaves them out.

# Prints what is missing and can be had, as Debian package names; $1 says whether R and Chromium are wanted.
missing_tool_packages()
{
	missing_client_packages
	has_module sqlalchemy || echo python3-sqlalchemy
	has_module pandas || echo python3-pandas
	has_module jinja2 || echo python3-jinja2
	if [ "$1" = large ]; then
		has_r || echo r-base-core r-cran-rpostgresql r-cran-dbplyr
		command -v chromium >/dev/null || echo chromium
	fi
}

has_r() { Rscript --vanilla -e 'library(RPostgreSQL); library(dbplyr)' >/dev/null 2>&1; }

# What cannot be installed is skipped below.
install_tools()
{
	missing=$(missing_tool_packages "$1")
	if [ -n "$missing" ] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086
		(install_http_packages $missing)
	fi
	install_modules "$place/tree/test/clients"
	if [ "$1" = large ]; then
		install_modules "$tools"
		install_modules "$place/tree/bi/observable"
	fi
}

# install_modules DIR: what its package-lock.json has, once
install_modules()
{
	# shellcheck disable=SC2086
	[ -d "$1/node_modules" ] || (cd "$1" && npm ci $npm_soon --ignore-scripts --no-audit --no-fund)
}

# tool NAME PROGRAM [ARGUMENT]...: as an analyst
tool()
{
	log=$place/tool_$1.log
	name=$1
	shift
	PGDATABASE=tools PGUSER=analyst "$@" >"$log" 2>&1 </dev/null
	count_tap "tool $name" "$log" "$?"
}

# python_tool NAME MODULE...: of this folder, with modules that it needs
python_tool()
{
	name=$1
	shift
	for module; do
		if ! has_module "$module"; then
			skipped "Python's module $module"
			return
		fi
	done
	"$python" -B "$tools/$name.py"
}

odbc_tool()
{
	if has_odbc; then
		python_tool odbc_tools pyodbc
	else
		skipped "PostgreSQL's ODBC driver"
	fi
}

metabase_tool()
{
	if has_jdbc; then
		mkdir -p "$place/jdbc" && javac -d "$place/jdbc" "$place/tree/test/clients/Jdbc.java" "$tools/Metabase.java" &&
			java -cp "$place/jdbc:/usr/share/java/postgresql.jar" Metabase
	else
		skipped "PostgreSQL's JDBC driver, or a JDK,"
	fi
}

r_tool()
{
	if has_r; then
		Rscript --vanilla "$tools/r_client.R"
	else
		skipped "R, or its package RPostgreSQL or dbplyr,"
	fi
}

# node_tool NAME DIR: with modules of DIR
node_tool()
{
	if ! [ -d "$2/node_modules" ]; then
		skipped "what $1 takes from the npm registry"
	elif [ "$1" = observable ] && ! command -v chromium >/dev/null; then
		skipped "Chromium"
	else
		KINDLY_CHROMIUM=$(command -v chromium) KINDLY_SHOTS="$top/tmp/screenshots" node "$tools/$1.mjs"
	fi
}

# What doc/bi.md has for a role that asks, where there is no row-level security.
documented_rights() { grep '^GRANT .* TO analyst;$' "$place/tree/doc/bi.md"; }

# tools_suite small|large: on the server that PGHOST and its kind point at
tools_suite()
{
	suite_begins
	tools=$place/tree/test/tools
	install_tools "$1" >"$place/tools.log" 2>&1 || show_tail "$place/tools.log" 5
	if sql -d postgres -c "DROP DATABASE IF EXISTS tools" -c "DROP ROLE IF EXISTS dbt, analyst" -c "CREATE DATABASE tools" >>"$place/tools.log" 2>&1 &&
		sql -d tools -c "CREATE EXTENSION kindly_stats" -f "$tools/fixtures.sql" -c "$(documented_rights)" >>"$place/tools.log" 2>&1; then
		tool grafana node_tool grafana "$place/tree/test/clients"
		tool metabase metabase_tool
		tool superset python_tool superset sqlalchemy psycopg2
		tool odbc odbc_tool
		tool pandas python_tool pandas_client pandas sqlalchemy psycopg2
		tool dbt python_tool dbt_client jinja2 psycopg2
		if [ "$1" = large ]; then
			tool R r_tool
			tool schema node_tool schema "$tools"
			tool cube node_tool cube "$tools"
			tool observable node_tool observable "$place/tree/bi/observable"
		fi
		sql -d postgres -c "DROP DATABASE tools" -c "DROP ROLE dbt, analyst" >>"$place/tools.log" 2>&1
		one_result "$?" "nothing of the tools is left"
	else
		one_result 1 "the tools' database cannot be made"
		show_tail "$place/tools.log"
	fi
	suite_ends "tools"
}
