-- From a number to a person. Owner: alerting. Words: ISA-18.2 / IEC 62682.

CREATE TABLE alarm_definition (
    definition_id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    sensor_id   int NOT NULL REFERENCES sensor,
    other_sensor_id int,                       -- of a detector that compares two sensors: the second one
    key         text NOT NULL,                 -- unique within the site: what scenarios and people call it
    detector    text NOT NULL,                 -- detectors.registry
    parameters  jsonb NOT NULL DEFAULT '{}',
    direction   text NOT NULL CHECK (direction IN ('high', 'low')),
    setpoint    double precision NOT NULL,
    deadband    double precision NOT NULL DEFAULT 0 CHECK (deadband >= 0),
    on_delay_s  double precision NOT NULL DEFAULT 0 CHECK (on_delay_s BETWEEN 0 AND 86400),   -- core/limit_checks.py; one that no
    off_delay_s double precision NOT NULL DEFAULT 0 CHECK (off_delay_s BETWEEN 0 AND 86400), -- integer holds stops whoever reads all
    votes       smallint NOT NULL DEFAULT 1 CHECK (votes >= 1),                     -- k of ...
    votes_of    smallint NOT NULL DEFAULT 1 CHECK (votes_of BETWEEN votes AND 64),  -- ... the last m numbers beyond the setpoint
    priority    text NOT NULL CHECK (priority IN ('life-safety', 'high', 'medium', 'low')),
    latch       boolean NOT NULL DEFAULT false,
    realarm_after_s double precision CHECK (realarm_after_s BETWEEN 900 AND 1e7), -- acknowledged and still active so long: heard again; null: never
    title       text NOT NULL,
    title_zh    text NOT NULL,
    consequence text NOT NULL,
    consequence_zh text NOT NULL,
    response    text NOT NULL,
    response_zh text NOT NULL,
    respond_within_s double precision NOT NULL CHECK (respond_within_s BETWEEN 0 AND 1e7),
    standard    text, edition text, clause text, -- where the setpoint comes from; null: the plant's own
    verified_by text, verified_on date,        -- null: nobody has verified it against the standard's text
    version     int NOT NULL DEFAULT 1,
    valid_from  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz,
    -- a state of the plant is judged as an alarm is, and nobody is called: suppression_rule says what it silences (0014)
    role        text NOT NULL DEFAULT 'alarm' CHECK (role IN ('alarm', 'state')),
    FOREIGN KEY (other_sensor_id, company_id) REFERENCES sensor (sensor_id, company_id),
    UNIQUE (site_id, key),
    UNIQUE (definition_id, company_id)
);
CALL davy_wall('alarm_definition');

-- From here on foreign keys name the company too: a row of one company cannot hang on another's alarm, where it would take
-- the place or the number of a real one, or show the other's readings as its evidence.

