-- The extension installs into its own schema, in the version of the control file.
CREATE EXTENSION promoai;
SELECT nspname AS schema, extrelocatable AS relocatable, extversion = default_version AS default_version
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
JOIN pg_available_extensions a ON a.name = e.extname
WHERE extname = 'promoai';
-- It writes nowhere else.
SELECT count(*) AS objects_elsewhere
FROM pg_depend d
JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE e.extname = 'promoai' AND coalesce(p.pronamespace, c.relnamespace, e.extnamespace) <> e.extnamespace;
