# shellcheck shell=sh
# access.sh: what row-level security costs a question: the JSON functions asked
# by the tables' owner, whom no policy holds, by logins with one bot, a hundred
# and ten thousand, and by a token.

# Many short rounds: the machine is in the same mood for all of them.
rounds=20
runs=30

# ask_as LABEL ROLE: each question so many times in a connection of its own.
ask_as()
{
	on reference -At -F '	' <<-SQL
		SET request.jwt.claims = '{"bot":1,"role":"kindly_api_user","aud":"kindly_stats","iat":1735689600,"exp":1735690200}';
		SET timezone = 'Europe/Oslo';
		SELECT count(*) FROM generate_series(1, 2000000) \g /dev/null
		SET ROLE $2;
		SELECT '$1', s.question, ms FROM bench.statement AS s, unnest(bench.run(bench.fill(s.query), $runs)) AS ms WHERE s.side = 'json';
	SQL
}

reference
on reference <<'SQL' >/dev/null
SELECT kindly_stats.enable_row_security();
SELECT kindly_stats.create_api_roles();
CREATE ROLE bench_one;
CREATE ROLE bench_hundred;
CREATE ROLE bench_many;
SELECT kindly_stats.grant_bot('bench_one', 1), kindly_stats.grant_bot('bench_hundred', 1), kindly_stats.grant_bot('bench_many', 1);
INSERT INTO kindly_stats.bot_grant SELECT 'bench_hundred', n FROM generate_series(2, 100) AS n UNION ALL SELECT 'bench_many', n FROM generate_series(2, 10000) AS n;
ANALYZE kindly_stats.bot_grant;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
GRANT SELECT ON bench.statement, bench.setting TO PUBLIC;
SQL

round=0
while [ "$round" -lt "$rounds" ]; do
	ask_as owner postgres
	ask_as one bench_one
	ask_as hundred bench_hundred
	ask_as many bench_many
	ask_as token kindly_api_user
	round=$((round + 1))
done >"$results/access.tsv"

section "Row-level security" <<MD
The same questions as JSON, asked by the tables' owner, whom no policy holds, by logins that were granted 1, 100 and 10,000 bots, and by an API
token; milliseconds, the median of $((runs * rounds)) runs in $rounds connections in turn, and how many times the owner's they are.
MD
report reference <<SQL
CREATE TEMP TABLE asked (who text, question text, ms float8);
\\copy asked FROM '$results/access.tsv'
SELECT '| Question | owner | 1 bot | times | 100 bots | times | 10,000 bots | times | token | times |';
SELECT '| --- |' || repeat(' ---: |', 9);
SELECT format('| %s | %s |', coalesce(label, 'all, geometric mean of the ratios'), CASE WHEN label IS NOT NULL THEN bench.digits(owner) END)
	|| string_agg(format(' %s | %s |', CASE WHEN label IS NOT NULL THEN bench.digits(ms) END, bench.digits(ratio)), '' ORDER BY place)
FROM (SELECT q.number, q.label, a.place, o.ms AS owner, a.ms, exp(avg(ln(a.ms / o.ms))) AS ratio
	FROM bench.question AS q
	JOIN (SELECT question, bench.median(array_agg(ms)) AS ms FROM asked WHERE who = 'owner' GROUP BY 1) AS o ON o.question = q.name
	JOIN (SELECT question, array_position('{one,hundred,many,token}', who) AS place, bench.median(array_agg(ms)) AS ms
		FROM asked WHERE who <> 'owner' GROUP BY 1, 2) AS a ON a.question = q.name
	GROUP BY GROUPING SETS ((q.number, q.label, a.place, o.ms, a.ms), (a.place))) AS r
GROUP BY number, label, owner
ORDER BY number NULLS LAST;
SQL
on reference -c "SELECT kindly_stats.revoke_bot(g.role, g.bot_id) FROM kindly_stats.bot_grant AS g WHERE g.bot_id = 1" \
	-c "DROP OWNED BY bench_one, bench_hundred, bench_many" -c "DROP ROLE bench_one, bench_hundred, bench_many" >/dev/null
