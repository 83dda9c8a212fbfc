-- What may be forgotten, and what not. Owner: ingest.
-- No process runs as owner, and only the owner drops: these functions do, whoever calls them, and refuse by themselves what must not
-- go. They hold to their own floor of age whatever they are asked for: a wrong setting, or a stolen role, cannot empty the tables.

CREATE TABLE legal_hold (                      -- nothing of the site in this span is deleted until it is released
    hold_id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    occurrence_id bigint,                      -- what it is about, where it is about one
    since       timestamptz NOT NULL,
    until       timestamptz,                   -- null: still growing
    held_at     timestamptz NOT NULL,
    held_by     text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    released_at timestamptz,
    released_by text,
    CHECK (until > since),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
CALL davy_wall('legal_hold');
GRANT SELECT ON legal_hold TO davy_alerting;   -- the functions below are the owner's

CREATE FUNCTION davy_is_held(since timestamptz, until timestamptz, of_site int DEFAULT NULL) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM public.legal_hold h WHERE h.released_at IS NULL AND h.since <= davy_is_held.until
                   AND coalesce(h.until, 'infinity') >= davy_is_held.since AND (of_site IS NULL OR h.site_id = of_site))
$$;

-- Batches that somebody still reads: those that are not in minutes and hours yet, and those that a restart of ingest would judge
-- again. Whoever starts without a checkpoint goes back to the oldest batch there is.
CREATE FUNCTION davy_batches_needed() RETURNS TABLE (after bigint, upto bigint) LANGUAGE sql STABLE AS $$
    SELECT least(coalesce(r.batch_no, 0), coalesce(c.batch_no, 0),
                 coalesce((SELECT min(b.batch_no) - 1 FROM public.ingest_batch b WHERE b.worker = i.worker), i.batch_no)), i.batch_no
    FROM public.ingest_mark i LEFT JOIN public.rollup_mark r USING (worker) LEFT JOIN public.checkpoint c USING (worker)
$$;

