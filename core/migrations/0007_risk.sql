-- Hazards until they are put right (隐患), and protection that is out of service. Owner: risk.
-- Words and states: reference to the Safety Production Law's closed loop 排查-登记-分级-治理(五落实)-验收-销号; AQ 9010.

-- What names a place names its company (site: 0002), and a zone or sensor its site: a row of one company cannot count against another's site.
ALTER TABLE zone ADD UNIQUE (zone_id, site_id);
ALTER TABLE sensor ADD UNIQUE (sensor_id, site_id);

CREATE TABLE finding (
    finding_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    zone_id     int,
    source      text NOT NULL CHECK (source IN ('person', 'occurrence', 'silent_detector')),
    occurrence_id bigint,                      -- what it was opened from
    sensor_id   int,                           -- the mandatory detector that is silent
    title       text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    title_zh    text CHECK (length(title_zh) BETWEEN 1 AND 200),   -- where Davy wrote the title; a person writes one, in their language
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
    grade       text NOT NULL CHECK (grade IN ('general', 'major')),   -- 一般隐患, 重大隐患
    graded_by   int REFERENCES person,         -- null: suspected, until a named person has graded it
    state       text NOT NULL DEFAULT 'reported' CHECK (state IN ('reported', 'rectifying', 'claimed_done', 'closed')),
    reported_at timestamptz NOT NULL,
    reported_by int REFERENCES person,         -- null: Davy itself
    -- 五落实: who, what, with what money, by when, and what if it goes wrong meanwhile. All before it leaves `reported`.
    owner_id    int REFERENCES person,         -- 责任人
    measures    text NOT NULL DEFAULT '' CHECK (length(measures) <= 4000),      -- 措施
    funds       text NOT NULL DEFAULT '' CHECK (length(funds) <= 500),          -- 资金
    due_at      timestamptz,                   -- 时限
    contingency text NOT NULL DEFAULT '' CHECK (length(contingency) <= 4000),   -- 预案, with interim controls
    claimed_at  timestamptz,                   -- of the claim that waits or was verified; the events keep the others
    claimed_by  int REFERENCES person,
    closed_at   timestamptz,
    verified_by int REFERENCES person,
    reopened    int NOT NULL DEFAULT 0,        -- how often verification or a later look sent it back
    simulated   boolean NOT NULL DEFAULT false, -- made by the demo's history: marked wherever it is shown
    UNIQUE (company_id, finding_id),
    CHECK (state = 'reported' OR (graded_by IS NOT NULL AND owner_id IS NOT NULL AND due_at IS NOT NULL
                                  AND measures <> '' AND funds <> '' AND contingency <> '')),
    CHECK ((state IN ('claimed_done', 'closed')) = (claimed_at IS NOT NULL) AND (claimed_at IS NULL) = (claimed_by IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (verified_by IS NULL)),
    CHECK (verified_by IS NULL OR verified_by <> owner_id AND verified_by <> claimed_by),   -- another person looks
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (zone_id, site_id) REFERENCES zone (zone_id, site_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('finding');
CREATE INDEX finding_not_closed ON finding (company_id, site_id) WHERE state <> 'closed';
CREATE INDEX finding_by_occurrence ON finding (occurrence_id) WHERE occurrence_id IS NOT NULL;
-- A silent detector opens one suspected finding, not one an hour.
CREATE UNIQUE INDEX one_open_finding_of_a_silence ON finding (sensor_id) WHERE source = 'silent_detector' AND state <> 'closed';

CREATE TABLE finding_event (                   -- append-only: what happened to a finding, who did it, in their words
    event_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    finding_id  bigint NOT NULL,
    at          timestamptz NOT NULL,
    person_id   int REFERENCES person,         -- null: Davy itself
    event       text NOT NULL CHECK (event IN ('reported', 'graded', 'assigned', 'extended', 'claimed_done', 'verified', 'sent_back', 'reopened', 'noted', 'photo_added')),
    from_state  text,
    to_state    text NOT NULL,
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    old         jsonb,                         -- what was changed, as it was
    new         jsonb,
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id)
);
-- People's names and words: they stay with the client.
CALL davy_wall('finding_event', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX finding_event_by_finding ON finding_event (finding_id, event_id);

-- When a finding went from which state to which, and its deadline and grade with it: for scores, reports and the insurer's
-- people, without persons and words. What it was on a past day is read here, never from what `finding` says today.
CREATE VIEW v_finding_step WITH (security_barrier) AS
    SELECT event_id, company_id, finding_id, at, event, from_state, to_state,
           CASE WHEN event IN ('assigned', 'extended', 'reopened') THEN (new ->> 'due_at')::timestamptz END AS due_at,
           CASE WHEN event IN ('assigned', 'extended', 'reopened') THEN (old ->> 'due_at')::timestamptz END AS due_was,
           CASE WHEN event IN ('reported', 'graded') THEN new ->> 'grade' END AS grade,
           CASE WHEN event IN ('reported', 'graded') THEN old ->> 'grade' END AS grade_was
    FROM finding_event
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

CREATE TABLE finding_photo (
    photo_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    finding_id  bigint NOT NULL,
    at          timestamptz NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    shows       text NOT NULL CHECK (shows IN ('before', 'after')),
    width       int NOT NULL,
    height      int NOT NULL,
    jpeg        bytea NOT NULL CHECK (length(jpeg) <= 2000000),   -- re-encoded by us: no metadata, no place, no surprises
    sha256      bytea NOT NULL,                -- of the jpeg
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id)
);
-- Photos may show people: they stay with the client.
CALL davy_wall('finding_photo', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX finding_photo_by_finding ON finding_photo (finding_id, photo_id);

CREATE TABLE impairment (                      -- a protection out of service: the clock runs until proof of restoring
    impairment_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    zone_id     int,
    sensor_id   int,                           -- a detector bypass names the detector
    kind        text NOT NULL CHECK (kind IN ('sprinkler_valve', 'fire_pump', 'fire_panel', 'detector_bypass', 'gas_suppression', 'other')),
    what        text NOT NULL CHECK (length(what) BETWEEN 1 AND 200),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    interim_measures text NOT NULL CHECK (length(interim_measures) BETWEEN 1 AND 4000),
    began_at    timestamptz NOT NULL,
    expected_until timestamptz NOT NULL CHECK (expected_until > began_at),
    reported_at timestamptz NOT NULL,
    reported_by int NOT NULL REFERENCES person,
    restored_at timestamptz CHECK (restored_at >= began_at),
    restored_by int REFERENCES person,
    restore_proof text CHECK (length(restore_proof) BETWEEN 1 AND 4000),   -- what was tested, with what result
    simulated   boolean NOT NULL DEFAULT false,
    UNIQUE (company_id, impairment_id),
    CHECK ((restored_at IS NULL) = (restored_by IS NULL) AND (restored_at IS NULL) = (restore_proof IS NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (zone_id, site_id) REFERENCES zone (zone_id, site_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id),
    FOREIGN KEY (sensor_id, site_id) REFERENCES sensor (sensor_id, site_id),
    CHECK ((kind = 'detector_bypass') = (sensor_id IS NOT NULL))
);
CALL davy_wall('impairment');
CREATE INDEX impairment_open ON impairment (company_id, site_id) WHERE restored_at IS NULL;

-- The insurer's people look on; the client's people act in their own name. Davy itself opens what it found, and no more.
CREATE POLICY onlookers_add_nothing ON finding AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND reported_by = (SELECT davy_person())
        AND source IN ('person', 'occurrence') AND state = 'reported' AND graded_by IS NULL AND owner_id IS NULL AND NOT simulated);
CREATE POLICY onlookers_change_nothing ON finding AS RESTRICTIVE FOR UPDATE TO davy_web USING ((SELECT davy_role()) IN ('safety_officer', 'integrator'));
CREATE POLICY of_its_own_finding ON finding AS RESTRICTIVE FOR INSERT TO davy_alerting
    WITH CHECK (source = 'silent_detector' AND reported_by IS NULL AND state = 'reported' AND graded_by IS NULL AND NOT simulated);
CREATE POLICY in_ones_own_name ON finding_event AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()));
CREATE POLICY by_nobody ON finding_event AS RESTRICTIVE FOR INSERT TO davy_alerting WITH CHECK (person_id IS NULL);
CREATE POLICY in_ones_own_name ON finding_photo AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()));
CREATE POLICY in_ones_own_name ON impairment AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND reported_by = (SELECT davy_person())
        AND restored_at IS NULL AND NOT simulated);
