-- What pg_dump does not tell of an extension: its version, its members, what depends on what, and the rights that objects had first.
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog;
SELECT 'extension', e.extversion, e.extowner::regrole, e.extnamespace::regnamespace, e.extrelocatable, e.extconfig::regclass[], e.extcondition
  FROM pg_extension AS e WHERE e.extname = 'kindly_stats';
WITH RECURSIVE part (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
     WHERE e.extname = 'kindly_stats' AND d.deptype = 'e'
    UNION
    SELECT c.tableoid, c.oid FROM pg_class AS c WHERE c.relnamespace = 'kindly_stats'::regnamespace
    UNION
    SELECT d.classid, d.objid FROM part AS p JOIN pg_depend AS d ON d.refclassid = p.classid AND d.refobjid = p.objid AND d.deptype IN ('i', 'a')
     WHERE d.classid <> 'pg_class'::regclass OR d.deptype = 'i')
SELECT DISTINCT 'depends', o.type, o.identity, d.objsubid, d.deptype, r.type, r.identity, d.refobjsubid
  FROM part AS p JOIN pg_depend AS d ON d.classid = p.classid AND d.objid = p.objid,
       pg_identify_object(d.classid, d.objid, 0) AS o, pg_identify_object(d.refclassid, d.refobjid, 0) AS r
 ORDER BY 2, 3, 4, 5, 6, 7, 8;
SELECT 'first rights', o.type, o.identity, i.objsubid, i.privtype, i.initprivs
  FROM pg_init_privs AS i, pg_identify_object(i.classoid, i.objoid, 0) AS o
 WHERE EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'kindly_stats'
                WHERE d.classid = i.classoid AND d.objid = i.objoid)
   -- rights that were given and taken are none
   AND NOT EXISTS (SELECT FROM pg_class AS c WHERE i.classoid = 'pg_class'::regclass AND c.oid = i.objoid AND i.initprivs = acldefault('r', c.relowner))
 ORDER BY 2, 3, 4;
SELECT 'event trigger', t.evtname, t.evtevent, t.evtfoid::regprocedure, t.evtenabled, t.evttags FROM pg_event_trigger AS t ORDER BY 2;
SELECT 'function', p.oid::regprocedure::text COLLATE "C", p.proowner::regrole, p.probin, p.prosqlbody IS NOT NULL, md5(p.prosrc) FROM pg_proc AS p
 WHERE p.pronamespace::regnamespace::text ~ '^(kindly|bi|sage|chatbot_com|logicdialog|ultimate)' ORDER BY 2;
