-- analyst.sql - a role for everybody else: reads the shop, uses the model, has a schema of its own, and is no superuser

CREATE ROLE analyst LOGIN;
CREATE SCHEMA analyst AUTHORIZATION analyst;
GRANT USAGE ON SCHEMA promoai, shop TO analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO analyst;
SELECT promoai.model_grant('shop', 'analyst');
