-- Readings on TimescaleDB: a hypertable. Owner: ingest. Twin of 0003_reading.plain.sql.

-- The wide columns first: in another order each reading would carry eight bytes of padding.
CREATE TABLE reading (
    measured_at timestamptz NOT NULL,
    value       double precision,              -- NaN: the device said it has none
    batch_no    bigint NOT NULL,
    sensor_id   int NOT NULL,
    quality     smallint NOT NULL,             -- core/batch.py: Quality and Mark
    judged_at   timestamptz                    -- null: the same as measured_at
);
SELECT create_hypertable('reading', by_range('measured_at', INTERVAL '1 day'), create_default_indexes => false);
-- One unique index, no foreign key, no trigger. The BRIN on batch_no costs a few bytes a page and lets a restart find the
-- batches after its checkpoint without reading the whole chunk.
CREATE UNIQUE INDEX reading_key ON reading (sensor_id, measured_at);
CREATE INDEX reading_by_batch ON reading USING brin (batch_no) WITH (autosummarize = on, pages_per_range = 32);

CREATE FUNCTION davy_reading_day(day date) RETURNS boolean LANGUAGE sql AS 'SELECT false';
COMMENT ON FUNCTION davy_reading_day IS 'TimescaleDB makes its own chunks: nothing to do';

-- What retention (0011) asks of this kind of database.
CREATE FUNCTION davy_reading_chunks() RETURNS TABLE (chunk text, since timestamptz, until timestamptz, bytes bigint, filled boolean, compressed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT format('%I.%I', c.chunk_schema, c.chunk_name), c.range_start, c.range_end, d.total_bytes, true, coalesce(c.is_compressed, false)
    FROM timescaledb_information.chunks c JOIN chunks_detailed_size('public.reading') d USING (chunk_schema, chunk_name)
    WHERE c.hypertable_schema = 'public' AND c.hypertable_name = 'reading' ORDER BY c.range_start
$$;
-- Only the chunk's own: ingest goes on in the others.
CREATE FUNCTION davy_reading_lock(chunk text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', chunk::regclass);
END
$$;
CREATE FUNCTION davy_reading_remove(chunk text, since timestamptz, until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.drop_chunks('public.reading', older_than => until, newer_than => since);
END
$$;
-- Ordered by batch as well: the extremes of each compressed stretch then let a look for new batches pass it over.
CREATE FUNCTION davy_reading_compress(chunk text, older_than timestamptz) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE day record;
BEGIN
    IF current_setting('timescaledb.license') <> 'timescale' THEN
        RETURN 'no_licence';
    END IF;
    SELECT * INTO day FROM davy_reading_chunks() c WHERE c.chunk = davy_reading_compress.chunk;
    IF day.chunk IS NULL OR day.compressed THEN
        RETURN 'unknown';
    ELSIF day.until > least(older_than, now() - interval '2 days') THEN
        RETURN 'young';
    ELSIF davy_is_needed(day.since, day.until) THEN
        RETURN 'needed';
    END IF;
    IF NOT (SELECT h.compression_enabled FROM timescaledb_information.hypertables h
            WHERE h.hypertable_schema = 'public' AND h.hypertable_name = 'reading') THEN
        EXECUTE 'ALTER TABLE public.reading SET (timescaledb.compress, timescaledb.compress_segmentby = ''sensor_id'', '
            || 'timescaledb.compress_orderby = ''measured_at, batch_no'')';
    END IF;
    PERFORM compress_chunk(day.chunk::regclass);
    RETURN 'compressed';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN 'busy';
END
$$;
CREATE FUNCTION davy_reading_prune(bound timestamptz, most int) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
REVOKE ALL ON FUNCTION davy_reading_chunks, davy_reading_lock, davy_reading_remove, davy_reading_compress, davy_reading_prune FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_reading_chunks, davy_reading_compress TO davy_alerting;

-- A backlog that falls into compressed days must not be refused for its size: ingest would try the same batch for ever.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0', current_database());
EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
    RAISE NOTICE 'timescaledb.max_tuples_decompressed_per_dml_transaction stays as it is: set it to 0 where days are compressed';
END
$$;
