-- A limit is tried on the site's own history before it is changed: who asked, what would change, and what came of it. Owner: alerting.

CREATE TABLE backtest (
    backtest_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    definition_key text NOT NULL CHECK (length(definition_key) BETWEEN 1 AND 200), -- of one limit, or a pattern of several
    proposed    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(proposed) = 'object' AND length(proposed::text) <= 4000), -- fields that would change
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    asked_by    int REFERENCES person,         -- null: the operator, at the command line
    asked_at    timestamptz NOT NULL,
    definition_version int,                    -- what was in force when it was judged; null before, and where several are
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    progress    real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    attempt     int NOT NULL DEFAULT 0,        -- how often it was begun: a kill begins it anew
    lease_until timestamptz,                   -- running: whose it is until then
    finished_at timestamptz,
    result      jsonb,                         -- docs/reference/backtest.md; null until done
    problem     text,                          -- failed: the sentence why
    CHECK (from_at < to_at),
    CHECK ((state = 'done') = (result IS NOT NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CREATE INDEX backtest_open ON backtest (asked_at) WHERE state IN ('waiting', 'running');
CREATE INDEX backtest_by_definition ON backtest (site_id, definition_key, backtest_id);
-- Who asks while the same is asked for already asks for nothing new.
CREATE UNIQUE INDEX one_backtest_at_a_time ON backtest (site_id, definition_key, md5(proposed::text), from_at, to_at)
    WHERE state IN ('waiting', 'running');
-- What it says is when values passed a limit, so it is the client's alone: the insurer learns of a change when it is made.
CALL davy_wall('backtest', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
-- A result is a proof that lets a limit be changed: pages ask for one, and can write none.
CREATE POLICY in_ones_own_name ON backtest AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND asked_by = (SELECT davy_person())
        AND asked_at BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute'
        AND state = 'waiting' AND progress = 0 AND attempt = 0 AND lease_until IS NULL AND result IS NULL AND problem IS NULL
        AND definition_version IS NULL AND finished_at IS NULL);
CREATE POLICY called_off_by_who_asked ON backtest AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (asked_by = (SELECT davy_person()) AND state IN ('waiting', 'running')) WITH CHECK (state = 'cancelled');

GRANT SELECT, INSERT ON backtest TO davy_web;
GRANT UPDATE (state, finished_at) ON backtest TO davy_web;
GRANT SELECT, UPDATE (definition_version, state, progress, attempt, lease_until, finished_at, result, problem) ON backtest TO davy_alerting;
GRANT USAGE ON SEQUENCE backtest_backtest_id_seq TO davy_web;