CREATE FUNCTION davy_is_needed(since timestamptz, until timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE span record; is_there boolean;
BEGIN
    FOR span IN SELECT after, upto FROM public.davy_batches_needed() WHERE upto > after LOOP
        -- Written out, so that the planner leaves out all other days.
        EXECUTE format('SELECT EXISTS (SELECT FROM public.reading WHERE measured_at >= %L AND measured_at < %L AND batch_no > %s AND batch_no <= %s)',
                       since, until, span.after, span.upto) INTO is_there;
        IF is_there THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- What is evidence: the window of an occurrence, as it stands, on its sensor; of a difference, on the sensor that it is compared with
-- too; where a model raised it, on the members it judged. A window that still grows has no end.
CREATE FUNCTION davy_evidence_windows(begins timestamptz, ends timestamptz)
    RETURNS TABLE (sensor_id int, since timestamptz, until timestamptz) LANGUAGE sql STABLE AS $$
    WITH covering AS (
        SELECT o.sensor_id, d.other_sensor_id, o.evidence_from AS since, coalesce(o.evidence_until, o.resolved_at, 'infinity') AS until
        FROM public.occurrence o JOIN public.alarm_definition d ON d.definition_id = o.definition_id
        WHERE o.evidence_from < davy_evidence_windows.ends
          AND coalesce(o.evidence_until, o.resolved_at, 'infinity') >= davy_evidence_windows.begins
    )
    SELECT c.sensor_id, c.since, c.until FROM covering c
    UNION
    SELECT c.other_sensor_id, c.since, c.until FROM covering c WHERE c.other_sensor_id IS NOT NULL
    UNION
    SELECT member.sensor_id, c.since, c.until
    FROM covering c JOIN public.sensor s ON s.sensor_id = c.sensor_id AND s.is_virtual JOIN public.device d ON d.device_id = s.device_id
    JOIN public.asset_model m ON d.key = '_model.' || m.key JOIN public.asset_model_member member ON member.asset_id = m.asset_id
$$;

-- Copies the evidence of a span beside; what is there already stays, so that doing it again changes nothing.
CREATE FUNCTION davy_keep_evidence(since timestamptz, until timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE kept bigint;
BEGIN
    EXECUTE format('INSERT INTO public.evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no, judged_at)
        SELECT r.sensor_id, r.measured_at, s.company_id, r.value, r.quality, r.batch_no, r.judged_at
        FROM public.davy_evidence_windows(%1$L, %2$L) w JOIN public.sensor s ON s.sensor_id = w.sensor_id
        JOIN public.reading r ON r.sensor_id = w.sensor_id AND r.measured_at >= w.since AND r.measured_at <= w.until
        WHERE r.measured_at >= %1$L AND r.measured_at < %2$L
        ON CONFLICT DO NOTHING', since, until);
    GET DIAGNOSTICS kept = ROW_COUNT;
    RETURN kept;
END
$$;

CREATE FUNCTION davy_evidence_digest(since timestamptz, until timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(md5(string_agg(w::text, ',' ORDER BY w.sensor_id, w.since, w.until)), '')
    FROM public.davy_evidence_windows(davy_evidence_digest.since, davy_evidence_digest.until) w
$$;

-- Drops one day of raw readings, or says why not. The evidence in it is copied first, in the same transaction; then the lock is
-- taken, for a second at most, and nothing slow is done under it: only a look whether anything has come in between.
CREATE FUNCTION davy_reading_drop(chunk text, older_than timestamptz) RETURNS TABLE (outcome text, evidence bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    day record;
    before text;
BEGIN
    evidence := 0;
    SELECT * INTO day FROM davy_reading_chunks() c WHERE c.chunk = davy_reading_drop.chunk;
    outcome := CASE
        WHEN day.since IS NULL THEN 'unknown'
        WHEN day.until > least(older_than, now() - interval '2 days') THEN 'young'
        -- A clock that is years ahead makes everything look old: the two newest days that hold readings stay, whatever it says.
        WHEN (SELECT count(*) FROM davy_reading_chunks() c WHERE c.filled AND c.since >= day.until) < 2 THEN 'newest'
        WHEN davy_is_held(day.since, day.until - interval '1 microsecond') THEN 'held'
        WHEN NOT pg_try_advisory_xact_lock(7251103) THEN 'busy'
        WHEN davy_is_needed(day.since, day.until) THEN 'needed'
        END;
    IF outcome IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    before := davy_evidence_digest(day.since, day.until);
    evidence := davy_keep_evidence(day.since, day.until);
    BEGIN
        PERFORM davy_reading_lock(chunk);
        IF davy_is_needed(day.since, day.until) OR davy_is_held(day.since, day.until - interval '1 microsecond')
           OR davy_evidence_digest(day.since, day.until) <> before THEN
            outcome := 'needed';
        ELSE
            PERFORM davy_reading_remove(chunk, day.since, day.until);
            outcome := 'dropped';
        END IF;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        outcome := 'busy'; -- the evidence stays copied; another time
    END;
    RETURN NEXT;
END
$$;

-- Deletes rows that are older than asked for and than the floor of their kind, `most` at once, save what is held. The evidence of
-- an occurrence that nobody has resolved stays however old it is.
CREATE FUNCTION davy_reading_forget(what text, older_than timestamptz, most int) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    bound timestamptz := least(older_than, now() - CASE what WHEN 'other' THEN interval '2 days' WHEN 'minute' THEN interval '30 days'
        WHEN 'hour' THEN interval '400 days' WHEN 'evidence' THEN interval '3 years' END);
    gone bigint := 0;
BEGIN
    CASE what
    WHEN 'other' THEN
        RETURN davy_reading_prune(bound, most);
    WHEN 'minute' THEN
        DELETE FROM reading_minute WHERE ctid IN (
            SELECT old.place FROM sensor s CROSS JOIN LATERAL (
                SELECT m.ctid AS place FROM reading_minute m WHERE m.sensor_id = s.sensor_id AND m.minute < bound
                  AND NOT davy_is_held(m.minute, m.minute + interval '1 minute', s.site_id) LIMIT most) old LIMIT most);
    WHEN 'hour' THEN
        DELETE FROM reading_hour WHERE ctid IN (
            SELECT old.place FROM sensor s CROSS JOIN LATERAL (
                SELECT h.ctid AS place FROM reading_hour h WHERE h.sensor_id = s.sensor_id AND h.hour < bound
                  AND NOT davy_is_held(h.hour, h.hour + interval '1 hour', s.site_id) LIMIT most) old LIMIT most);
    WHEN 'evidence' THEN
        DELETE FROM evidence_reading WHERE ctid IN (
            SELECT old.place FROM sensor s CROSS JOIN LATERAL (
                SELECT e.ctid AS place FROM evidence_reading e WHERE e.sensor_id = s.sensor_id AND e.measured_at < bound
                  AND NOT davy_is_held(e.measured_at, e.measured_at, s.site_id)
                  AND NOT EXISTS (SELECT FROM occurrence o JOIN alarm_definition d ON d.definition_id = o.definition_id
                                  WHERE e.sensor_id IN (o.sensor_id, d.other_sensor_id) AND o.resolved_at IS NULL
                                  AND o.evidence_from <= e.measured_at) LIMIT most) old LIMIT most);
    END CASE;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

REVOKE ALL ON FUNCTION davy_is_held, davy_batches_needed, davy_is_needed, davy_evidence_windows, davy_keep_evidence, davy_evidence_digest,
    davy_reading_drop, davy_reading_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_reading_drop, davy_reading_forget TO davy_alerting;
