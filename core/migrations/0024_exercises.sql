-- Whether a site can still respond: exercises that walk the real path, and roll calls of who is on duty. Owner: alerting.

-- An exercise is an alarm of its own, on a virtual sensor of its site, whose condition is a row of `exercise` and no reading. It is made when it
-- is first wanted, and is no limit: what counts limits and alarms (v_alarm_definition, role alarm) does not see it.
ALTER TABLE alarm_definition DROP CONSTRAINT alarm_definition_role_check, ADD CHECK (role IN ('alarm', 'state', 'exercise'));
ALTER TABLE occurrence ADD COLUMN exercise boolean NOT NULL DEFAULT false; -- of such an alarm: marked wherever it is shown, counted nowhere
GRANT SELECT (exercise) ON occurrence TO davy_web, davy_grafana;
-- 4: an exercise. Whatever is real goes out first.
ALTER TABLE notification DROP CONSTRAINT notification_urgency_check, ADD CHECK (urgency BETWEEN 0 AND 4);

ALTER TABLE roster
    ADD COLUMN roll_calls smallint NOT NULL DEFAULT 0 CHECK (roll_calls BETWEEN 0 AND 12), -- unannounced, so many in 30 days
    ADD COLUMN roll_calls_from time,           -- within these hours of the roster's clock; null: at any hour
    ADD COLUMN roll_calls_until time,
    ADD CHECK (num_nulls(roll_calls_from, roll_calls_until) <> 1);

CREATE TABLE exercise (                        -- asked for by a person, or drawn: what is tried on whom, and what came of it
    exercise_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('exercise', 'roll_call', 'delivery')),
    priority    text NOT NULL CHECK (priority IN ('life-safety', 'high', 'medium', 'low')),
    as_definition_id int,                      -- the limit whose alarm is tried; null: none by name
    roster_id   int,                           -- the duty position that is called; null: everybody of the site's routes
    asked_by    int REFERENCES person,         -- null: drawn, or the operator's command line
    asked_at    timestamptz NOT NULL,          -- of a roll call: the instant that was drawn
    lasts_s     double precision NOT NULL CHECK (lasts_s BETWEEN 60 AND 3600),
    why         text NOT NULL DEFAULT '' CHECK (length(why) <= 400),
    began_at    timestamptz,                   -- people are called from here on
    occurrence_id bigint,
    called_id   int REFERENCES person,         -- of a duty position: who was on duty when it began
    local_hour  smallint CHECK (local_hour BETWEEN 0 AND 23), -- of the roster's clock then
    on_holiday  boolean,                       -- a weekend, or a holiday of the roster
    answered_at timestamptz,                   -- acknowledged by a person
    answered_by int REFERENCES person,
    stop_asked_at timestamptz,
    stopped_by  int REFERENCES person,
    delivered_at timestamptz,                  -- of a daily delivery test: when the operator's receiver took it
    ended_at    timestamptz,
    outcome     text CHECK (outcome IN ('answered', 'unanswered', 'stopped', 'real_alarm', 'nobody_to_call', 'delivered', 'undelivered')),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((kind = 'roll_call') <= (roster_id IS NOT NULL)),
    CONSTRAINT readable_instants CHECK (least(asked_at, began_at, answered_at, stop_asked_at, delivered_at, ended_at) >= '1970-01-01 00:00+00'
        AND greatest(asked_at, began_at, answered_at, stop_asked_at, delivered_at, ended_at) < '2200-01-01 00:00+00'),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (as_definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
CALL davy_wall('exercise');
CREATE UNIQUE INDEX one_exercise ON exercise (site_id) WHERE ended_at IS NULL; -- at a time, of a site
CREATE UNIQUE INDEX one_roll_call ON exercise (roster_id, asked_at) WHERE kind = 'roll_call'; -- of an instant that was drawn
CREATE UNIQUE INDEX one_delivery ON exercise (site_id, asked_at) WHERE kind = 'delivery';
CREATE INDEX exercise_by_time ON exercise (site_id, asked_at);
CREATE INDEX exercise_by_roster ON exercise (roster_id, began_at) WHERE roster_id IS NOT NULL;
CREATE INDEX exercise_by_occurrence ON exercise (occurrence_id) WHERE occurrence_id IS NOT NULL;

CREATE TABLE roll_call_draw (                  -- from which secret number the instants of a position are drawn, and up to when they were looked at
    roster_id   int PRIMARY KEY,
    company_id  int NOT NULL,
    seed        bigint NOT NULL,
    looked_until timestamptz NOT NULL CHECK (isfinite(looked_until)),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roll_call_draw', '(SELECT davy_everything())'); -- who could read it would know when they are tried

-- The alarm by which exercises of a priority walk at a site; made where there is none yet. The owner's, because no process writes definitions.
CREATE FUNCTION davy_exercise_alarm(of_site int, of_priority text, OUT of_definition int, OUT of_sensor int) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    s public.site;
    carrier int;
BEGIN
    SELECT * INTO s FROM public.site t WHERE t.site_id = of_site FOR NO KEY UPDATE;
    IF NOT FOUND OR of_priority NOT IN ('life-safety', 'high', 'medium', 'low') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'an exercise is of a site and of one of the four priorities';
    END IF;
    SELECT d.definition_id, d.sensor_id INTO of_definition, of_sensor FROM public.alarm_definition d
    WHERE d.site_id = of_site AND d.key = '_exercise.' || of_priority AND d.role = 'exercise';
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT v.device_id INTO carrier FROM public.device v WHERE v.key = '_davy.' || s.key;
    IF NOT FOUND THEN
        INSERT INTO public.device (company_id, site_id, key, kind) VALUES (s.company_id, of_site, '_davy.' || s.key, 'virtual') RETURNING device_id INTO carrier;
    END IF;
    SELECT n.sensor_id INTO of_sensor FROM public.sensor n WHERE n.device_id = carrier AND n.key = '_exercise';
    IF NOT FOUND THEN
        INSERT INTO public.sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)
        VALUES (s.company_id, of_site, carrier, '_exercise', 'Exercise', '演练', 'exercise', '1', true) RETURNING sensor_id INTO of_sensor;
    END IF;
    INSERT INTO public.alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title, title_zh, consequence,
        consequence_zh, response, response_zh, respond_within_s, role)
    VALUES (s.company_id, of_site, of_sensor, '_exercise.' || of_priority, 'limit', 'high', 0.5, of_priority, 'Exercise: can you be reached?', '演练：能否联系到您',
        'None: nothing has happened.', '无：现场未发生任何险情。', 'Acknowledge it as you would a real alarm.', '请按真实报警的方式确认。', 300, 'exercise')
    RETURNING definition_id INTO of_definition;
