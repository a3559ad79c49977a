-- held.sql - what a session holds in memory after many calls of one function; used together with calls.sql
--
-- A call is the sound one that calls.sql has found.  Bytes are counted as they are used, not as blocks, so that a leak shows
-- before it has filled the room of a block that was there; what goes to the transaction is counted, too, as all calls of a
-- function are made in one.  Calls and counting alternate: the first calls load models, plans and caches, and the first
-- counting its own plan.
CREATE TABLE hostile.held (function regprocedure PRIMARY KEY, calls int, bytes bigint);

CREATE FUNCTION hostile.hold(called regprocedure, wanted int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	asked text;
	first bigint;
	held bigint;
BEGIN
	SELECT hostile.statement(called, 'plain', s.calls) INTO asked FROM hostile.sound_call s WHERE s.function = called;
	FOR part IN 1 .. 3 LOOP
		first := held;
		FOR i IN 1 .. CASE part WHEN 3 THEN wanted ELSE 20 END LOOP
			EXECUTE asked;
		END LOOP;
		SELECT sum(used_bytes) INTO held FROM pg_backend_memory_contexts;
	END LOOP;
	INSERT INTO hostile.held VALUES (called, wanted, held - first);
END $$;

-- Those that serve read models or their arguments; of those that read sources some take a second, so they get a tenth of
-- the calls.  What writes is left out: its rows would be counted with it.
CREATE FUNCTION hostile.holds(wanted int, sources boolean) RETURNS TABLE (statement text) LANGUAGE sql AS $$
SELECT format('SELECT hostile.hold(%L, %s)', s.function::text, CASE WHEN f.is_volatile THEN wanted / 10 ELSE wanted END)
FROM hostile.sound_call s JOIN hostile.function f USING (function)
WHERE NOT f.is_volatile
   OR (sources AND f.name !~ '_train$|_import$|_tune$|^retrain$|^model_(drop|grant|owner|prune|publish|revoke|rollback)$|^(un)?schedule_|^run_due_jobs$|^start_worker$|^cancel_run$')
ORDER BY f.is_volatile, s.function::text
$$;
