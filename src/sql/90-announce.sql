-- What the script has created besides the schema of the extension, for whoever runs CREATE EXTENSION.

DO $$ BEGIN
    PERFORM kindly_stats.announce(concat('extension kindly_stats makes the schemas kindly_stats, ',
        (SELECT string_agg(n.nspname, ', ' ORDER BY n.nspname)
           FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_namespace AS n ON n.oid = d.objid
          WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.deptype = 'e'
            AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension AS e WHERE e.extname = 'kindly_stats'))));
END $$;
