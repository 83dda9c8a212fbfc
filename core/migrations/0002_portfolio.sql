-- The words of design section 2: company, policy, site, zone, asset, device, sensor, person. Owner: core.

CREATE TABLE company (
    company_id  int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key         text NOT NULL UNIQUE,
    name        text NOT NULL,
    name_zh     text NOT NULL
);
CALL davy_wall('company');

CREATE TABLE policy (
    policy_id   int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    number      text NOT NULL UNIQUE,
    begins_on   date NOT NULL,
    ends_on     date NOT NULL CHECK (ends_on > begins_on),
    premium     numeric NOT NULL,
    sum_insured numeric NOT NULL,
    currency    text NOT NULL
);
CALL davy_wall('policy');

CREATE TABLE site (
    site_id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    key         text NOT NULL UNIQUE,          -- the id in the topic
    name        text NOT NULL,
    name_zh     text NOT NULL,
    time_zone   text NOT NULL,
    jurisdiction text NOT NULL DEFAULT 'CN',
    UNIQUE (site_id, company_id)
);
CALL davy_wall('site');

CREATE TABLE policy_site (
    policy_id   int NOT NULL REFERENCES policy,
    site_id     int NOT NULL REFERENCES site,
    company_id  int NOT NULL REFERENCES company,
    PRIMARY KEY (policy_id, site_id)
);
CALL davy_wall('policy_site');

CREATE TABLE zone (
    zone_id     int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    key         text NOT NULL,
    name        text NOT NULL,
    name_zh     text NOT NULL,
    UNIQUE (site_id, key)
);
CALL davy_wall('zone');

CREATE TABLE asset (
    asset_id    int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    zone_id     int NOT NULL REFERENCES zone,
    key         text NOT NULL,
    kind        text NOT NULL,
    name        text NOT NULL,
    name_zh     text NOT NULL,
    UNIQUE (zone_id, key)
);
CALL davy_wall('asset');

CREATE TABLE device (
    device_id   int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    key         text NOT NULL UNIQUE,          -- the id in the topic and the broker's user name
    kind        text NOT NULL,
    gateway_id  int REFERENCES device,
    credential_set_at timestamptz,             -- the secret itself is the broker's, never ours
    retired_at  timestamptz
);
CALL davy_wall('device');

CREATE TABLE sensor (
    sensor_id   int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    zone_id     int REFERENCES zone,
    asset_id    int REFERENCES asset,
    device_id   int NOT NULL REFERENCES device,
    key         text NOT NULL,                 -- `s` on the wire
    name        text NOT NULL,
    name_zh     text NOT NULL,
    quantity    text NOT NULL,
    unit        text NOT NULL,                 -- UCUM code
    range_low   double precision,
    range_high  double precision,
    period_s    double precision NOT NULL DEFAULT 1 CHECK (period_s > 0),
    period_declared boolean NOT NULL DEFAULT true, -- false: nobody has said; 1 s is taken where a number is needed, silence learns its own
    mandatory   boolean NOT NULL DEFAULT false,
    states      jsonb,                         -- enumeration: wire text -> number
    is_virtual  boolean NOT NULL DEFAULT false,
    judged      boolean NOT NULL GENERATED ALWAYS AS (NOT (is_virtual AND key IN ('_exercise', '_delivery'))) STORED, -- false: no reading
                                               -- decides the alarms on it, Davy raises them itself (0024); no file, map or judge knows it
    calibrated_on date,                        -- when it was last held against a standard; null: nobody has said
    calibration_days int CHECK (calibration_days > 0), -- and is to be again after so many days
    valid_from  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz,
    UNIQUE (device_id, key),
    UNIQUE (sensor_id, company_id)             -- what names a sensor names its company with it
);
CALL davy_wall('sensor');

