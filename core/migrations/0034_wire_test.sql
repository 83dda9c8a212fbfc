-- The daily delivery test begins on the wire: a reading of Davy's own test device, judged by ingest as any other. Owner: alerting.

ALTER TABLE exercise
    ADD COLUMN on_wire boolean NOT NULL DEFAULT false, -- of a delivery test: it began with a reading, not with its alarm
    ADD COLUMN published_at timestamptz,       -- when the publisher began to send; the stamp of the reading
    ADD COLUMN taken_at timestamptz,           -- when the broker had acknowledged it
    ADD COLUMN raised_at timestamptz,          -- when ingest had stored it and raised its alarm: one transaction
    ADD COLUMN missing text CHECK (missing IN ('published', 'stored', 'alarm', 'sent', 'receipt')), -- the leg at which it stayed away
    ADD CONSTRAINT what_stayed_away CHECK (missing IS NULL OR outcome IN ('undelivered')),
    ADD CONSTRAINT readable_legs CHECK (least(published_at, taken_at, raised_at) >= '1970-01-01 00:00+00'
        AND greatest(published_at, taken_at, raised_at) < '2200-01-01 00:00+00');
GRANT UPDATE (on_wire, published_at, taken_at, missing) ON exercise TO davy_alerting;
GRANT SELECT (on_wire, published_at, taken_at, raised_at, missing) ON exercise TO davy_web, davy_ingest;

-- The test device of a site, made where there is none: whether it was. On the wire it is called `_test`, at every site, as its user at the broker is.
CREATE FUNCTION davy_test_device(of_site int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    s public.site;
    carrier int;
    own int;
BEGIN
    -- Asked of every site at every look of alerting, which neither writes for it nor waits for an import that holds the site.
    IF EXISTS (SELECT FROM public.site t JOIN public.device v ON v.key = '_test.' || t.key WHERE t.site_id = of_site) THEN
        RETURN false;
    END IF;
    SELECT * INTO s FROM public.site t WHERE t.site_id = of_site FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE invalid_parameter_value USING MESSAGE = 'a test device is of a site';
    END IF;
    IF EXISTS (SELECT FROM public.device v WHERE v.key = '_test.' || s.key) THEN
        RETURN false;
    END IF;
    INSERT INTO public.device (company_id, site_id, key, kind) VALUES (s.company_id, of_site, '_test.' || s.key, 'virtual') RETURNING device_id INTO carrier;
    INSERT INTO public.sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, period_declared, is_virtual)
    VALUES (s.company_id, of_site, carrier, '_wire', 'Daily delivery test, from the wire', '每日送达测试（自总线起）', 'exercise', '1', false, true) RETURNING sensor_id INTO own;
    INSERT INTO public.alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, latch, title, title_zh, consequence,
        consequence_zh, response, response_zh, respond_within_s, role)
    VALUES (s.company_id, of_site, own, '_exercise.wire', 'limit', 'high', 0.5, 'low', true, 'Exercise: does a message arrive?', '演练：消息能否送达',
        'None: nothing has happened.', '无：现场未发生任何险情。', 'None: it ends by itself.', '无需处理，测试会自行结束。', 300, 'exercise');
    PERFORM public.davy_definitions_changed();
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION davy_test_device FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_test_device TO davy_alerting;

-- Of an occurrence that ingest has just opened: whether it is a wire test's, and whose receiver takes the test that waits for it. What waits for
-- nothing any more (a queue that was held up, history that is played) belongs to no test and calls nobody.
CREATE FUNCTION davy_test_raised(of_occurrence bigint, OUT is_test boolean, OUT sink int) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    o public.occurrence;
BEGIN
    SELECT p.* INTO o FROM public.occurrence p WHERE p.occurrence_id = of_occurrence AND p.exercise;
    is_test := FOUND AND EXISTS (SELECT FROM public.alarm_definition d WHERE d.definition_id = o.definition_id AND d.key = '_exercise.wire' AND d.role = 'exercise');
    IF is_test THEN
        UPDATE public.exercise e SET occurrence_id = of_occurrence, raised_at = clock_timestamp()
        WHERE e.site_id = o.site_id AND e.kind = 'delivery' AND e.on_wire AND e.ended_at IS NULL AND e.occurrence_id IS NULL
          AND e.published_at BETWEEN o.began_at - interval '1 second' AND o.began_at + interval '1 second' AND NOT o.replayed
        RETURNING e.called_id INTO sink;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION davy_test_raised FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_test_raised TO davy_ingest, davy_alerting;

-- As 0024 has it, with the legs of a delivery test.
CREATE OR REPLACE VIEW v_exercise WITH (security_barrier) AS
    SELECT e.exercise_id, e.company_id, e.site_id, e.kind, e.priority, e.as_definition_id, e.roster_id, e.asked_at, e.lasts_s, e.began_at, e.occurrence_id,
           e.local_hour, e.on_holiday, e.answered_at, e.stop_asked_at, e.delivered_at, e.ended_at, e.outcome,
           CASE WHEN w.own OR e.asked_by = (SELECT davy_person()) THEN e.asked_by END AS asked_by, CASE WHEN w.own OR e.asked_by = (SELECT davy_person()) THEN e.why END AS why,
           CASE WHEN w.own THEN e.called_id END AS called_id, CASE WHEN w.own THEN e.answered_by END AS answered_by, CASE WHEN w.own THEN e.stopped_by END AS stopped_by,
           e.on_wire, e.published_at, e.taken_at, e.raised_at, e.missing
    FROM exercise e
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false)
        OR current_user = 'davy_owner' AS own) w
    WHERE (SELECT davy_everything()) OR e.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';
