-- Who is told of what is no alarm, and the signs of life of those who tell. Owner: alerting.

CREATE TABLE process_status (                  -- as ingest_status, of the processes that call people, look after findings and score models
    process     text PRIMARY KEY CHECK (process IN ('alerting', 'risk', 'detectors', 'calls')),
    beat_at     timestamptz NOT NULL,          -- its duties have come round
    turned_at   timestamptz NOT NULL,          -- alerting: since when the sender that is longest at one message has been at it; detectors: since when a model fails; calls: when the snapshot was taken
    report      jsonb NOT NULL DEFAULT '{}'
);

ALTER TABLE route ADD COLUMN hears text[] NOT NULL DEFAULT '{}' CHECK (hears <@ ARRAY['impairments', 'findings', 'digest']);

-- One queue for everything that is sent: an alarm's call hangs on its occurrence, the others on what they are about.
ALTER TABLE notification
    ALTER COLUMN company_id DROP NOT NULL,     -- a digest is of several companies
    ALTER COLUMN occurrence_id DROP NOT NULL,
    ALTER COLUMN definition_id DROP NOT NULL,
    ALTER COLUMN sensor_id DROP NOT NULL,
    ADD COLUMN subject text NOT NULL DEFAULT 'alarm',
    ADD COLUMN event text,                     -- what is told of a finding or an impairment
    ADD COLUMN finding_id bigint,
    ADD COLUMN impairment_id bigint,
    ADD COLUMN assigned_id bigint,             -- the occurrence that somebody has been given; what calls for an alarm is counted by occurrence_id
    ADD COLUMN tally jsonb,                    -- a digest's numbers, as they were when it was made: alerting/digest.py
    ADD FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id),
    ADD FOREIGN KEY (company_id, impairment_id) REFERENCES impairment (company_id, impairment_id),
    ADD FOREIGN KEY (company_id, assigned_id) REFERENCES occurrence (company_id, occurrence_id),
    ADD CONSTRAINT about_one_thing CHECK (CASE subject
        WHEN 'alarm' THEN num_nulls(company_id, occurrence_id, definition_id, sensor_id) = 0
            AND num_nonnulls(event, finding_id, impairment_id, assigned_id, tally) = 0
        WHEN 'finding' THEN num_nulls(company_id, finding_id) = 0 AND event IS NOT NULL AND event IN ('assigned', 'overdue')
            AND num_nonnulls(occurrence_id, definition_id, sensor_id, impairment_id, assigned_id, tally) = 0
        WHEN 'impairment' THEN num_nulls(company_id, impairment_id) = 0 AND event IS NOT NULL AND event IN ('begun', 'overrun', 'restored')
            AND num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, assigned_id, tally) = 0
        WHEN 'occurrence' THEN num_nulls(company_id, assigned_id) = 0 AND event IS NOT NULL AND event = 'assigned' AND audience = 'client'
            AND num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, impairment_id, tally) = 0
        WHEN 'digest' THEN tally IS NOT NULL AND audience = 'insurer'
            AND num_nonnulls(company_id, event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id) = 0
        -- The week of a duty position: numbers only; the insurer's people get theirs of several companies.
        WHEN 'weekly' THEN tally IS NOT NULL AND (audience = 'insurer') = (company_id IS NULL)
            AND num_nonnulls(event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id) = 0
        WHEN 'backlog' THEN tally IS NOT NULL AND audience = 'client' AND company_id IS NOT NULL
            AND num_nonnulls(event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id) = 0
        WHEN 'unreachable' THEN tally IS NOT NULL
            AND num_nonnulls(event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id) = 0
        -- What of a site in a storm does not call by itself, told together; of which storm: 0023.
        WHEN 'storm' THEN company_id IS NOT NULL AND event IS NOT NULL AND event IN ('begun', 'going_on', 'ended')
            AND num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id, tally) = 0
        ELSE false END);
COMMENT ON COLUMN notification.onset IS 'of an alarm: the transition into unacknowledged; else the instant that is told of: the end that was expected, the deadline, a digest''s end';
CREATE INDEX notification_by_finding ON notification (finding_id) WHERE finding_id IS NOT NULL;
CREATE INDEX notification_by_impairment ON notification (impairment_id) WHERE impairment_id IS NOT NULL;
CREATE INDEX notification_by_assigned ON notification (assigned_id) WHERE assigned_id IS NOT NULL;
CREATE INDEX notification_of_digests ON notification (person_id, onset) WHERE subject = 'digest';

-- Only the clock tells of findings, impairments, days and who has been given an occurrence: a statement smuggled into the web process cannot.
CREATE POLICY alarms_only ON notification AS RESTRICTIVE FOR INSERT TO davy_ingest, davy_web WITH CHECK (subject = 'alarm');
CREATE POLICY alarms_only_cancelled ON notification AS RESTRICTIVE FOR UPDATE TO davy_ingest, davy_web USING (subject = 'alarm');

-- Who is told what, as pages show it: a receiver's receipt may name a person's address, so it stays with the client.
CREATE VIEW v_notification WITH (security_barrier) AS
    SELECT notification_id, company_id, subject, occurrence_id, finding_id, impairment_id, assigned_id, person_id, audience, channel, state, due_at,
           sent_at, finished_at,
           CASE WHEN (SELECT davy_everything()) OR current_user = 'davy_owner'
                  OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') THEN outcome END AS outcome
    FROM notification
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

GRANT SELECT ON v_notification TO davy_web;
GRANT SELECT (notification_id, key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel, due_at,
    urgency, state, attempt, lease_until, created_at, sent_at, finished_at, subject, event, finding_id, impairment_id, assigned_id, tally)
    ON notification TO davy_web;
GRANT SELECT, INSERT, UPDATE ON process_status TO davy_alerting, davy_ingest;
GRANT SELECT ON process_status TO davy_web;
