-- Logging in, and what the insurer's people may see of readings. Owner: api.
-- web_login and web_session are seen only under a principal that api has signed for exactly this login or person.

CREATE TABLE web_login (
    login       text PRIMARY KEY,
    person_id   int NOT NULL UNIQUE REFERENCES person,
    password_hash text NOT NULL,               -- argon2id
    changed_at  timestamptz NOT NULL
);
CALL davy_wall('web_login', '(login = (SELECT davy_login()))');

CREATE TABLE web_session (
    session_hash bytea PRIMARY KEY,            -- sha256 of the cookie's random part
    person_id   int NOT NULL REFERENCES person,
    created_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CALL davy_wall('web_session', '(person_id = (SELECT davy_person()))');

-- What was sent and has made something, so that the same sent twice makes one thing (api/once.py). Forgotten after a day.
CREATE TABLE web_once (
    person_id   int NOT NULL REFERENCES person,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    content     bytea NOT NULL,                -- sha256 of what was asked for: a form filled in anew asks for another thing
    made        bigint NOT NULL,               -- id of what it made
    at          timestamptz NOT NULL,
    PRIMARY KEY (person_id, key, content)
);
CALL davy_wall('web_once', '((SELECT davy_everything()) OR person_id = (SELECT davy_person()))');
CREATE POLICY in_ones_own_name ON web_once AS RESTRICTIVE FOR ALL TO davy_web
    USING (person_id = (SELECT davy_person())) WITH CHECK (person_id = (SELECT davy_person()));
CREATE INDEX web_once_by_time ON web_once (at);

-- The insurer's people see the curve of an occurrence only once it is resolved or the client has shared it, and only its
-- window, of a difference both its sensors'; what retention has dropped is read where it was kept. Whoever reads it is journalled, for the client to see (api/store/occurrences.py).
CREATE VIEW v_evidence WITH (security_barrier) AS
    SELECT o.occurrence_id, of.sensor_id, r.measured_at, r.value, r.quality
    FROM occurrence o JOIN alarm_definition d ON d.definition_id = o.definition_id CROSS JOIN LATERAL (
        SELECT o.sensor_id UNION ALL SELECT d.other_sensor_id WHERE d.other_sensor_id IS NOT NULL
    ) of CROSS JOIN LATERAL (
        SELECT r.measured_at, r.value, r.quality FROM reading r
        WHERE r.sensor_id = of.sensor_id AND r.measured_at >= o.evidence_from
          AND r.measured_at <= coalesce(o.evidence_until, o.resolved_at, 'infinity')
        UNION
        SELECT e.measured_at, e.value, e.quality FROM evidence_reading e
        WHERE e.sensor_id = of.sensor_id AND e.measured_at >= o.evidence_from
          AND e.measured_at <= coalesce(o.evidence_until, o.resolved_at, 'infinity')
    ) r
    WHERE o.company_id = ANY ((SELECT davy_companies())::int[])
      AND (o.resolved_at IS NOT NULL OR o.shared);

GRANT SELECT ON web_login TO davy_web;
GRANT SELECT, INSERT, UPDATE ON web_session TO davy_web;
GRANT SELECT, INSERT ON web_once TO davy_web;
GRANT SELECT, DELETE ON web_once TO davy_alerting;
GRANT SELECT ON v_evidence TO davy_web;