-- What could go wrong at a site, as its risk assessment declares it. A changed declaration is a new row, so that the hazard
-- of a past day can be worked out again from what was declared then.
CREATE TABLE hazard_scenario (
    scenario_id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    key         text NOT NULL,
    title       text NOT NULL,
    title_zh    text NOT NULL,
    likelihood  double precision NOT NULL CHECK (likelihood > 0),    -- L, E and C of the LEC method: core/lec.py
    exposure    double precision NOT NULL CHECK (exposure > 0),
    consequence double precision NOT NULL CHECK (consequence > 0),
    assessed_on date NOT NULL,
    source      text NOT NULL,                 -- the document that says so
    valid_from  timestamptz NOT NULL,
    ended_at    timestamptz,                   -- null: declared now
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('hazard_scenario');
CREATE UNIQUE INDEX one_declaration ON hazard_scenario (site_id, key) WHERE ended_at IS NULL;

CREATE TABLE person (
    person_id   int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int REFERENCES company,        -- null: the insurer's own people
    key         text NOT NULL UNIQUE,
    name        text NOT NULL,
    email       text,
    phone       text,
    language    text NOT NULL DEFAULT 'zh' CHECK (language IN ('zh', 'en')),
    role        text NOT NULL CHECK (role IN ('safety_officer', 'integrator', 'underwriter', 'risk_engineer', 'admin')),
    active      boolean NOT NULL DEFAULT true
);
-- People of the client see their own colleagues; the insurer's staff see no client's people; services see all.
CALL davy_wall('person', '((SELECT davy_everything()) OR person_id = (SELECT davy_person())
    OR ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') AND company_id = ANY ((SELECT davy_companies())::int[])))');

CREATE TABLE person_company (                  -- which companies an insurer's person looks after
    person_id   int NOT NULL REFERENCES person,
    company_id  int NOT NULL REFERENCES company,
    PRIMARY KEY (person_id, company_id)
);
CALL davy_wall('person_company', '((SELECT davy_everything()) OR person_id = (SELECT davy_person()))');

CREATE TABLE grafana_scope (                   -- what a Grafana may see: davy_principal() reads it, nobody else may
    login_role  text NOT NULL CHECK (login_role ~ '^davy_grafana(_[a-z0-9_]+)?$'),
    company_id  int NOT NULL REFERENCES company,
    audience    text NOT NULL CHECK (audience IN ('client', 'insurer')), -- insurer: no readings, as its people see none
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (login_role, company_id)
);
CALL davy_wall('grafana_scope');

CREATE TABLE journal (                         -- who changed what, why, and what it was before: append-only
    journal_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT now(),
    company_id  int REFERENCES company,
    person_id   int REFERENCES person,         -- null: the command line of the operator
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    old         jsonb,
    new         jsonb,
    reason      text NOT NULL
);
CALL davy_wall('journal');
CREATE POLICY in_ones_own_name ON journal AS RESTRICTIVE FOR INSERT TO davy_web WITH CHECK (person_id = (SELECT davy_person()));
-- What the portfolio was is read from here (a limit that comes back, a signal's range when a score was made): of that only the owner writes,
-- by an import or by one of its functions. People's own acts are the others.
CREATE POLICY not_of_the_portfolio ON journal AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (action IN ('impairment_restored', 'preference_changed') OR action !~ '_(added|changed|removed|restored|retired)$');
-- Why the client's people changed something is theirs; the insurer's people read of what was looked at, which they write.
CREATE POLICY onlookers_read_of_looks ON journal AS RESTRICTIVE FOR SELECT TO davy_web
    USING ((SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer') OR action IN ('looked', 'evidence_read'));
CREATE INDEX journal_by_subject ON journal (subject, at);

CREATE SEQUENCE definitions_version;           -- moves when sensors, definitions or routes change; NOTIFY davy_definitions

CREATE FUNCTION davy_definitions_changed() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE moved bigint := nextval('definitions_version');
BEGIN
    PERFORM pg_notify('davy_definitions', moved::text);
    RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION davy_definitions_changed FROM PUBLIC;

GRANT SELECT ON company, site, zone, asset, device, sensor TO davy_ingest, davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON hazard_scenario TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON policy, policy_site TO davy_alerting, davy_web;
GRANT SELECT ON person_company TO davy_ingest, davy_alerting, davy_web;
-- Not email and phone: who sends reads channel_address, nobody else needs to know.
GRANT SELECT (person_id, company_id, key, name, language, role, active) ON person TO davy_ingest, davy_alerting, davy_web;
GRANT SELECT, INSERT ON journal TO davy_web, davy_alerting, davy_ingest;
GRANT USAGE ON SEQUENCE journal_journal_id_seq TO davy_web, davy_alerting, davy_ingest;
GRANT SELECT ON SEQUENCE definitions_version TO davy_ingest, davy_alerting, davy_web;
