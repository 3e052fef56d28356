--
-- Writes doc/reference.md from the comments of the catalog.  `make reference` runs it against the server that
-- psql finds, in a database that has not got the extension; it leaves nothing behind.
--
\set QUIET on
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION kindly_stats;
SELECT kindly_stats.create_access_tables() \g /dev/null
SET LOCAL search_path = pg_catalog;

CREATE FUNCTION pg_temp.code(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '`' || replace(value, '|', '\|') || '`' $$;

-- What Markdown would take for its own, outside of what is code already.
CREATE FUNCTION pg_temp.prose(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(replace(value, '|', '\|'), '([<*\\])(?!\|)', '\\\1', 'g')
$$;

-- The summary, then a paragraph for what ends with a line, a list of the arguments, and a paragraph for errors.
CREATE FUNCTION pg_temp.body(comment text, names text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	name text := (SELECT '(?:' || string_agg(DISTINCT n, '|') || ')' FROM unnest(names) AS n WHERE n <> '');
	text text := pg_temp.prose(comment);
BEGIN
	text := regexp_replace(text, '\.\n(?=\S)', E'.\n\n', 'g');
	text := regexp_replace(text, '(?<=\.)\s+(?=(Further errors?|Errors?|HTTP status(es)?)\y[^.\n]*: )', E'\n\n', 'g');
	IF name IS NOT NULL THEN
		name := format('(%s(?: \([^)]*\))?(?:, %1$s(?: \([^)]*\))?)*)((?:, where [^:;.]*)?: )', name);
		text := regexp_replace(text, ';\s+' || name, E'\n* **\\1**\\2', 'g');
		text := regexp_replace(text, '(\A|\n|\.\s)\s*' || name, E'\\1\n* **\\2**\\3', 'g');
		-- the last argument ends where a sentence begins that is about the whole
		text := (SELECT string_agg(CASE WHEN p ~ '^\s*\* ' THEN regexp_replace(regexp_replace(p, '(?<=\S)\n(?!\*)', ' ', 'g'), '\.  ?(?=[A-Z])', E'.\n\n') ELSE p END, E'\n\n' ORDER BY i)
				   FROM regexp_split_to_table(text, '\n{2,}') WITH ORDINALITY AS s(p, i));
	END IF;
	RETURN regexp_replace(regexp_replace(text, '[ \t]+$', '', 'ng'), '\n{3,}', E'\n\n', 'g');
END
$$;

-- Arguments, one a line where there are several, and without the casts of defaults.
CREATE FUNCTION pg_temp.arguments(function oid) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN length(a) > 70 THEN E'\n    ' || regexp_replace(a, ', (?=\w|")', E',\n    ', 'g') || E'\n' ELSE a END
	  FROM regexp_replace(regexp_replace(pg_get_function_arguments(function), '(DEFAULT [^,]*?)::[a-z_.]+(\[\])?(?=,|$)', '\1', 'g'),
						  '\mIN (?="?\w+"? )', '', 'g') AS a
$$;

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid FROM pg_depend AS d
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'kindly_stats');

-- What users call, as sql/catalog.sql has it, by schema.
CREATE TEMP VIEW function AS
SELECT n.nspname AS schema, p.*, obj_description(p.oid, 'pg_proc') AS comment
  FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_type AS t ON t.oid = p.prorettype
 WHERE n.nspname <> 'kindly_rules' AND t.typname NOT IN ('trigger', 'event_trigger', 'fdw_handler')
   AND obj_description(p.oid, 'pg_proc') !~ '^(internal|I/O|implementation of|transition|final|combine)'
   AND NOT EXISTS (SELECT FROM pg_cast AS c WHERE c.castfunc = p.oid)
   AND NOT EXISTS (SELECT FROM pg_type AS y WHERE p.oid IN (y.typinput, y.typoutput, y.typreceive, y.typsend))
   AND NOT EXISTS (SELECT FROM pg_foreign_data_wrapper AS w WHERE p.oid IN (w.fdwhandler, w.fdwvalidator))
   AND NOT EXISTS (SELECT FROM pg_aggregate AS a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn));

\echo '# Reference'
\echo
\echo 'Made by `make reference` from the comments of the catalog, which `\\df+`, `\\dt+` and `\\dv+` show in psql. All is there since 1.0.0.'
\echo 'What the functions of each system answer, and why, is in [chatbot_com.md](chatbot_com.md), [logicdialog.md](logicdialog.md) and [ultimate.md](ultimate.md).'
\echo
SELECT '* [' || pg_temp.prose(title) || '](#' || anchor || ')' FROM (
	SELECT 1 AS rank, 'Functions of ' || schema AS title, 'functions-of-' || schema AS anchor FROM function GROUP BY schema
	UNION ALL VALUES (2, 'Operators', 'operators'), (3, 'Types', 'types'), (4, 'Tables and views', 'tables-and-views'), (5, 'Settings', 'settings')
) AS s ORDER BY rank, title COLLATE "C";

SELECT CASE WHEN lag(schema) OVER w IS DISTINCT FROM schema THEN E'\n## Functions of ' || schema || E'\n' ELSE '' END
	|| CASE WHEN lag((schema, proname)) OVER w IS DISTINCT FROM (schema, proname) THEN E'\n### ' || format('%I.%I', schema, proname) || E'\n' ELSE '' END
	|| E'\n```\n' || CASE WHEN prokind = 'p' THEN 'CALL ' ELSE '' END || format('%I.%I(', schema, proname) || pg_temp.arguments(oid) || ')'
	|| coalesce(' RETURNS ' || nullif(pg_get_function_result(oid), ''), '') || E'\n```\n\n'
	|| pg_temp.body(comment, proargnames)
  FROM function WINDOW w AS (ORDER BY schema COLLATE "C", proname COLLATE "C", pg_get_function_identity_arguments(oid) COLLATE "C")
 ORDER BY schema COLLATE "C", proname COLLATE "C", pg_get_function_identity_arguments(oid) COLLATE "C";

\echo
\echo '## Operators'
\echo
\echo '| Operator | |'
\echo '| --- | --- |'
SELECT '| ' || pg_temp.code(coalesce(nullif(o.oprleft, 0)::regtype || ' ', '') || o.oprname || ' ' || o.oprright::regtype) || ' | '
	|| replace(pg_temp.prose(coalesce(obj_description(o.oid, 'pg_operator'), '')), E'\n', ' ') || ' |'
  FROM member AS m JOIN pg_operator AS o ON m.classid = 'pg_operator'::regclass AND o.oid = m.objid
 ORDER BY o.oprname COLLATE "C", o.oprleft::regtype::text COLLATE "C", o.oprright::regtype::text COLLATE "C";

\echo
\echo '## Types'
SELECT E'\n### ' || t.oid::regtype || E'\n\n' || pg_temp.body(obj_description(t.oid, 'pg_type'), NULL)
  FROM member AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
 WHERE t.typcategory <> 'A' AND obj_description(t.oid, 'pg_type') !~ '^internal' ORDER BY t.oid::regtype::text COLLATE "C";

\echo
\echo '## Tables and views'
\echo
\echo 'The tables are made when they are first needed, most of them when a table is attached.'
SELECT E'\n### ' || c.oid::regclass || E'\n\n' || pg_temp.body(coalesce(obj_description(c.oid, 'pg_class'), ''), l.names)
	|| E'\n\n| Column | Type |' || CASE WHEN l.described THEN ' |' ELSE '' END || E'\n| --- | --- |' || CASE WHEN l.described THEN ' --- |' ELSE '' END || l.lines
  FROM pg_class AS c, LATERAL (
	SELECT array_agg(a.attname::text) AS names, bool_or(col_description(c.oid, a.attnum) IS NOT NULL) AS described,
		   string_agg(E'\n| ' || pg_temp.code(a.attname) || ' | ' || pg_temp.code(format_type(a.atttypid, a.atttypmod)) || ' |'
					  || coalesce(' ' || replace(pg_temp.prose(col_description(c.oid, a.attnum)), E'\n', ' ') || ' |', ''), '' ORDER BY a.attnum) AS lines
	  FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS l
 WHERE c.relnamespace IN ('kindly_stats'::regnamespace, 'bi'::regnamespace) AND c.relkind IN ('r', 'v')
   AND coalesce(obj_description(c.oid, 'pg_class'), '') !~ '^internal' ORDER BY c.oid::regclass::text COLLATE "C";

\echo
\echo '## Settings'
\echo
\echo '[operations.md](operations.md#settings) says when a session knows them. Those that say so are for superusers.'
\echo
\echo '| Setting | Default | |'
\echo '| --- | --- | --- |'
SELECT '| ' || pg_temp.code(name) || ' | ' || coalesce(nullif(boot_val, ''), 'empty') || coalesce(' ' || unit, '') || ' | '
	|| pg_temp.prose(concat_ws(' ', short_desc, extra_desc)) || CASE WHEN context = 'superuser' THEN ' For superusers.' ELSE '' END || ' |'
  FROM pg_settings WHERE name LIKE 'kindly\_stats.%' ORDER BY name COLLATE "C";
ROLLBACK;
