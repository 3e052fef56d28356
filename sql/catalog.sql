--
-- The catalog: what the extension's objects must all have.  Every list is empty,
-- but for exceptions that are named with their reasons.
--
\pset format unaligned
SET search_path = pg_catalog;
CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, o.type, o.identity
  FROM pg_depend AS d, pg_identify_object(d.classid, d.objid, 0) AS o
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'kindly_stats');
CREATE TEMP VIEW function AS
SELECT p.*, p.oid::regprocedure::text AS name, l.lanname AS language, t.typname AS result,
	   -- what users call: not the parts of types, operators and aggregates, nor what says that it is internal
	   NOT (obj_description(p.oid, 'pg_proc') ~ '^(internal|I/O|implementation of|transition|final|combine)'
			OR p.oid IN (SELECT c.castfunc FROM pg_cast AS c)
			OR EXISTS (SELECT FROM pg_type AS y WHERE p.oid IN (y.typinput, y.typoutput, y.typreceive, y.typsend))
			OR EXISTS (SELECT FROM pg_aggregate AS a WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn))
			OR t.typname = 'trigger') AS public
  FROM member AS m JOIN pg_proc AS p ON p.oid = m.objid JOIN pg_language AS l ON l.oid = p.prolang JOIN pg_type AS t ON t.oid = p.prorettype
 WHERE m.classid = 'pg_proc'::regclass;

-- enough of them to say that these views work
SELECT type, count(*) > 0 AS some FROM member GROUP BY type ORDER BY type COLLATE "C";
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE public) > 20 AS public FROM function;

-- no table, no sequence: they would be dumped without their rows; foreign tables have none
SELECT m.identity, c.relkind FROM member AS m JOIN pg_class AS c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass AND c.relkind NOT IN ('v', 'f');
SELECT m.identity FROM member AS m JOIN pg_extension AS e ON e.extname = 'kindly_stats' AND e.extconfig IS NOT NULL;
-- everything in the extension's schemas
SELECT m.type, m.identity FROM member AS m
 WHERE m.identity !~ '^(kindly_stats|kindly_rules|kindly_api|bi|sage|chatbot_com|logicdialog|ultimate)(\.|$)' AND m.type <> 'cast'
   AND (m.type <> 'event trigger' OR m.identity NOT LIKE 'kindly\_stats\_%') ORDER BY 1, 2;

-- a comment on everything but array types, row types and rules, of which the server makes its own
SELECT m.type, m.identity FROM member AS m
  LEFT JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
 WHERE obj_description(m.objid, (SELECT c.relname FROM pg_class AS c WHERE c.oid = m.classid)) IS NULL
   AND coalesce(t.typcategory, '') <> 'A' AND coalesce(t.typtype, '') <> 'c' AND m.type <> 'rule'
 ORDER BY 1, 2;
-- the first line is a summary that fits a line, the last one no stray blank
SELECT name, split_part(obj_description(oid, 'pg_proc'), E'\n', 1) AS summary FROM function
 WHERE length(split_part(obj_description(oid, 'pg_proc'), E'\n', 1)) NOT BETWEEN 3 AND 100 OR obj_description(oid, 'pg_proc') ~ '\s$|[ \t]\n|\t'
 ORDER BY name COLLATE "C";
-- public functions describe their arguments and errors where they have any
SELECT name FROM function WHERE public AND pronargs > 2 AND obj_description(oid, 'pg_proc') !~ E'\n' ORDER BY name COLLATE "C";

-- C functions stand in the module itself
SELECT name FROM function WHERE language = 'c' AND (probin <> '$libdir/kindly_stats' OR prosrc !~ '^ks_') ORDER BY name COLLATE "C";
SELECT name FROM function WHERE language NOT IN ('c', 'sql', 'plpgsql', 'internal') ORDER BY name COLLATE "C";

-- Not PARALLEL SAFE, since a worker can neither write nor act as another role:
-- * triggers, and what attaches, compacts, purges, rebuilds, grants, makes keys
-- * what reads the raw events or may do so as their table's owner
SELECT name, proparallel FROM function WHERE proparallel <> 's' ORDER BY name COLLATE "C";
-- Volatile: the same, but for what only reads
SELECT name FROM function WHERE provolatile = 'v' AND proparallel = 's' ORDER BY name COLLATE "C";
-- type functions and operators must not depend on settings
SELECT name, provolatile FROM function
 WHERE provolatile <> 'i' AND (obj_description(oid, 'pg_proc') ~ '^(I/O|implementation of)' OR name ~ '_(send|out)\(') ORDER BY name COLLATE "C";
-- aggregates can be computed in parallel as far as their functions can
SELECT a.aggfnoid::regprocedure FROM pg_aggregate AS a JOIN function AS f ON f.oid = a.aggfnoid
 WHERE f.proparallel <> ALL (SELECT p.proparallel FROM pg_proc AS p WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn)) ORDER BY 1;
-- what an aggregate is asked has names: of more than a few arguments nobody would know the order
SELECT name FROM function WHERE prokind = 'a' AND pronargs > 7 ORDER BY name COLLATE "C";
-- COST and ROWS: a set has an estimate, a reader of the rollup a price
SELECT name, prorows FROM function WHERE proretset AND prorows = 1000 AND public ORDER BY name COLLATE "C";
SELECT name, procost FROM function WHERE name ~ '^(kindly_stats.(stats_|top_buttons|fallback_rate\(kindly_stats.bot_id)|(sage|chatbot_com|logicdialog)\.|ultimate\.(export|metrics|first_last))' AND procost < 100 ORDER BY name COLLATE "C";

