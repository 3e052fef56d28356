# shellcheck shell=sh
# growth.sh: the same questions on ten times the events.

rounds=5

# statement.sh has it loaded, if it was run before.
ten_fold()
{
	if ! has_database tenfold; then
		say "loading ten times the reference workload"
		make_database tenfold $((sessions * 10))
		on tenfold -c "INSERT INTO chat_event SELECT * FROM bench.event"
	fi
	on tenfold -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
	ask tenfold chat_event
}

reference
ten_fold
on reference -c "DELETE FROM bench.result WHERE side IN ('typed', 'json')"
round=1
while [ "$round" -le "$rounds" ]; do
	measure reference typed:40 json:40
	measure tenfold typed:40 json:40
	round=$((round + 1))
done
# The ten-fold set has no index for hand-written SQL, which is asked once for what it says.
on tenfold -f "$bench/hand.sql"
answer tenfold hand
same_answers tenfold

on reference -c "COPY (SELECT question, side, median FROM bench.figure WHERE side IN ('typed', 'json')) TO STDOUT" >"$results/growth.tsv"
section "Ten times the events" <<MD
The same questions on a bot with ten times the sessions in the same year, in turns with the reference workload in $rounds rounds; milliseconds, medians.
MD
report tenfold -v small="$(value reference 'SELECT count(*) FROM chat_event')" <<SQL
CREATE TEMP TABLE small (question text, side text, median float8);
\\copy small FROM '$results/growth.tsv'
SELECT format('| Question | bound | typed, %s events | %s events | ratio | JSON | tenfold | ratio |', to_char(:small, 'FM999,999,999'), to_char(n, 'FM999,999,999'))
FROM (SELECT count(*) AS n FROM chat_event) AS e;
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', label, bound_growth,
	bench.digits(ts.median), bench.digits(tl.median), bench.cell(tl.median / ts.median, tl.median <= ts.median * bound_growth),
	bench.digits(js.median), bench.digits(jl.median), bench.cell(jl.median / js.median, jl.median <= js.median * bound_growth))
FROM bench.question
JOIN small AS ts ON ts.question = name AND ts.side = 'typed'
JOIN bench.figure AS tl ON tl.question = name AND tl.side = 'typed'
LEFT JOIN small AS js ON js.question = name AND js.side = 'json'
LEFT JOIN bench.figure AS jl ON jl.question = name AND jl.side = 'json'
ORDER BY number;
SQL
