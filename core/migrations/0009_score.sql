-- How well a site is controlled, a day at a time: three numbers that are never made one. Owner: risk.

CREATE TABLE site_score (
    site_id     int NOT NULL,
    company_id  int NOT NULL,
    day         date NOT NULL,                 -- in the site's own time zone; the score stands as of its end
    formula     text NOT NULL,                 -- a file of packs/score; a day may have a row of each
    -- Each 0-100 with the ends of its interval. Hazard: the lower the better; control and confidence: the higher.
    hazard      double precision, hazard_low double precision, hazard_high double precision,  -- null: no scenario is declared
    control     double precision, control_low double precision, control_high double precision, -- null: see not_enough
    confidence  double precision, confidence_low double precision, confidence_high double precision, -- null: too few days, no sensors
    not_enough  text CHECK (not_enough IN ('too_few_days', 'low_coverage', 'no_sensors')), -- why control has no number
    coverage    double precision,              -- 0-1, readings received of those expected; null: none were expected
    parts       jsonb NOT NULL,                -- each driver: value, weight, points, sentence; and the figures of the portfolio
    computed_at timestamptz NOT NULL,
    simulated   boolean NOT NULL DEFAULT false, -- some of what it is worked out from was made by the demo's history
    PRIMARY KEY (site_id, day, formula),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    CHECK ((control IS NULL) = (not_enough IS NOT NULL))
);
CALL davy_wall('site_score');

GRANT SELECT, INSERT, UPDATE ON site_score TO davy_alerting;
GRANT SELECT ON site_score TO davy_web, davy_grafana;
