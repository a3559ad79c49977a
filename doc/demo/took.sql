-- took.sql - say how long the step before took, and note it for the list at the end
-- Used as: \set step 'load the shop'  then  \ir took.sql
\set QUIET on
INSERT INTO pg_temp.demo_step(step) VALUES (:'step');
SELECT to_char(extract(epoch FROM at - before), 'FM9990.00') AS seconds
FROM (SELECT at, lag(at) OVER (ORDER BY n) AS before, n FROM pg_temp.demo_step) s ORDER BY n DESC LIMIT 1 \gset
\set QUIET off
\echo :step 'took' :seconds 's'
