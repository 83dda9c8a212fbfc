-- Fewer messages that say more: one message for what belongs together, storms, and causes that speak for their effects.
-- Owner: alerting.

CREATE TABLE site_calm (                       -- how a site wants it, where it says so; no row: as alerting/calm.py has it
    site_id     int PRIMARY KEY,
    company_id  int NOT NULL,
    window_s    double precision NOT NULL CHECK (window_s BETWEEN 0 AND 3600),
    grouped     text[] NOT NULL CHECK (grouped <@ ARRAY['high', 'medium', 'low']), -- life safety is never grouped
    storms      boolean NOT NULL,
    storm_begins int NOT NULL CHECK (storm_begins BETWEEN 3 AND 1000), -- alarms that call somebody within ten minutes
    storm_ends  int NOT NULL CHECK (storm_ends >= 1 AND storm_ends < storm_begins),
    digest_every_s double precision NOT NULL CHECK (digest_every_s BETWEEN 60 AND 3600),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('site_calm');

CREATE TABLE site_cause (                      -- which alarm is the known cause of which others, as the site says
    site_id     int NOT NULL,
    company_id  int NOT NULL,
    cause_id    int NOT NULL,
    effect_id   int NOT NULL CHECK (effect_id <> cause_id),
    PRIMARY KEY (effect_id, cause_id),
    FOREIGN KEY (cause_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (effect_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (cause_id, site_id) REFERENCES alarm_definition (definition_id, site_id),
    FOREIGN KEY (effect_id, site_id) REFERENCES alarm_definition (definition_id, site_id)
);
CALL davy_wall('site_cause');
CREATE INDEX site_cause_by_cause ON site_cause (cause_id);

-- The site's own and, of themselves, a compound and the limits that it is made of. Security barrier: it is read row by row of a limit.
CREATE VIEW v_cause WITH (security_barrier) AS
    SELECT company_id, cause_id, effect_id FROM site_cause
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner'
    UNION
    SELECT p.company_id, d.definition_id, p.definition_id
    FROM compound_part p JOIN compound c ON c.compound_id = p.compound_id AND c.retired_at IS NULL
    JOIN alarm_definition d ON d.sensor_id = c.sensor_id AND d.retired_at IS NULL
    WHERE p.definition_id IS NOT NULL
      AND ((SELECT davy_everything()) OR p.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner');

CREATE TABLE storm (                           -- a site with more alarms than people can work through
    storm_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    began_at    timestamptz NOT NULL,
    ended_at    timestamptz CHECK (ended_at >= began_at),
    looked_at   timestamptz NOT NULL,          -- up to when its alarms are counted
    alarms      int NOT NULL CHECK (alarms >= 0),
    UNIQUE (storm_id, company_id),
    UNIQUE (site_id, began_at),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('storm');
CREATE UNIQUE INDEX one_storm_at_a_site ON storm (site_id) WHERE ended_at IS NULL;

CREATE TABLE message_group (                   -- one message that tells of several alarms: for a person, over a channel, at a step
    group_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    hazard      text NOT NULL,                 -- alerting/calm.py: where, and of what kind
    person_id   int NOT NULL REFERENCES person,
    channel     text NOT NULL,
    step        int NOT NULL,
    audience    text NOT NULL CHECK (audience IN ('client', 'insurer')),
    began_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,          -- when the newest of its messages was due
    worst       smallint NOT NULL CHECK (worst BETWEEN 1 AND 3),  -- the most urgent that was told
    messages    int NOT NULL CHECK (messages >= 1),
    UNIQUE (group_id, company_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('message_group');
CREATE INDEX message_group_newest ON message_group (person_id, channel, site_id, hazard, step, audience, group_id);

ALTER TABLE notification
    ADD COLUMN held_by text CHECK (held_by IN ('group', 'storm', 'cause')), -- why it does not go out by itself
    ADD COLUMN storm_id bigint,                -- of an alarm: told in a digest of this storm; of a digest: the storm
    ADD COLUMN group_id bigint,
    ADD COLUMN told_in text,                   -- key of the message that tells of it; null: its own
    ADD FOREIGN KEY (storm_id, company_id) REFERENCES storm (storm_id, company_id),
    ADD FOREIGN KEY (group_id, company_id) REFERENCES message_group (group_id, company_id);
CREATE INDEX notification_of_storms ON notification (storm_id) WHERE storm_id IS NOT NULL;
CREATE INDEX notification_of_groups ON notification (group_id) WHERE group_id IS NOT NULL;
-- How many alarms have begun to call somebody lately.
CREATE INDEX notification_of_new_calls ON notification (company_id, created_at) WHERE subject = 'alarm' AND step = 0;
ALTER TABLE notification ADD CONSTRAINT digest_of_a_storm CHECK (subject <> 'storm' OR storm_id IS NOT NULL);
-- What life safety is never: held for others.
ALTER TABLE notification ADD CONSTRAINT life_safety_waits_for_nothing
    CHECK (urgency > 0 OR num_nonnulls(held_by, group_id, told_in) = 0);

-- The occurrence that is the known cause of what a call is about: it holds, is no less urgent, and the same person is told of it. One that is
-- held for a cause itself is none: two that name each other do not silence each other. Nothing is the cause of life safety.
CREATE FUNCTION davy_cause(definition int, person int, urgency smallint) RETURNS bigint LANGUAGE sql STABLE
    RETURN (SELECT a.occurrence_id FROM v_cause v
        JOIN alarm_definition d ON d.definition_id = v.cause_id AND d.retired_at IS NULL
        JOIN alarm a ON a.definition_id = d.definition_id AND a.sensor_id = d.sensor_id
        WHERE v.effect_id = definition AND urgency > 0 AND a.active AND a.suppression = 'none' AND a.occurrence_id IS NOT NULL
          AND array_position(ARRAY['life-safety', 'high', 'medium', 'low'], d.priority) - 1 <= urgency
          AND EXISTS (SELECT FROM notification n WHERE n.occurrence_id = a.occurrence_id AND n.person_id = person
                      AND n.state IN ('waiting', 'claimed', 'sent') AND n.held_by IS DISTINCT FROM 'cause')
        ORDER BY a.occurrence_id LIMIT 1);
REVOKE ALL ON FUNCTION davy_cause FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_cause TO davy_alerting;

-- As 0020 has it, with why a message waits and in which it was told.
CREATE OR REPLACE VIEW v_notification WITH (security_barrier) AS
    SELECT notification_id, company_id, subject, occurrence_id, finding_id, impairment_id, assigned_id, person_id, audience, channel, state, due_at,
           sent_at, finished_at,
           CASE WHEN (SELECT davy_everything()) OR current_user = 'davy_owner'
                  OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') THEN outcome END AS outcome,
           step, rule, onset, held_by, storm_id, told_in, key,
           CASE WHEN held_by IS NULL THEN due_at ELSE greatest(due_at, lease_until) END AS wanted_at
    FROM notification
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

GRANT SELECT ON site_calm, v_cause TO davy_alerting, davy_web;
GRANT SELECT ON storm TO davy_alerting, davy_web;
GRANT INSERT, UPDATE (ended_at, looked_at, alarms) ON storm TO davy_alerting;
GRANT SELECT, INSERT, UPDATE (last_at, worst, messages) ON message_group TO davy_alerting;
GRANT SELECT (held_by, storm_id, group_id, told_in) ON notification TO davy_web;
GRANT UPDATE (held_by, storm_id, group_id, told_in) ON notification TO davy_alerting;
GRANT USAGE ON SEQUENCE storm_storm_id_seq, message_group_group_id_seq TO davy_alerting;
