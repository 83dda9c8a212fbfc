-- Proof of what happened to alarms, and what people add to an occurrence. Owner: alerting.

-- What only a person may do, no service does: nothing acknowledges, resets, resolves or shelves itself, by age or otherwise.
CREATE POLICY nothing_by_itself ON transition AS RESTRICTIVE FOR INSERT TO davy_ingest, davy_alerting
    WITH CHECK (event NOT IN ('acknowledge', 'reset', 'resolve', 'shelve', 'unshelve'));

-- Who of the client sees to an occurrence must be one of the client's people; that they were named is in the journal, and since when and
-- by whom stands beside it: they are told, unless it was they themselves.
ALTER TABLE occurrence ADD COLUMN assigned_at timestamptz, ADD COLUMN assigned_by int REFERENCES person;
CREATE INDEX occurrence_assigned ON occurrence (assigned_at) WHERE assigned_at IS NOT NULL AND resolved_at IS NULL;
CREATE FUNCTION davy_guard_assignee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.assignee_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM person p WHERE p.person_id = NEW.assignee_id AND p.company_id = NEW.company_id AND p.active) THEN
        RAISE EXCEPTION 'who sees to an occurrence is one of the company''s own people' USING ERRCODE = 'check_violation';
    END IF;
    NEW.assigned_at := CASE WHEN NEW.assignee_id IS NOT NULL THEN now() END;
    NEW.assigned_by := CASE WHEN NEW.assignee_id IS NOT NULL THEN davy_person() END;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_assignee BEFORE UPDATE OF assignee_id ON occurrence
    FOR EACH ROW WHEN (NEW.assignee_id IS DISTINCT FROM OLD.assignee_id) EXECUTE FUNCTION davy_guard_assignee();

CREATE TABLE insurer_acknowledgement (         -- somebody at the insurer has seen it: a record of its own, which changes no state
    company_id  int NOT NULL REFERENCES company,
    occurrence_id bigint NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    name        text NOT NULL,                 -- theirs then: the client may not see the insurer's people otherwise
    at          timestamptz NOT NULL,
    words       text CHECK (length(words) BETWEEN 1 AND 4000), -- null: seen, nothing to say
    PRIMARY KEY (occurrence_id, person_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
CALL davy_wall('insurer_acknowledgement');
CREATE POLICY in_ones_own_name ON insurer_acknowledgement AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND (SELECT davy_role()) IN ('underwriter', 'risk_engineer') AND davy_just_now(at)
        AND name = (SELECT p.name FROM person p WHERE p.person_id = (SELECT davy_person())));

CREATE TABLE occurrence_photo (
    photo_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    occurrence_id bigint NOT NULL,
    at          timestamptz NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    width       int NOT NULL,
    height      int NOT NULL,
    jpeg        bytea NOT NULL CHECK (length(jpeg) <= 2000000),   -- re-encoded by us, as those of findings (0007)
    sha256      bytea NOT NULL,                -- of the jpeg
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
-- Photos may show people: they stay with the client.
CALL davy_wall('occurrence_photo', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE POLICY in_ones_own_name ON occurrence_photo AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND davy_just_now(at));
CREATE INDEX occurrence_photo_by_occurrence ON occurrence_photo (occurrence_id, photo_id);

CREATE TABLE seal (                            -- every hour, signed, over the heads of all chains of a company (alerting/seal.py); append-only
    company_id  int NOT NULL REFERENCES company,
    number      int NOT NULL,                  -- 1, 2, 3 ... within the company
    sealed_at   timestamptz NOT NULL,
    alarms      int NOT NULL,                  -- how many alarms have a chain
    previous    bytea NOT NULL,                -- digest of the seal before it
    digest      bytea NOT NULL,                -- sha256 of what is signed
    public_key  bytea NOT NULL,                -- Ed25519, 32 bytes
    signature   bytea NOT NULL,
    PRIMARY KEY (company_id, number)
);
CALL davy_wall('seal');

CREATE TABLE seal_head (                       -- the heads that a seal covers and the one before it did not: those that have moved
    company_id  int NOT NULL REFERENCES company,
    number      int NOT NULL,                  -- of the seal
    definition_id int NOT NULL,
    sensor_id   int NOT NULL,
    transitions int NOT NULL,                  -- number of the alarm's last transition then
    chain       bytea NOT NULL,                -- its hash
    PRIMARY KEY (definition_id, sensor_id, transitions),
    FOREIGN KEY (company_id, number) REFERENCES seal (company_id, number)
);
CALL davy_wall('seal_head');
CREATE INDEX seal_head_by_seal ON seal_head (company_id, number);

GRANT SELECT, INSERT ON insurer_acknowledgement, occurrence_photo TO davy_web;
GRANT USAGE ON SEQUENCE occurrence_photo_photo_id_seq TO davy_web;
GRANT SELECT, INSERT ON seal, seal_head TO davy_alerting;
GRANT SELECT ON seal, seal_head TO davy_web;
