# shellcheck shell=sh
# first_call.sh: what the first question of a connection costs.

connections=20

# first_and_next LABEL STATEMENT: both, in each of so many fresh connections, as
# the client sees them: the library is loaded and the plan is made in the first.
first_and_next()
{
	connection=0
	while [ "$connection" -lt "$connections" ]; do
		printf '%s\n' '\timing on' '\o /dev/null' "$2;" "$2;" "$2;" "$2;" "$2;" | on reference |
			sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' |
			awk -v label="$1" 'NR == 1 { print label "\tfirst\t" $1 } NR > 3 { print label "\tlater\t" $1 }'
		connection=$((connection + 1))
	done
}

reference
year="1, '2025-01-01', '2026-01-01', 'Europe/Oslo'"
# shellcheck disable=SC2016
{
	first_and_next '`SELECT 1`' "SELECT 1"
	first_and_next 'daily messages and chats, `stats_series`' "SELECT * FROM kindly_stats.stats_series($year)"
	first_and_next 'daily messages, `sage.sessions_messages`' "SELECT sage.sessions_messages($year)"
	first_and_next '`stats_options`' "SELECT * FROM kindly_stats.stats_options(1)"
} >"$results/first_call.tsv"

section "First question of a connection" <<MD
Milliseconds of the first statement in a fresh connection, without the time to connect, and of later ones, as psql sees them: with the way to the server
and back and with planning. Medians of $connections connections.
MD
report reference <<SQL
CREATE TEMP TABLE call (n integer GENERATED ALWAYS AS IDENTITY, label text, turn text, ms float8);
\\copy call (label, turn, ms) FROM '$results/first_call.tsv'
SELECT '| Statement | first | min–max | bound | later | min–max |';
SELECT '| --- | ---: | --- | ---: | ---: | --- |';
SELECT format('| %s | %s | %s–%s | %s | %s | %s–%s |', label, bench.cell(first, first <= 10), bench.digits(first_min), bench.digits(first_max),
	CASE WHEN label !~ 'SELECT 1' THEN 10 END, bench.digits(later), bench.digits(later_min), bench.digits(later_max))
FROM (SELECT label, min(n) AS n, bench.median(array_agg(ms) FILTER (WHERE turn = 'first')) AS first,
		min(ms) FILTER (WHERE turn = 'first') AS first_min, max(ms) FILTER (WHERE turn = 'first') AS first_max,
		bench.median(array_agg(ms) FILTER (WHERE turn = 'later')) AS later,
		min(ms) FILTER (WHERE turn = 'later') AS later_min, max(ms) FILTER (WHERE turn = 'later') AS later_max
	FROM call GROUP BY label) AS c
ORDER BY n;
SQL
