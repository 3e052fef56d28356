# shellcheck shell=sh
# duckdb.sh: asks DuckDB, on a copy of the events sorted by bot and time.  Its
# packages come from the npm registry; without it the columns say so.

# ask_duckdb DATABASE: what it says and how long it takes go to bench.answer and
# bench.result there.
ask_duckdb()
{
	duckdb_place=$place/data/duckdb
	mkdir -p "$duckdb_place"
	if ! install_duckdb >"$duckdb_place/npm.log" 2>&1; then
		say "DuckDB is not run: $(command -v npm >/dev/null && tail -n 1 "$duckdb_place/npm.log" || echo 'there is no npm')"
		return 0
	fi
	on "$1" -f "$bench/duckdb.sql"
	write_duckdb_files "$1"
	(cd "$duckdb_place" && node duckdb.mjs "$duckdb_place")
	read_duckdb_answers "$1"
	duckdb_version=$(cat "$duckdb_place/version")
	rm -rf "$duckdb_place"
}

install_duckdb()
{
	command -v npm && command -v node || return 1
	cp "$bench/package.json" "$bench/package-lock.json" "$bench/duckdb.mjs" "$duckdb_place/" &&
		(cd "$duckdb_place" && npm ci --no-audit --no-fund)
}

# The columns that questions look at, and the zone's stretches of constant offset.
write_duckdb_files()
{
	on "$1" -c "SET timezone = 'UTC'" -c "COPY (SELECT bot_id, occurred_at::timestamp, kind, session_id, source, language_code, is_fallback,
		web_host, web_path, button_id, button_type, dialogue_id FROM chat_event) TO STDOUT (FORMAT csv)" >"$duckdb_place/events.csv"
	on "$1" >"$duckdb_place/stretches.csv" <<-'SQL'
		SET timezone = 'UTC';
		COPY (
			SELECT min(h)::timestamp, max(h)::timestamp + interval '1 hour', seconds
			FROM (SELECT h, extract(epoch FROM (h AT TIME ZONE zone.value) - h::timestamp)::integer AS seconds
				FROM bench.setting AS zone, generate_series('2024-12-01'::timestamptz, '2026-02-01', '1 hour') AS h
				WHERE zone.name = 'zone') AS hours
			GROUP BY seconds, (h::timestamp > '2025-07-01' AND seconds = 3600)
		) TO STDOUT (FORMAT csv);
	SQL
	value "$1" "SELECT json_build_object('settings', (SELECT json_object_agg(name, value) FROM bench.setting),
		'statements', (SELECT json_agg(json_build_object('question', question, 'query', query) ORDER BY id)
			FROM bench.statement WHERE side = 'duckdb'))" >"$duckdb_place/questions.json"
}

# The quickest way to ask counts; all must say the same.
read_duckdb_answers()
{
	on "$1" <<-SQL
		CREATE TEMP TABLE said (n integer GENERATED ALWAYS AS IDENTITY, line jsonb);
		\copy said (line) FROM '$duckdb_place/answers.jsonl' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
		CREATE TEMP TABLE way AS
		SELECT n, line ->> 'question' AS question, line ->> 'side' AS side, ARRAY(SELECT jsonb_array_elements(line -> 'ms')::float8) AS ms,
			(SELECT string_agg(bench.line(r), E'\n' ORDER BY place) FROM jsonb_array_elements(line -> 'rows') WITH ORDINALITY AS e (r, place)) AS answer
		FROM said;
		INSERT INTO bench.answer SELECT question, side, string_agg(DISTINCT answer, ' or ') FROM way GROUP BY question, side;
		INSERT INTO bench.result
		SELECT question, side, unnest(ms) FROM (SELECT DISTINCT ON (question, side) * FROM way ORDER BY question, side, bench.median(ms)) AS best;
	SQL
}
