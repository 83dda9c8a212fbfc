-- Readings on plain PostgreSQL: native partitions by day. Owner: ingest. Twin of 0003_reading.timescaledb.sql.

-- The wide columns first: in another order each reading would carry eight bytes of padding.
CREATE TABLE reading (
    measured_at timestamptz NOT NULL,
    value       double precision,              -- NaN: the device said it has none
    batch_no    bigint NOT NULL,
    sensor_id   int NOT NULL,
    quality     smallint NOT NULL,             -- core/batch.py: Quality and Mark
    judged_at   timestamptz                    -- null: the same as measured_at
) PARTITION BY RANGE (measured_at);
CREATE TABLE reading_other PARTITION OF reading DEFAULT;
-- One unique index, no foreign key, no trigger. The BRIN on batch_no costs a few bytes a page and lets a restart find the
-- batches after its checkpoint without reading the whole chunk.
CREATE UNIQUE INDEX reading_key ON reading (sensor_id, measured_at);
CREATE INDEX reading_by_batch ON reading USING brin (batch_no) WITH (autosummarize = on, pages_per_range = 32);

-- Makes the partition of one day. Days far from today stay in reading_other, so that a device with a wrong clock cannot
-- make thousands of partitions; a day that was ever too old is never made later. A day that cannot be made stays there too:
-- because it has rows there, or because somebody (a dump, a long query) holds the table for longer than ingest may wait.
CREATE FUNCTION davy_reading_day(day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    SET lock_timeout = '2s' AS $$
BEGIN
    IF day NOT BETWEEN (now() AT TIME ZONE 'UTC')::date - 8 AND (now() AT TIME ZONE 'UTC')::date + 3 THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS public.reading_%s PARTITION OF public.reading FOR VALUES FROM (%L) TO (%L)',
        to_char(day, 'YYYYMMDD'), day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
EXCEPTION
    WHEN duplicate_table OR unique_violation THEN  -- somebody else has made it in this very moment: IF NOT EXISTS looks before it waits
        RETURN true;
    WHEN check_violation OR lock_not_available THEN
        RETURN false;
END
$$;
REVOKE ALL ON FUNCTION davy_reading_day FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_reading_day TO davy_ingest, davy_alerting; -- the risk process makes days ahead, as alerting

-- What retention (0011) asks of this kind of database. reading_other has no day: its bounds are null.
CREATE FUNCTION davy_reading_chunks() RETURNS TABLE (chunk text, since timestamptz, until timestamptz, bytes bigint, filled boolean, compressed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT c.relname::text, b.bounds[1]::timestamptz, b.bounds[2]::timestamptz, pg_total_relation_size(c.oid), pg_relation_size(c.oid) > 0, false
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)') AS b (bounds)
    WHERE i.inhparent = 'public.reading'::regclass ORDER BY 2 NULLS LAST
$$;
-- The lock is the whole table's: a partition cannot be taken out under less. (DETACH ... CONCURRENTLY is refused where there is a
-- default partition, and no function can run it.) Whoever calls this waits for it for a second at most.
CREATE FUNCTION davy_reading_lock(chunk text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE ONLY public.reading IN ACCESS EXCLUSIVE MODE;
END
$$;
CREATE FUNCTION davy_reading_remove(chunk text, since timestamptz, until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TABLE public.%I', chunk);
END
$$;
CREATE FUNCTION davy_reading_compress(chunk text, older_than timestamptz) RETURNS text LANGUAGE sql AS 'SELECT ''no_licence''';

-- Readings of reading_other are too late or too far ahead for a day of their own, so they go row by row, by judged time: a stamp
-- of 2099 does not keep one for ever. The statement that deletes them copies what is evidence.
CREATE FUNCTION davy_reading_prune(bound timestamptz, most int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE gone bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT r.ctid AS place, r.sensor_id, r.measured_at, r.value, r.quality, r.batch_no, r.judged_at, s.company_id
        FROM public.reading_other r JOIN public.sensor s USING (sensor_id)
        WHERE coalesce(r.judged_at, r.measured_at) < bound
          AND NOT EXISTS (SELECT FROM public.davy_batches_needed() n WHERE r.batch_no > n.after AND r.batch_no <= n.upto)
          AND NOT public.davy_is_held(r.measured_at, r.measured_at, s.site_id)
        LIMIT most
    ), kept AS (
        INSERT INTO public.evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no, judged_at)
        SELECT o.sensor_id, o.measured_at, o.company_id, o.value, o.quality, o.batch_no, o.judged_at FROM old o
        WHERE EXISTS (SELECT FROM public.davy_evidence_windows('-infinity', 'infinity') w WHERE w.sensor_id = o.sensor_id
                      AND o.measured_at BETWEEN w.since AND w.until)
        ON CONFLICT DO NOTHING
    )
    DELETE FROM public.reading_other WHERE ctid IN (SELECT place FROM old);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION davy_reading_chunks, davy_reading_lock, davy_reading_remove, davy_reading_compress, davy_reading_prune FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_reading_chunks, davy_reading_compress TO davy_alerting;
