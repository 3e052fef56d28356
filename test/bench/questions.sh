# shellcheck shell=sh
# questions.sh: what a question costs, beside hand-written SQL, DuckDB and
# materialized views.

# shellcheck source=test/bench/duckdb.sh
. "$bench/duckdb.sh"

duckdb_version=

# What materialized views cost: each is made anew, as only this keeps it right.
refresh_views()
{
	on reference -At <<-'SQL'
		SELECT format('INSERT INTO bench.result SELECT %L, ''refresh'', unnest(bench.repeat(''REFRESH MATERIALIZED VIEW %1$s'', 3))', oid::regclass)
		FROM pg_class WHERE relkind = 'm' ORDER BY oid \gexec
	SQL
}

# The typed functions in the zone that DuckDB knows without a conversion.
answer_in_utc()
{
	on reference <<-'SQL'
		UPDATE bench.setting SET value = 'UTC' WHERE name = 'zone';
		INSERT INTO bench.answer SELECT question, 'typed utc', bench.say('typed', bench.fill(query)) FROM bench.statement WHERE side = 'typed';
		UPDATE bench.setting SET value = 'Europe/Oslo' WHERE name = 'zone';
	SQL
}

reference
on reference -v table=chat_event -f "$bench/hand_indexes.sql" -f "$bench/hand.sql" -f "$bench/views.sql"
measure reference typed:200 json:200 hand:5 best:5 view:5
refresh_views
answer_in_utc
ask_duckdb reference
same_answers reference
select_1=$(value reference "SELECT bench.digits(bench.median(bench.run('SELECT 1', 200)))")

section "Questions" <<MD
A year of the busiest of 20 bots in Europe/Oslo, of a table that was attached when it had its events, asked for in a warm connection; milliseconds
in the server, the median of 200 runs of a prepared statement. \`stats_series\` gives counts and distinct counts at once, so the first two lines are the same call; the JSON has one of the two. \`SELECT 1\` takes $select_1 in the same way.
MD
report reference -v factor=1 -f "$bench/table_ours.sql"
{
	cat <<MD
Hand-written SQL (median of 5 runs), with an index for each question that covers it, without parallel workers or with two, whichever is
quicker: first as one would write it, \`date_trunc\` in the zone and \`count(DISTINCT)\`; then the quickest of several ways, such as
going to the index once for each local day. Times are those of the typed function.

MD
	on reference -At -f "$bench/table_hand.sql"
	[ -n "$duckdb_version" ] || echo 'DuckDB was not run: npm or its registry was not there.'
	cat <<MD
DuckDB $duckdb_version (median of 5 runs, all cores) has a copy of the events sorted by bot and time. Local time is had by the zone's name or by a join
with the zone's offsets, whichever is quicker. The materialized views are made for days of Europe/Oslo alone, one for each shape of question,
and are as old as their last refresh. All answers of all sides are equal, or there would be no table.

MD
	on reference -At -f "$bench/table_peers.sql"
} >>"$results/$part.md"
