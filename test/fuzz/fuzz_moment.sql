--
-- fuzz_moment: mutated texts as moments, in a server: it is PostgreSQL's own parser
-- that takes them apart, which cannot be linked alone
--
--     psql -v seconds=600 -v seed=0.5 -f test/fuzz/fuzz_moment.sql
--
-- A text is refused with an error of class 22, or it is a moment: one that reads the
-- same when it is written, and that is what PostgreSQL makes of the text as a
-- timestamp without a zone or with one, or, of 13 digits, as milliseconds since 1970.
--
\set ON_ERROR_STOP 1
\pset tuples_only
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS kindly_stats;
RESET client_min_messages;

CREATE FUNCTION pg_temp.pick(words text[]) RETURNS text
LANGUAGE sql AS $$ SELECT words[1 + floor(random() * cardinality(words))::int] $$;

-- What one change makes of a text.
CREATE FUNCTION pg_temp.mutated(t text, pieces text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	at int := floor(random() * (length(t) + 1));
	gone int := floor(random() * 3);
BEGIN
	CASE floor(random() * 6)::int
		WHEN 0 THEN RETURN left(t, at) || substr(t, at + 1 + gone);
		WHEN 1 THEN RETURN left(t, at) || chr(1 + floor(random() * 126)::int) || substr(t, at + 1 + gone);
		WHEN 2 THEN RETURN left(t, at) || pg_temp.pick(pieces) || substr(t, at + 1 + gone);
		WHEN 3 THEN RETURN left(t, at) || floor(random() * 10 ^ (random() * 8))::int || substr(t, at + 1 + gone);
		WHEN 4 THEN RETURN left(t, at) || substr(pg_temp.pick(pieces), 1 + floor(random() * 8)::int);
		ELSE RETURN pg_temp.pick(pieces) || ' ' || t;
	END CASE;
END $$;

-- Whether a text that was read as a moment is the right one.
CREATE FUNCTION pg_temp.check_moment(t text, m kindly_stats.moment) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	other kindly_stats.moment;
BEGIN
	other := m::text::kindly_stats.moment;
	IF other::text <> m::text THEN
		RAISE EXCEPTION 'not so: % reads as %, and that as %', quote_literal(t), m, other USING ERRCODE = 'XX001';
	END IF;
	other := CASE WHEN t ~ '^ *[1-9][0-9]{12} *$' THEN (timestamptz 'epoch' + t::bigint * interval '1 millisecond')::kindly_stats.moment
		WHEN m::text LIKE '%Z%' THEN t::timestamptz::kindly_stats.moment ELSE t::timestamp::kindly_stats.moment END;
	IF other::text <> m::text THEN
		RAISE EXCEPTION 'not so: % is %, as a timestamp %', quote_literal(t), m, other USING ERRCODE = 'XX001';
	END IF;
EXCEPTION WHEN data_exception THEN
	RAISE EXCEPTION 'not so: % reads as %, and then: %', quote_literal(t), m, SQLERRM USING ERRCODE = 'XX001';
END $$;

CREATE PROCEDURE pg_temp.fuzz(seconds double precision)
LANGUAGE plpgsql AS $$
DECLARE
	seeds CONSTANT text[] := ARRAY['2019-07-01', '2019-07-01 10:00', '2019-07-01T10:00:00.123456', '2024-04-16T10:57:12.873Z', '20190701', '2019-182',
		'2019-07-01 10:00+02', '2019-07-01 10:00 Europe/Oslo', '2019-07-01 10:00 Japan', 'Mon Jul 01 10:00:00 2019 PST', '1 July 2019',
		'0044-03-15 BC', '2016-12-31 23:59:60', '294276-12-31 23:59:59.999999', '4713-01-01 BC', 'J2451187', 'infinity', '-infinity', '07/01/2019',
		'2019-07-01 24:00:00', '01:02:03 PM 2019-07-01', '2019-07-01 10:00:00 -03:30:15', '1999-01-08 04:05:06.789-8', 'now', 'epoch', 'today', '1729900800000'];
	pieces CONSTANT text[] := ARRAY['Z', 'T', 'BC', 'AD', 'AM', 'pm', 'DST', 'MET DST', 'Europe/Oslo', 'America/St_Johns', 'Japan', 'PST8PDT', 'UTC', 'UTC+3',
		'<+03>-03', ' +14', '-15:59:59', 'now', 'today', 'allballs', 'epoch', 'infinity', 'Jan', 'Monday', 'J', 'j1', 'd', 'h', 'dow', 'y', 'julian', 'at', 'on',
		'::', '..', '--', '//', '00', '60', '24:00', '1e3', '.5', '999999', '2147483648', 'NaN', E'\t', E'\n', '"', '''', '\', 'æ', '€', '(', '%s'];
	began CONSTANT timestamptz := clock_timestamp();
	runs bigint := 0;
	taken bigint := 0;
	t text;
	m kindly_stats.moment;
BEGIN
	WHILE clock_timestamp() < began + seconds * interval '1 second' LOOP
		PERFORM set_config('datestyle', pg_temp.pick('{"ISO, MDY","SQL, DMY","German, YMD","Postgres, MDY"}'), false),
			set_config('timezone', pg_temp.pick('{Europe/Oslo,UTC,America/St_Johns,Asia/Kathmandu,Pacific/Apia}'), false);
		FOR i IN 1..1000 LOOP
			t := pg_temp.pick(seeds);
			FOR k IN 0..floor(random() * 4) LOOP
				t := pg_temp.mutated(t, pieces);
			END LOOP;
			runs := runs + 1;
			BEGIN
				m := t::kindly_stats.moment;
				taken := taken + 1;
				PERFORM pg_temp.check_moment(t, m);
			EXCEPTION WHEN data_exception THEN
				NULL;
			END;
		END LOOP;
	END LOOP;
	RAISE NOTICE 'Done % runs in % second(s), % of them moments', runs, round(extract(epoch FROM clock_timestamp() - began)), taken;
END $$;

SELECT setseed(:seed);
CALL pg_temp.fuzz(:seconds);