END
$$;
REVOKE ALL ON FUNCTION davy_exercise_alarm FROM PUBLIC;

-- The alarm that stands while the daily delivery test of a site does not arrive: a real one, though no reading decides it.
CREATE FUNCTION davy_delivery_alarm(of_site int, OUT of_definition int, OUT of_sensor int) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    carrier int;
BEGIN
    SELECT d.definition_id, d.sensor_id INTO of_definition, of_sensor FROM public.alarm_definition d WHERE d.site_id = of_site AND d.key = '_delivery.late';
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM davy_exercise_alarm(of_site, 'low'); -- which makes the device where there is none
    SELECT n.device_id INTO carrier FROM public.sensor n WHERE n.site_id = of_site AND n.key = '_exercise' AND n.is_virtual;
    INSERT INTO public.sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)
    SELECT v.company_id, of_site, carrier, '_delivery', 'Daily delivery test', '每日送达测试', 'delivery time', 's', true FROM public.device v WHERE v.device_id = carrier
    RETURNING sensor_id INTO of_sensor;
    INSERT INTO public.alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title, title_zh, consequence,
        consequence_zh, response, response_zh, respond_within_s)
    SELECT v.company_id, of_site, of_sensor, '_delivery.late', 'limit', 'high', 60, 'medium', 'The daily test message did not arrive in time', '每日测试消息未按时送达',
        'The call for a real alarm may not arrive either.', '真实报警的通知也可能无法送达。',
        'Agree by telephone who watches; have the operator run davy doctor.', '请先电话约定由谁值守，并请运维人员运行 davy doctor 排查。', 3600
    FROM public.device v WHERE v.device_id = carrier
    RETURNING definition_id INTO of_definition;
END
$$;
REVOKE ALL ON FUNCTION davy_delivery_alarm FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_exercise_alarm, davy_delivery_alarm TO davy_alerting;

-- What is real is never marked an exercise, nor ended like one, by whoever writes it.
CREATE POLICY exercise_by_its_alarm ON occurrence AS RESTRICTIVE FOR INSERT TO davy_ingest, davy_alerting, davy_web
    WITH CHECK (exercise = EXISTS (SELECT FROM alarm_definition d WHERE d.definition_id = occurrence.definition_id AND d.role = 'exercise'));
CREATE POLICY only_exercises_end ON transition AS RESTRICTIVE FOR INSERT TO davy_ingest, davy_alerting, davy_web
    WITH CHECK (event <> 'exercise_over' OR EXISTS (SELECT FROM alarm_definition d WHERE d.definition_id = transition.definition_id AND d.role = 'exercise'));
-- Alerting resolves exercises, which end by themselves, and nothing else.
CREATE POLICY only_exercises_resolved ON occurrence AS RESTRICTIVE FOR UPDATE TO davy_alerting
    USING (exercise OR resolved_at IS NULL) WITH CHECK (exercise OR resolved_at IS NULL);
