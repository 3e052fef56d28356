-- measure.sql: how questions are asked, timed and compared.
--
-- A question has statements, one or more for each side: kindly_stats' typed
-- function and its JSON, hand-written SQL as one would write it and the best of
-- several ways (what one would write is one of them), a materialized view, TimescaleDB's
-- columnstore and aggregates, and DuckDB, which is asked by duckdb.mjs.  Where a side has several, the quickest
-- counts.

CREATE TABLE bench.question (
	name text PRIMARY KEY,
	number integer GENERATED ALWAYS AS IDENTITY,
	label text NOT NULL,
	bound_ms numeric,
	bound_times integer,
	bound_growth numeric NOT NULL
);

CREATE TABLE bench.statement (
	id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	question text NOT NULL REFERENCES bench.question,
	side text NOT NULL CHECK (side IN ('typed', 'json', 'hand', 'best', 'view', 'duckdb', 'duckdb utc',
		'columnstore', 'quarters', 'days')),
	query text,			-- NULL where that side has no exact answer
	remark text
);

-- What the statements call @bot, @from and so on.
CREATE TABLE bench.setting (name text PRIMARY KEY, value text NOT NULL);

CREATE TABLE bench.answer (question text, side text, answer text, PRIMARY KEY (question, side));
CREATE TABLE bench.result (question text, side text, ms float8);

CREATE FUNCTION bench.fill(template text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	s record;
	filled text := template;
BEGIN
	-- the values of settings name others
	FOR s IN SELECT name, value FROM generate_series(1, 2) AS pass, bench.setting ORDER BY pass, length(name) DESC LOOP
		filled := replace(filled, '@' || s.name, s.value);
	END LOOP;
	RETURN filled;
END $$;

-- One spelling of a value that all sides give: no T in instants, which are in UTC, no space after commas, no zeros that end a fraction.
CREATE FUNCTION bench.spell(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN value ~ '^\d{4}-\d\d-\d\d[T ]' THEN regexp_replace(replace(value, 'T', ' '), '(\.0+|(\.\d*[1-9])0*)?(\+00(:00)?)?$', '\2')
		WHEN value ~ '^\[.*]$' THEN replace(value, ', ', ',')
		ELSE regexp_replace(value, '^(\d+)\.0$', '\1') END
$$;

-- A row, its values in the order of their names.
CREATE FUNCTION bench.line(item jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(coalesce(bench.spell(value), ''), '|' ORDER BY key COLLATE "C")
	FROM jsonb_each_text(item)
	WHERE key <> 'granularities'
$$;

CREATE FUNCTION bench.say(side text, query text) RETURNS text LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
	said text;
BEGIN
	IF side = 'json' THEN
		EXECUTE format('SELECT string_agg(bench.line(item), E''\n'' ORDER BY place)
			FROM (SELECT (%s)::jsonb -> ''data'' AS data) AS j,
				 jsonb_array_elements(CASE jsonb_typeof(data) WHEN ''array'' THEN data ELSE jsonb_build_array(data) END)
					WITH ORDINALITY AS e (item, place)', regexp_replace(query, '^\s*SELECT', '')) INTO said;
	ELSE
		EXECUTE format('SELECT string_agg(bench.line(to_jsonb(q)), E''\n'') FROM (%s) AS q', query) INTO said;
	END IF;
	RETURN said;
END $$;

-- Milliseconds of each of so many runs, after two that warm up.
CREATE FUNCTION bench.repeat(statement text, times integer) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	took float8[] := '{}';
BEGIN
	FOR i IN -1 .. times LOOP
		began := clock_timestamp();
		EXECUTE statement;
		IF i > 0 THEN
			took := took || extract(epoch FROM clock_timestamp() - began)::float8 * 1000;
		END IF;
	END LOOP;
	RETURN took;
END $$;

-- The same of a query that is prepared once.
CREATE FUNCTION bench.run(query text, times integer) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	took float8[];
BEGIN
	EXECUTE 'PREPARE question AS ' || query;
	took := bench.repeat('EXECUTE question', times);
	DEALLOCATE question;
	RETURN took;
END $$;

CREATE FUNCTION bench.median(numbers float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$ SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FROM unnest(numbers) AS n $$;

-- What one side is asked; what one would write is among the best, too.
CREATE FUNCTION bench.ways(asked text, by_side text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT bench.fill(query)
	FROM bench.statement
	WHERE question = asked AND (side = by_side OR by_side = 'best' AND side = 'hand') AND query IS NOT NULL
$$;

-- Writes down what one side says, however it is asked.
CREATE PROCEDURE bench.answer(asked text, by_side text) LANGUAGE sql AS $$
	INSERT INTO bench.answer
	SELECT asked, by_side, string_agg(DISTINCT coalesce(bench.say(by_side, way), ''), ' or ') FROM bench.ways(asked, by_side) AS way
	ON CONFLICT (question, side) DO UPDATE SET answer = EXCLUDED.answer
$$;

-- And how long it takes: the quickest way counts, with each of so many parallel workers.
CREATE PROCEDURE bench.measure(asked text, by_side text, times integer, workers integer[]) LANGUAGE plpgsql AS $$
DECLARE
	way text;
	w integer;
	took float8[];
	best float8[];
BEGIN
	CALL bench.answer(asked, by_side);
	FOR way IN SELECT * FROM bench.ways(asked, by_side) LOOP
		FOREACH w IN ARRAY workers LOOP
			PERFORM set_config('max_parallel_workers_per_gather', w::text, false);
			took := bench.run(way, times);
			IF best IS NULL OR bench.median(took) < bench.median(best) THEN
				best := took;
			END IF;
		END LOOP;
	END LOOP;
	INSERT INTO bench.result SELECT asked, by_side, ms FROM unnest(best) AS ms;
END $$;

-- Answers that differ from ours, which are those of the typed functions.
CREATE VIEW bench.difference AS
SELECT a.question, a.side
FROM bench.answer AS a
JOIN bench.answer AS ours ON ours.question = a.question
	AND ours.side = CASE a.side WHEN 'duckdb utc' THEN 'typed utc' ELSE 'typed' END
WHERE a.side <> 'typed utc' AND a.answer IS DISTINCT FROM ours.answer;

CREATE VIEW bench.figure AS
SELECT question, side, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median, min(ms), max(ms)
FROM bench.result
GROUP BY question, side;

-- Milliseconds and ratios with three significant digits.
CREATE FUNCTION bench.digits(number float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN number >= 100 THEN to_char(number, 'FM999,999,990') WHEN number >= 10 THEN to_char(number, 'FM990.0')
		WHEN number >= 1 THEN to_char(number, 'FM990.00') ELSE to_char(number, 'FM0.000') END
$$;

-- A figure in a table; bold where it misses its bound.
CREATE FUNCTION bench.cell(number float8, held boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN NOT held THEN '**' || bench.digits(number) || '**' ELSE bench.digits(number) END
$$;
