-- Addresses at which programs read without logging in: a person's calendar program, whoever takes alarms on by CAP. Owner: api.

CREATE TABLE feed (                            -- one address, in the name of who made it; it sees what they see
    feed_id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    person_id   int NOT NULL REFERENCES person,
    kind        text NOT NULL CHECK (kind IN ('own_duty', 'roster', 'cap')),
    company_id  int REFERENCES company,        -- of the roster or the site; null: the person's own duty, wherever it is
    roster_id   int,
    site_id     int,                           -- of alarms; null: all sites of the company
    made_at     timestamptz NOT NULL,
    read_at     timestamptz,                   -- when somebody last read it, to the minute
    revoked_at  timestamptz,
    CHECK ((kind = 'own_duty') = (company_id IS NULL)),
    CHECK ((kind = 'roster') = (roster_id IS NOT NULL)),
    CHECK (site_id IS NULL OR kind = 'cap'),
    CHECK (isfinite(made_at)),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('feed', '((SELECT davy_everything()) OR person_id = (SELECT davy_person()))');
CREATE INDEX feed_by_person ON feed (person_id) WHERE revoked_at IS NULL;
-- In one's own name, of what one may see; what is revoked stays so.
CREATE POLICY in_ones_own_name ON feed AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND davy_just_now(made_at) AND read_at IS NULL AND revoked_at IS NULL
        AND (company_id IS NULL OR (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[])));
CREATE POLICY while_it_stands ON feed AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (person_id = (SELECT davy_person()) AND revoked_at IS NULL) WITH CHECK (person_id = (SELECT davy_person()));
GRANT SELECT, INSERT ON feed TO davy_web;
GRANT UPDATE (read_at, revoked_at) ON feed TO davy_web;
