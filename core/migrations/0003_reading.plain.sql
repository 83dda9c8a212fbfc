-- Readings on plain PostgreSQL: native partitions by day. Owner: ingest. Twin of 0003_reading.timescaledb.sql.

CREATE TABLE reading (
    sensor_id   int NOT NULL,
    measured_at timestamptz NOT NULL,
    value       double precision,              -- NaN: the device said it has none
    quality     smallint NOT NULL,             -- core/batch.py: Quality and Mark
    batch_no    bigint NOT NULL,
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
EXCEPTION WHEN check_violation OR lock_not_available THEN
    RETURN false;
END
$$;
REVOKE ALL ON FUNCTION davy_reading_day FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_reading_day TO davy_ingest;