CREATE TABLE occurrence (
    occurrence_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    definition_id int NOT NULL,
    sensor_id   int NOT NULL,
    began_at    timestamptz NOT NULL,          -- the onset that left normal
    normal_at   timestamptz,                   -- back in state A; null while not
    resolved_at timestamptz,
    resolved_by int REFERENCES person,
    resolution  text CHECK (resolution IN ('true_danger', 'near_miss', 'test_or_drill', 'nuisance', 'sensor_fault', 'unknown')),
    action_taken text,
    assignee_id int REFERENCES person,         -- who of the client sees to it; null: nobody yet
    first_value double precision,
    setpoint    double precision,              -- the limit in force when it began: a later change does not rewrite the past
    definition_version int,
    evidence_from timestamptz NOT NULL,
    evidence_until timestamptz,
    shared      boolean NOT NULL DEFAULT false, -- the client has shared the evidence with the insurer
    historic    boolean NOT NULL DEFAULT false,
    replayed    boolean NOT NULL DEFAULT false, -- all that raised it came in readings marked as history that is played (0010)
    simulated   boolean NOT NULL DEFAULT false, -- made by the demo's history: marked wherever it is shown, and nobody is called
    -- Whoever sends, and whoever calls without the database, reads the rows of all companies: an instant that a program cannot hold
    -- would end its work for all. So with alarms, transitions and notifications.
    CONSTRAINT readable_instants CHECK (least(began_at, normal_at, resolved_at) >= '1970-01-01 00:00+00' AND greatest(began_at, normal_at, resolved_at) < '2200-01-01 00:00+00'),
    UNIQUE (company_id, occurrence_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('occurrence');
CREATE INDEX occurrence_by_time ON occurrence (began_at, occurrence_id);   -- the order in which pages list them
CREATE UNIQUE INDEX one_open_occurrence ON occurrence (definition_id, sensor_id) WHERE resolved_at IS NULL;

CREATE TABLE alarm (                           -- now: one row a (definition, sensor), for ever
    definition_id int NOT NULL,
    sensor_id   int NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    state       "char" NOT NULL DEFAULT 'A' CHECK (state IN ('A', 'B', 'C', 'D', 'E', 'F')),
    active      boolean NOT NULL DEFAULT false, -- the condition, as ingest last said
    changed_at  timestamptz NOT NULL,          -- instant of the last transition
    suppression text NOT NULL DEFAULT 'none' CHECK (suppression IN ('none', 'shelved', 'by_design', 'out_of_service')),
    suppressed_until timestamptz,
    suppression_reason text,
    suppressed_by int REFERENCES person,
    CHECK ((suppression = 'none') = (suppressed_until IS NULL)), -- nothing is silent for ever
    occurrence_id bigint,                      -- the open one
    onset       timestamptz,                   -- from when the running call counts; null: nobody is being called
    chain       bytea NOT NULL,                -- hash of the last transition
    transitions int NOT NULL DEFAULT 0,        -- number of the last transition
    CONSTRAINT readable_instants CHECK (least(changed_at, onset, suppressed_until) >= '1970-01-01 00:00+00' AND greatest(changed_at, onset, suppressed_until) < '2200-01-01 00:00+00'),
    PRIMARY KEY (definition_id, sensor_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
) WITH (fillfactor = 50);
CALL davy_wall('alarm');
CREATE INDEX alarm_not_normal ON alarm (company_id) WHERE state <> 'A';
CREATE INDEX alarm_acknowledged ON alarm (sensor_id) WHERE state = 'C'; -- what a re-alarm or a higher limit on its sensor announces again
CREATE INDEX alarm_suppressed ON alarm (definition_id, sensor_id) WHERE suppression <> 'none';
CREATE INDEX alarm_shelved ON alarm (suppressed_until) WHERE suppression = 'shelved';

CREATE TABLE transition (                      -- append-only; replaying them gives `alarm`, but for its onset: whether a call runs, the queue ends
    transition_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    definition_id int NOT NULL,
    sensor_id   int NOT NULL,
    number      int NOT NULL,                  -- 1, 2, 3 ... within the alarm
    occurrence_id bigint,                      -- null: shelved or unshelved while normal, with no occurrence open
    at          timestamptz NOT NULL,          -- when it happened: onset + delay, or the person's click
    recorded_at timestamptz NOT NULL,          -- when we wrote it down
    event       text NOT NULL,
    from_state  "char" NOT NULL,
    to_state    "char" NOT NULL,
    suppression text NOT NULL,                 -- after the event
    value       double precision,
    person_id   int REFERENCES person,
    reason      text,
    until       timestamptz,
    batch_no    bigint,                        -- of ingest; null: a person or a timer did it
    replayed    boolean NOT NULL DEFAULT false, -- what decided it was a reading marked as history that is played
    previous    bytea NOT NULL,
    hash        bytea NOT NULL,                -- sha256(previous || canonical row), alerting/chain.py
    CONSTRAINT readable_instants CHECK (least(at, recorded_at, until) >= '1970-01-01 00:00+00' AND greatest(at, recorded_at, until) < '2200-01-01 00:00+00'),
    UNIQUE (definition_id, sensor_id, number),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
CALL davy_wall('transition');
CREATE INDEX transition_by_occurrence ON transition (occurrence_id, transition_id);

CREATE TABLE occurrence_comment (
    comment_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    occurrence_id bigint NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    at          timestamptz NOT NULL,
    body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 4000),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
-- What the client's people write is evidence too: the insurer's people read it once the occurrence is resolved or shared, and
-- their own words always.
CALL davy_wall('occurrence_comment', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') OR person_id = (SELECT davy_person()) OR EXISTS (
        SELECT FROM occurrence o WHERE o.occurrence_id = occurrence_comment.occurrence_id AND (o.resolved_at IS NOT NULL OR o.shared)))))');

CREATE TABLE route (                           -- who hears what: site and priority -> steps
    route_id    int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    key         text NOT NULL,
    audience    text NOT NULL CHECK (audience IN ('client', 'insurer')),
    priorities  text[] NOT NULL,
    UNIQUE (site_id, key)
);
CALL davy_wall('route');

CREATE TABLE route_step (
    route_id    int NOT NULL REFERENCES route ON DELETE CASCADE,
    company_id  int NOT NULL REFERENCES company,
    position    int NOT NULL,                  -- 0: at once; then each escalation
    after_s     double precision NOT NULL CHECK (after_s >= 0),
    person_id   int NOT NULL REFERENCES person,
    channel     text NOT NULL,                 -- alerting.channels registry: smtp, webhook
    PRIMARY KEY (route_id, position, person_id, channel)
);
CALL davy_wall('route_step');

CREATE TABLE channel_address (                 -- where a person's channel ends
    person_id   int NOT NULL REFERENCES person,
    company_id  int REFERENCES company,
    channel     text NOT NULL,
    address     text NOT NULL,                 -- mail address or URL
    secret_ref  text,                          -- name of the signing secret in the settings, never the secret
    PRIMARY KEY (person_id, channel)
);
CALL davy_wall('channel_address', '((SELECT davy_everything()) OR person_id = (SELECT davy_person()))');

CREATE TABLE notification (                    -- queue and proof in one
    notification_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key         text NOT NULL UNIQUE,          -- definition, sensor, onset, step, recipient, channel: the receiver's idempotency key
    company_id  int NOT NULL REFERENCES company,
    occurrence_id bigint NOT NULL,
    definition_id int NOT NULL,
    sensor_id   int NOT NULL,
    onset       timestamptz NOT NULL,          -- of the transition into unacknowledged
    step        int NOT NULL,
    rule        text NOT NULL,                 -- which route and step, readable
    audience    text NOT NULL CHECK (audience IN ('client', 'insurer')),
    person_id   int NOT NULL REFERENCES person,
    channel     text NOT NULL,
    due_at      timestamptz NOT NULL,
    urgency     smallint NOT NULL CHECK (urgency BETWEEN 0 AND 3), -- 0 life-safety .. 3 low: the order in which what is due goes out
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'sent', 'failed', 'cancelled')),
    attempt     int NOT NULL DEFAULT 0,
    lease_until timestamptz,                   -- claimed: whose it is until then; waiting after a failure: not before then
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    finished_at timestamptz,
    outcome     text,                          -- receiver's receipt, or why it failed or was cancelled
    CONSTRAINT readable_instants CHECK (least(onset, due_at, created_at, finished_at) >= '1970-01-01 00:00+00'
        AND greatest(onset, due_at, created_at, finished_at) < '2200-01-01 00:00+00'),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
) WITH (fillfactor = 70);
CALL davy_wall('notification');
CREATE INDEX notification_due ON notification (urgency, due_at) WHERE state IN ('waiting', 'claimed');
CREATE INDEX notification_by_occurrence ON notification (occurrence_id);

