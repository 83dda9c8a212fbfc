-- Alarms that call nobody although they live: by rule while the plant is in a state, by order for a time. Owner: alerting.
-- What is in force is a question of instants: it begins and ends by itself, and nothing here marks that it did.

CREATE TABLE suppression_rule (                -- while its parent's condition holds, its alarms call nobody (ISA-18.2: suppressed by design)
    rule_id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    key         text NOT NULL,
    title       text NOT NULL,
    title_zh    text NOT NULL,
    parent_id   int NOT NULL,                  -- an alarm, or a state of the plant (alarm_definition.role)
    longest_s   double precision NOT NULL CHECK (longest_s > 0),  -- after so long it ends although the parent holds: a contact may be stuck
    active_since timestamptz,                  -- from when the parent holds, as ingest says in its batch's transaction; null: it does not
    quiet_since timestamptz,                   -- from when it does not; null: it holds, or has not held yet
    episode_since timestamptz,                 -- longest_s counts from here: a parent that comes and goes begins nothing anew (alerting/episode.py)
    retired_at  timestamptz,
    UNIQUE (site_id, key),
    UNIQUE (rule_id, company_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (parent_id, company_id) REFERENCES alarm_definition (definition_id, company_id)
);
CALL davy_wall('suppression_rule');
CREATE INDEX suppression_rule_by_parent ON suppression_rule (parent_id);

CREATE TABLE suppression_rule_alarm (          -- whom a rule silences
    rule_id     int NOT NULL,
    company_id  int NOT NULL,
    definition_id int NOT NULL,
    PRIMARY KEY (rule_id, definition_id),
    FOREIGN KEY (rule_id, company_id) REFERENCES suppression_rule (rule_id, company_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id)
);
CALL davy_wall('suppression_rule_alarm');
CREATE INDEX suppression_rule_alarm_by_definition ON suppression_rule_alarm (definition_id);

CREATE TABLE suppression_order (               -- what a person writes down before it begins: a window, a permit, out of service. Append-only
    order_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('maintenance', 'shutdown', 'hot_work', 'confined_space', 'drill', 'out_of_service')),
    begins_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,          -- never without: it ends by itself
    number      text NOT NULL CHECK (length(number) BETWEEN 1 AND 100),         -- of the permit or work order
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    signed_by   text NOT NULL CHECK (length(signed_by) BETWEEN 1 AND 200),      -- who has authorised it, as the permit or work order says
    recorded_at timestamptz NOT NULL,
    requested_by int NOT NULL REFERENCES person,
    UNIQUE (order_id, company_id),
    UNIQUE (order_id, site_id),
    CHECK (ends_at > begins_at AND ends_at <= begins_at + interval '31 days'),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('suppression_order');
CREATE INDEX suppression_order_by_end ON suppression_order (ends_at);
CREATE INDEX suppression_order_by_site ON suppression_order (site_id, begins_at);

ALTER TABLE asset ADD UNIQUE (asset_id, zone_id);
ALTER TABLE alarm_definition ADD UNIQUE (definition_id, site_id);

CREATE TABLE suppression_scope (               -- where an order holds: a zone, a machine, single alarms; a row without any: the whole site
    order_id    bigint NOT NULL,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    zone_id     int,
    asset_id    int,
    definition_id int,
    CHECK (num_nonnulls(zone_id, definition_id) <= 1 AND (asset_id IS NULL OR zone_id IS NOT NULL)),
    FOREIGN KEY (order_id, company_id) REFERENCES suppression_order (order_id, company_id),
    FOREIGN KEY (order_id, site_id) REFERENCES suppression_order (order_id, site_id),
    FOREIGN KEY (zone_id, site_id) REFERENCES zone (zone_id, site_id),
    FOREIGN KEY (asset_id, zone_id) REFERENCES asset (asset_id, zone_id),
    FOREIGN KEY (definition_id, site_id) REFERENCES alarm_definition (definition_id, site_id)
);
CALL davy_wall('suppression_scope');
CREATE INDEX suppression_scope_by_order ON suppression_scope (order_id);

CREATE TABLE suppression_step (                -- what became of an order: a second person agreed or refused; somebody ended it early
    order_id    bigint NOT NULL,
    company_id  int NOT NULL,
    step        text NOT NULL CHECK (step IN ('authorised', 'refused', 'ended')),
    at          timestamptz NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
    PRIMARY KEY (order_id, step),
    FOREIGN KEY (order_id, company_id) REFERENCES suppression_order (order_id, company_id)
);
CALL davy_wall('suppression_step');

-- Web acts in the token's person's name, now, and for what is to come; what is written stays as it is. Nobody agrees to what
-- they have asked for themselves, nobody closes the permit that they have opened (alerting/orders.py, check_closing), and the
-- insurer's people suppress nothing. Only what asks for alarms out of service can be answered: a refused permit would guard nobody.
CREATE POLICY in_ones_own_name ON suppression_order AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND requested_by = (SELECT davy_person())
        AND davy_just_now(recorded_at) AND begins_at >= recorded_at - interval '5 minutes');