-- executable by everybody: these, and why.  A function that is not in this list is revoked from PUBLIC.
CREATE TEMP TABLE for_everybody (why text, names text);
INSERT INTO for_everybody VALUES
('asks with the caller''s rights', 'bots stats_series_by_bot stats_total_by_bot stats_series_across_bots stats_total_across_bots stats_series stats_total stats_top stats_heatmap stats_options fallback_rate top_buttons languages language_filter bars stats_svg'
 ' stats_series_compared stats_total_compared stats_series_by stats_total_by stats_active stats_new_returning stats_retention stats_funnel'),
('a dialect: asks with the caller''s rights',
 'sage.* chatbot_com.* logicdialog.* ultimate.export ultimate.export_rows ultimate.metrics ultimate.first_last_intent'
 ' ultimate.metrics_by_first_meaningful_intent ultimate.metrics_by_last_meaningful_intent'),
('computes on its arguments alone',
 'period tally_agg sum series total distinct_total top slice keys_under is_empty months entries info buckets intervals edges bucket_label weekdays language bar sparkline svg moment bot_id'
 ' ultimate.first_meaningful_intent ultimate.last_meaningful_intent'),
('queries that read raw events call it as their table''s owner; computes on its arguments alone', 'kindly_rules.*'),
('an operator''s', 'tally_add tally_subtract tally_negate'),
('a type''s', 'tally_in tally_out tally_recv tally_send moment_in moment_out moment_recv moment_send bot_id_in bot_id_out bot_id_recv bot_id_send'),
('a question is one query with the reader''s rights, whose list is one of these', 'series_agg top_agg presence_agg options_agg cluster'),
('a part of an aggregate, which a distributed engine calls with the caller''s rights',
 'tally_accumulate tally_sum fallback_rate_step fallback_rate_combine fallback_rate_final'),
('policies call it as whoever queries', 'is_one_of visible_bots'),
('reads the catalog alone, as everybody may', 'event_tables conversation_tables'),
('a view calls it as whoever queries, of bots that he sees', 'bot_text'),
('views call them as whoever asks what is attached', 'trigger_arguments mapping is_shard place'),
('says what the documentation says, too', 'routes library_version'),
('functions of kindly_api, which are inlined, call it as whoever queries', 'require_bot'),
('kindly_api.overview() calls them as whoever queries', 'local_date overview_breakdown overview_buckets overview_buttons overview_card overview_feedback overview_intents overview_list overview_periods overview_range overview_rates overview_series overview_total validated existing_measure interaction_names');
CREATE TEMP VIEW listed AS
SELECT CASE WHEN name LIKE '%.%' THEN name ELSE 'kindly_stats.' || name END AS name FROM for_everybody, regexp_split_to_table(names, ' ') AS name;
CREATE TEMP VIEW executable AS
SELECT f.name, format('%I.%I', n.nspname, f.proname) AS short, n.nspname || '.*' AS all_of FROM function AS f JOIN pg_namespace AS n ON n.oid = f.pronamespace
 WHERE EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE');
SELECT e.name FROM executable AS e WHERE NOT EXISTS (SELECT FROM listed AS l WHERE l.name IN (e.short, e.all_of)) ORDER BY name COLLATE "C";
SELECT l.name FROM listed AS l WHERE NOT EXISTS (SELECT FROM executable AS e WHERE l.name IN (e.short, e.all_of)) ORDER BY name COLLATE "C";
-- nothing that writes, and nothing that is not meant for users.  Exports close days, but only for who
-- may execute kindly_stats.close_day().
SELECT name FROM function
 WHERE EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
   AND (provolatile = 'v' OR result = 'trigger' OR language = 'plpgsql') ORDER BY name COLLATE "C";
SELECT m.identity, a.privilege_type FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid, aclexplode(c.relacl) AS a
 WHERE a.grantee = 0 ORDER BY 1, 2;
SELECT m.identity, a.privilege_type FROM member AS m JOIN pg_namespace AS n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid, aclexplode(n.nspacl) AS a
 WHERE a.grantee = 0 ORDER BY 1, 2;
-- nothing runs with its owner's rights by label: the triggers take those of the rollup's owner only
SELECT name FROM function WHERE prosecdef ORDER BY name COLLATE "C";

-- SQL and PL/pgSQL: search_path is set, or the body was parsed when it was created.  create_event_table() and its
-- like make a table where the caller creates tables, and name all else in full.
SELECT name FROM function
 WHERE language IN ('sql', 'plpgsql') AND prosqlbody IS NULL AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false) ORDER BY name COLLATE "C";
-- no setting but that, what keeps verify() from compiling the query of each measure, and undistribute() from leaving rows behind
SELECT name, proconfig FROM function WHERE proconfig <> ARRAY['search_path=pg_catalog, pg_temp'] ORDER BY name COLLATE "C";
-- the setting would keep SQL functions from being inlined: none that is called row by row may have it
SELECT name FROM function WHERE language = 'sql' AND public AND proconfig IS NOT NULL ORDER BY name COLLATE "C";

-- arguments of public functions of two and more have names, as PostgREST and named notation need them
SELECT name FROM function WHERE public AND prokind <> 'a' AND pronargs >= 2 AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs])) ORDER BY name COLLATE "C";
-- one function a name, where PostgREST looks
SELECT proname, count(*) FROM function WHERE name ~ '^(sage|chatbot_com|logicdialog|ultimate)\.' GROUP BY proname HAVING count(*) > 1;
SELECT name FROM function WHERE name ~ '^(sage|chatbot_com|logicdialog)\.' AND (pronargs <> pronargdefaults OR result <> 'json' OR provolatile <> 's') ORDER BY name COLLATE "C";
SELECT name FROM function WHERE name ~ '^ultimate\.' AND pronargs <> pronargdefaults ORDER BY name COLLATE "C";