-- The web role acts for persons: in their name, by their role, never as ingest or as the sender. The insurer's people look on.
CREATE POLICY by_who_acts ON transition AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (batch_no IS NULL AND person_id = (SELECT davy_person()) AND (SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer'));
CREATE POLICY in_ones_own_name ON occurrence_comment AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()));
-- What stands of an alarm is changed by a safety officer of its own company; a row that is new says nothing yet.
CREATE POLICY new_is_normal ON alarm AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND state = 'A' AND NOT active AND suppression = 'none' AND transitions = 0);
CREATE POLICY onlookers_change_nothing ON alarm AS RESTRICTIVE FOR UPDATE TO davy_web
    USING ((SELECT davy_role()) IN ('safety_officer', 'integrator'))
    WITH CHECK ((SELECT davy_role()) = 'safety_officer' AND EXISTS (
        SELECT FROM person p WHERE p.person_id = (SELECT davy_person()) AND p.company_id = alarm.company_id));
CREATE POLICY onlookers_add_nothing ON occurrence AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer') AND NOT simulated);
CREATE POLICY onlookers_change_nothing ON occurrence AS RESTRICTIVE FOR UPDATE TO davy_web USING ((SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer'));
CREATE POLICY by_route ON notification AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (state = 'waiting' AND (SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer')
        AND EXISTS (SELECT FROM route_step s WHERE s.company_id = notification.company_id
                    AND s.person_id = notification.person_id AND s.channel = notification.channel));
CREATE POLICY cancelled_only ON notification AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (state = 'waiting' AND (SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer')) WITH CHECK (state = 'cancelled');
-- Ingest calls by itself for life safety while the database is away: it books what it has sent and holds what it is sending.
CREATE POLICY cancelled_or_booked ON notification AS RESTRICTIVE FOR UPDATE TO davy_ingest
    USING (state IN ('waiting', 'claimed')) WITH CHECK (state = 'cancelled' OR (state IN ('claimed', 'sent') AND urgency = 0));

-- A policy does not see the row as it was. What web makes of an alarm has its transition: the next of its chain, by this person,
-- now, and with the same outcome. A shelf ends within the longest of its priority (alerting/actions.py), and is no longer for being
-- put on again; off the shelf an alarm falls into an order or a rule, and where there is none alerting frees it within a second.
CREATE FUNCTION davy_alarm_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    proof record;
    longest interval;
BEGIN
    SELECT t.at, t.event, t.until INTO proof FROM transition t
    WHERE t.definition_id = NEW.definition_id AND t.sensor_id = NEW.sensor_id AND t.number = NEW.transitions AND NEW.transitions > OLD.transitions
      AND t.to_state = NEW.state AND t.suppression = NEW.suppression AND t.person_id = davy_person() AND davy_just_now(t.at);
    IF NOT FOUND OR NEW.active <> OLD.active THEN
        RAISE insufficient_privilege USING MESSAGE = 'an alarm changes with its transition, not otherwise';
    END IF;
    IF NEW.suppression = 'none' OR (NEW.suppression, NEW.suppressed_until) IS NOT DISTINCT FROM (OLD.suppression, OLD.suppressed_until) THEN
        RETURN NEW;
    END IF;
    SELECT CASE WHEN NEW.suppression = 'shelved' AND OLD.suppression = 'none' AND proof.event = 'shelve' THEN
                    CASE d.priority WHEN 'life-safety' THEN interval '1 hour' WHEN 'high' THEN interval '8 hours'
                                    WHEN 'medium' THEN interval '24 hours' WHEN 'low' THEN interval '7 days' END
                WHEN OLD.suppression = 'shelved' AND (NEW.suppression = 'out_of_service' AND proof.event = 'take_out_of_service'
                     OR NEW.suppression = 'by_design' AND proof.event = 'suppress' AND d.priority <> 'life-safety') THEN interval '31 days' END
        INTO longest FROM alarm_definition d WHERE d.definition_id = NEW.definition_id;
    IF NOT coalesce(NEW.suppressed_until = proof.until AND NEW.suppressed_until <= proof.at + longest, false) THEN
        RAISE insufficient_privilege USING MESSAGE = 'an alarm is put aside for so long at most, and until when its transition says';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_alarm_changes FROM PUBLIC;
CREATE TRIGGER alarm_changes BEFORE UPDATE ON alarm FOR EACH ROW
    WHEN (current_user = 'davy_web' AND (OLD.state, OLD.active, OLD.suppression, OLD.suppressed_until, OLD.transitions)
          IS DISTINCT FROM (NEW.state, NEW.active, NEW.suppression, NEW.suppressed_until, NEW.transitions))
    EXECUTE FUNCTION davy_alarm_changes();

-- A value in an occurrence or a transition is evidence, and so is what a person gave as the reason: the insurer's people see
-- them once the occurrence is resolved or shared. The columns themselves are granted to nobody who acts for persons.
CREATE VIEW v_occurrence WITH (security_barrier) AS
    SELECT o.occurrence_id, o.company_id, o.site_id, o.definition_id, o.sensor_id, o.began_at, o.normal_at, o.resolved_at,
           o.resolved_by, o.resolution, o.action_taken, o.assignee_id,
           CASE WHEN o.resolved_at IS NOT NULL OR o.shared OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin')
                  OR (SELECT davy_everything()) OR current_user = 'davy_owner' THEN o.first_value END AS first_value,
           o.setpoint, o.definition_version, o.evidence_from, o.evidence_until, o.shared, o.historic, o.replayed, o.simulated
    FROM occurrence o
    WHERE o.company_id = ANY ((SELECT davy_companies())::int[]) OR (SELECT davy_everything())
       OR current_user = 'davy_owner';

CREATE VIEW v_transition WITH (security_barrier) AS
    SELECT t.transition_id, t.company_id, t.definition_id, t.sensor_id, t.number, t.occurrence_id, t.at, t.recorded_at,
           t.event, t.from_state, t.to_state, t.suppression,
           CASE WHEN e.evident THEN t.value END AS value, t.person_id, CASE WHEN e.evident THEN t.reason END AS reason,
           t.until, t.batch_no, t.replayed
    FROM transition t
    LEFT JOIN occurrence o ON o.occurrence_id = t.occurrence_id
    CROSS JOIN LATERAL (SELECT o.resolved_at IS NOT NULL OR coalesce(o.shared, false) OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false)
        OR (SELECT davy_everything()) OR current_user = 'davy_owner' AS evident) e
    WHERE t.company_id = ANY ((SELECT davy_companies())::int[]) OR (SELECT davy_everything())
       OR current_user = 'davy_owner';

-- The same of what holds now: who put an alarm aside, and in what words.
CREATE VIEW v_alarm WITH (security_barrier) AS
    SELECT a.definition_id, a.sensor_id, a.company_id, a.site_id, a.state, a.active, a.changed_at, a.suppression, a.suppressed_until,
           CASE WHEN e.evident THEN a.suppression_reason END AS suppression_reason, CASE WHEN e.evident THEN a.suppressed_by END AS suppressed_by,
           a.occurrence_id, a.onset, a.transitions
    FROM alarm a
    LEFT JOIN occurrence o ON o.occurrence_id = a.occurrence_id
    CROSS JOIN LATERAL (SELECT o.resolved_at IS NOT NULL OR coalesce(o.shared, false) OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false)
        OR (SELECT davy_everything()) OR current_user = 'davy_owner' AS evident) e
    WHERE a.company_id = ANY ((SELECT davy_companies())::int[]) OR (SELECT davy_everything())
       OR current_user = 'davy_owner';

-- The newest value beside an alarm, for those who may see live values. `latest` is written every 2 s, a transition at once: an
-- alarm never stands beside a value from before it.
CREATE VIEW v_alarm_value WITH (security_barrier) AS
    SELECT d.definition_id, d.company_id, CASE WHEN seen.at > l.measured_at THEN seen.value ELSE l.value END AS value,
           greatest(seen.at, l.measured_at) AS measured_at
    FROM alarm_definition d
    JOIN latest l ON l.sensor_id = d.sensor_id
    LEFT JOIN LATERAL (
        SELECT t.at, t.value FROM transition t
        WHERE t.definition_id = d.definition_id AND t.sensor_id = d.sensor_id AND t.event IN ('raise', 'clear') AND t.value IS NOT NULL
        ORDER BY t.number DESC LIMIT 1
    ) seen ON d.detector = 'limit'
    WHERE (d.company_id = ANY ((SELECT davy_companies())::int[])
        AND (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin', 'grafana')) OR (SELECT davy_everything()) OR current_user = 'davy_owner';

-- What was to be watched for, for whoever counts alarms: retired ones too.
CREATE VIEW v_alarm_definition WITH (security_barrier) AS
    SELECT definition_id, company_id, site_id, sensor_id, key, detector, priority, respond_within_s, standard, verified_on, valid_from,
           retired_at
    FROM alarm_definition
    WHERE role = 'alarm'
      AND ((SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner');

GRANT SELECT ON alarm_definition, route, route_step TO davy_ingest, davy_alerting, davy_web;
GRANT SELECT ON alarm_definition TO davy_grafana;
GRANT SELECT ON v_occurrence, v_transition TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON v_alarm TO davy_web, davy_grafana;
GRANT SELECT ON v_alarm_value TO davy_web;
GRANT SELECT ON v_alarm_definition TO davy_alerting, davy_web;
GRANT SELECT (definition_id, sensor_id, company_id, site_id, state, active, changed_at, suppression, suppressed_until, occurrence_id, onset,
    chain, transitions) ON alarm TO davy_web, davy_grafana;
GRANT SELECT (occurrence_id, company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolved_by, resolution,
    action_taken, assignee_id, setpoint, definition_version, evidence_from, evidence_until, shared, historic, replayed, simulated) ON occurrence TO davy_web, davy_grafana;
GRANT SELECT (transition_id, company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state, to_state,
    suppression, person_id, until, batch_no, replayed, previous, hash) ON transition TO davy_web, davy_grafana;
GRANT SELECT ON occurrence, transition TO davy_ingest, davy_alerting;
GRANT INSERT ON occurrence, transition TO davy_ingest, davy_alerting, davy_web;
GRANT SELECT ON alarm TO davy_ingest, davy_alerting;
GRANT INSERT ON alarm TO davy_ingest, davy_alerting, davy_web;
GRANT SELECT, INSERT ON notification TO davy_ingest, davy_alerting;
GRANT INSERT (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel, due_at, urgency, created_at)
    ON notification TO davy_web;
GRANT UPDATE (state, active, changed_at, suppression, suppressed_until, suppression_reason, suppressed_by, occurrence_id, onset, chain, transitions)
    ON alarm TO davy_ingest, davy_alerting, davy_web;
GRANT UPDATE (normal_at, evidence_until) ON occurrence TO davy_ingest, davy_alerting, davy_web;
GRANT UPDATE (replayed) ON occurrence TO davy_ingest, davy_alerting; -- alerting: a delivery test that fails joins the alarm that an earlier one left
GRANT UPDATE (resolved_at, resolved_by, resolution, action_taken, assignee_id, shared) ON occurrence TO davy_web;
GRANT UPDATE (state, attempt, lease_until, sent_at, finished_at, outcome) ON notification TO davy_alerting, davy_ingest;
GRANT UPDATE (due_at) ON notification TO davy_alerting; -- later steps of a call that was held up
GRANT UPDATE (state, finished_at, outcome) ON notification TO davy_web;
GRANT SELECT, INSERT ON occurrence_comment TO davy_web;
GRANT SELECT ON channel_address TO davy_alerting, davy_ingest;
GRANT USAGE ON SEQUENCE occurrence_occurrence_id_seq, transition_transition_id_seq, notification_notification_id_seq
    TO davy_ingest, davy_alerting, davy_web;
GRANT USAGE ON SEQUENCE occurrence_comment_comment_id_seq TO davy_web;