CREATE POLICY of_ones_own_order ON suppression_scope AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (EXISTS (SELECT FROM suppression_order o WHERE o.order_id = suppression_scope.order_id
        AND o.requested_by = (SELECT davy_person()) AND davy_just_now(o.recorded_at)
        AND NOT EXISTS (SELECT FROM suppression_step s WHERE s.order_id = o.order_id)));
CREATE POLICY by_another_person ON suppression_step AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()) AND davy_just_now(at)
        AND EXISTS (SELECT FROM suppression_order o WHERE o.order_id = suppression_step.order_id AND CASE
            WHEN step <> 'ended' THEN o.kind = 'out_of_service' AND o.requested_by <> (SELECT davy_person())
                AND (SELECT davy_role()) = 'safety_officer'
            WHEN o.kind IN ('hot_work', 'confined_space') AND o.begins_at <= at + interval '5 minutes' THEN btrim(note) <> ''
                AND o.requested_by <> (SELECT davy_person()) AND ((SELECT davy_role()) = 'safety_officer' OR EXISTS (
                    SELECT FROM person p WHERE p.person_id = o.requested_by AND p.role = 'safety_officer'))
            ELSE true END));

-- An order as pages, scores and the insurer read it: from when until when it holds, and who was asked. Numbers, names and words of
-- the client's people stay with the client; that it is, of which kind and for how long, does not.
CREATE VIEW v_suppression_order WITH (security_barrier) AS
    SELECT o.order_id, o.company_id, o.site_id, o.kind, o.begins_at, o.ends_at, least(o.ends_at, e.at) AS over_at, o.recorded_at,
           CASE WHEN own.own THEN o.number END AS number, CASE WHEN own.own THEN o.reason END AS reason,
           CASE WHEN own.own THEN o.signed_by END AS signed_by, o.requested_by,
           a.at AS authorised_at, a.person_id AS authorised_by, r.at AS refused_at, r.person_id AS refused_by,
           CASE WHEN own.own THEN r.note END AS refusal, e.at AS ended_at, e.person_id AS ended_by,
           CASE WHEN own.own THEN e.note END AS end_note
    FROM suppression_order o
    LEFT JOIN suppression_step a ON a.order_id = o.order_id AND a.step = 'authorised'
    LEFT JOIN suppression_step r ON r.order_id = o.order_id AND r.step = 'refused'
    LEFT JOIN suppression_step e ON e.order_id = o.order_id AND e.step = 'ended'
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) own
    WHERE (SELECT davy_everything()) OR o.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

GRANT SELECT ON suppression_rule, suppression_rule_alarm, suppression_order, suppression_scope, suppression_step TO davy_ingest, davy_alerting;
GRANT UPDATE (active_since, quiet_since, episode_since) ON suppression_rule TO davy_ingest, davy_alerting;
GRANT SELECT ON suppression_rule, suppression_rule_alarm, suppression_scope TO davy_web;
GRANT SELECT (order_id, company_id, site_id, kind, begins_at, ends_at, recorded_at, requested_by) ON suppression_order TO davy_web;
GRANT SELECT (order_id, company_id, step, at, person_id) ON suppression_step TO davy_web;
GRANT INSERT ON suppression_order, suppression_scope, suppression_step TO davy_web;
GRANT USAGE ON SEQUENCE suppression_order_order_id_seq TO davy_web;
GRANT SELECT ON v_suppression_order TO davy_alerting, davy_web;
