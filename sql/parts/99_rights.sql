-- Rights.  Default privileges of whoever installs this must not open the tables, nor let anybody write through a view:
-- all that they gave is taken back.  Views show each role its own, so everybody may read them.
DO $do$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT c.relname, a.grantee, pg_catalog.pg_get_userbyid(a.grantee) AS role
        FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND a.grantee OPERATOR(pg_catalog.<>) c.relowner
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON promoai.%I FROM %s', granted.relname,
            CASE WHEN granted.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC'
                 ELSE pg_catalog.quote_ident(granted.role) END);
    END LOOP;
END
$do$;

DO $do$
DECLARE
    view_name pg_catalog.name;
BEGIN
    FOR view_name IN
        SELECT c.relname FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'promoai'::pg_catalog.regnamespace::pg_catalog.oid
          AND c.relkind OPERATOR(pg_catalog.=) 'v'::pg_catalog."char"
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON promoai.%I TO PUBLIC', view_name);
    END LOOP;
END
$do$;
