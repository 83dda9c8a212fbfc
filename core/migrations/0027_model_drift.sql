-- Whether a model that is in force still fits its machine. Owner: detectors.

CREATE TABLE model_drift (                     -- what the last look at each asset's version in force found; once a day
    asset_id    int PRIMARY KEY,
    company_id  int NOT NULL REFERENCES company,
    version     int NOT NULL,
    looked_at   timestamptz NOT NULL,
    drifted_since timestamptz,                 -- the look that first found it; null: it fits, as far as can be said
    found       jsonb NOT NULL,                -- {since, kinds: [{kind, state, windows, beyond, nominal, p}], members: [{member, ...}]}
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id)
);
CALL davy_wall('model_drift', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
GRANT SELECT, INSERT, UPDATE ON model_drift TO davy_alerting;
GRANT SELECT ON model_drift TO davy_web;