-- What is restored is over: a new impairment is a new row.
CREATE POLICY onlookers_change_nothing ON impairment AS RESTRICTIVE FOR UPDATE TO davy_web
    USING ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND restored_at IS NULL)
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND (restored_by IS NULL OR restored_by = (SELECT davy_person())));

-- What a policy cannot say, since it does not see the row as it was: who may change what of a finding. The rules are
-- risk/finding.py's; this holds where a statement is smuggled past them.
CREATE FUNCTION davy_finding_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE me int := davy_person();
BEGIN
    IF current_user <> 'davy_web' THEN
        RETURN NEW;
    END IF;
    IF (NEW.graded_by IS DISTINCT FROM OLD.graded_by OR NEW.grade <> OLD.grade) AND NEW.graded_by IS DISTINCT FROM me
        OR NEW.claimed_by IS DISTINCT FROM OLD.claimed_by AND NEW.claimed_by <> me
        OR NEW.verified_by IS DISTINCT FROM OLD.verified_by AND NEW.verified_by <> me THEN
        RAISE insufficient_privilege USING MESSAGE = 'a finding is graded, claimed and verified in one''s own name';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
        (('reported', 'rectifying'), ('rectifying', 'claimed_done'), ('claimed_done', 'closed'), ('claimed_done', 'rectifying'), ('closed', 'rectifying')) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a finding does not go from ' || OLD.state || ' to ' || NEW.state;
    END IF;
    IF OLD.state IN ('claimed_done', 'closed') AND NEW.state <> 'rectifying'
        AND (NEW.owner_id IS DISTINCT FROM OLD.owner_id OR NEW.claimed_by IS DISTINCT FROM OLD.claimed_by) THEN
        RAISE insufficient_privilege USING MESSAGE = 'owner and claimer stay while a claim waits or is verified';
    END IF;
    IF NEW.state = OLD.state AND NEW.due_at > OLD.due_at AND OLD.owner_id = me THEN
        RAISE insufficient_privilege USING MESSAGE = 'an owner does not put off their own deadline';
    END IF;
    IF NEW.owner_id <> OLD.owner_id AND OLD.owner_id = me THEN
        RAISE insufficient_privilege USING MESSAGE = 'an owner does not hand a finding over alone';
    END IF;
    IF NEW.owner_id IS DISTINCT FROM OLD.owner_id
        AND NOT EXISTS (SELECT FROM person p WHERE p.person_id = NEW.owner_id AND p.company_id = NEW.company_id AND p.active) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the owner of a finding is one of the company''s own people';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_finding_changes FROM PUBLIC;
CREATE TRIGGER finding_changes BEFORE UPDATE ON finding FOR EACH ROW EXECUTE FUNCTION davy_finding_changes();

GRANT SELECT ON finding, impairment, v_finding_step TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON finding_event TO davy_alerting, davy_web;
GRANT INSERT ON finding, finding_event TO davy_alerting, davy_web;
GRANT SELECT, INSERT ON finding_photo TO davy_web;
GRANT INSERT ON impairment TO davy_web;
GRANT UPDATE (grade, graded_by, state, owner_id, measures, funds, due_at, contingency, claimed_at, claimed_by, closed_at, verified_by, reopened)
    ON finding TO davy_web;
GRANT UPDATE (expected_until, interim_measures, restored_at, restored_by, restore_proof) ON impairment TO davy_web;
GRANT USAGE ON SEQUENCE finding_finding_id_seq, finding_event_event_id_seq TO davy_alerting, davy_web;
GRANT USAGE ON SEQUENCE finding_photo_photo_id_seq, impairment_impairment_id_seq TO davy_web;