GRANT UPDATE (resolved_at, resolution) ON occurrence TO davy_alerting;

-- People ask for exercises in their own name and now: a safety officer of the company, or the insurer's risk engineer. What has begun they may stop.
CREATE POLICY in_ones_own_name ON exercise AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (kind = 'exercise' AND asked_by = (SELECT davy_person()) AND davy_just_now(asked_at)
        AND (SELECT davy_role()) IN ('safety_officer', 'risk_engineer')
        AND (as_definition_id IS NULL OR EXISTS (SELECT FROM alarm_definition d WHERE d.definition_id = as_definition_id AND d.site_id = exercise.site_id AND d.role = 'alarm'))
        AND (roster_id IS NULL OR EXISTS (SELECT FROM roster r WHERE r.roster_id = exercise.roster_id AND r.site_id = exercise.site_id AND r.retired_at IS NULL)));
CREATE POLICY stopped_only ON exercise AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (ended_at IS NULL AND stop_asked_at IS NULL AND (SELECT davy_role()) IN ('safety_officer', 'risk_engineer'))
    WITH CHECK (stopped_by = (SELECT davy_person()) AND davy_just_now(stop_asked_at));

-- Exercises as pages show them: whom they name, and in which words, is for the client's people.
CREATE VIEW v_exercise WITH (security_barrier) AS
    SELECT e.exercise_id, e.company_id, e.site_id, e.kind, e.priority, e.as_definition_id, e.roster_id, e.asked_at, e.lasts_s, e.began_at, e.occurrence_id,
           e.local_hour, e.on_holiday, e.answered_at, e.stop_asked_at, e.delivered_at, e.ended_at, e.outcome,
           CASE WHEN w.own OR e.asked_by = (SELECT davy_person()) THEN e.asked_by END AS asked_by, CASE WHEN w.own OR e.asked_by = (SELECT davy_person()) THEN e.why END AS why,
           CASE WHEN w.own THEN e.called_id END AS called_id, CASE WHEN w.own THEN e.answered_by END AS answered_by, CASE WHEN w.own THEN e.stopped_by END AS stopped_by
    FROM exercise e
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false)
        OR current_user = 'davy_owner' AS own) w
    WHERE (SELECT davy_everything()) OR e.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- As 0005 has it, with whether it is an exercise.
CREATE OR REPLACE VIEW v_occurrence WITH (security_barrier) AS
    SELECT o.occurrence_id, o.company_id, o.site_id, o.definition_id, o.sensor_id, o.began_at, o.normal_at, o.resolved_at,
           o.resolved_by, o.resolution, o.action_taken, o.assignee_id,
           CASE WHEN o.resolved_at IS NOT NULL OR o.shared OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin')
                  OR (SELECT davy_everything()) OR current_user = 'davy_owner' THEN o.first_value END AS first_value,
           o.setpoint, o.definition_version, o.evidence_from, o.evidence_until, o.shared, o.historic, o.replayed, o.simulated, o.exercise
    FROM occurrence o
    WHERE o.company_id = ANY ((SELECT davy_companies())::int[]) OR (SELECT davy_everything())
       OR current_user = 'davy_owner';

GRANT SELECT ON v_exercise TO davy_alerting, davy_web;
GRANT SELECT, INSERT ON exercise TO davy_alerting;
GRANT UPDATE (began_at, occurrence_id, called_id, local_hour, on_holiday, answered_at, answered_by, delivered_at, ended_at, outcome) ON exercise TO davy_alerting;
-- Which exercises call one duty position alone, whoever plans a call must know.
GRANT SELECT (exercise_id, company_id, site_id, kind, priority, as_definition_id, roster_id, asked_at, lasts_s, began_at, occurrence_id, local_hour, on_holiday,
    answered_at, stop_asked_at, delivered_at, ended_at, outcome) ON exercise TO davy_web, davy_ingest;
GRANT INSERT (company_id, site_id, kind, priority, as_definition_id, roster_id, asked_by, asked_at, lasts_s, why) ON exercise TO davy_web;
GRANT UPDATE (stop_asked_at, stopped_by) ON exercise TO davy_web;
GRANT SELECT, INSERT, UPDATE ON roll_call_draw TO davy_alerting;
GRANT USAGE ON SEQUENCE exercise_exercise_id_seq TO davy_alerting, davy_web;

-- The sign of life to somebody outside: beat_at when it was last taken there, turned_at when it was last looked for.
ALTER TABLE process_status DROP CONSTRAINT process_status_process_check,
    ADD CHECK (process IN ('alerting', 'risk', 'detectors', 'calls', 'outside'));
