-- Who is asking. The wall of design section 9: a signed, expiring token that every policy verifies.
-- Token: davy1.<base64url of a JSON object>.<64 hex digits of HMAC-SHA256 over the first two parts>, see core/principal.py.

CREATE TABLE principal_key (
    key_id      int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    inner_pad   bytea NOT NULL CHECK (length(inner_pad) = 64),
    outer_pad   bytea NOT NULL CHECK (length(outer_pad) = 64),
    valid_from  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE principal_key IS 'HMAC key, already xored with the pads of RFC 2104; readable by its owner only';
REVOKE ALL ON principal_key FROM PUBLIC;

CREATE TYPE principal AS (
    person_id  int,
    role       text,
    everything boolean,
    companies  int[],
    login      text
);

-- Verifies davy.principal of this session. Wrong, missing or expired: NULL, and every policy then shows nothing.
-- pg_temp stands last in the path: else a temporary table of the same name would stand in for the key.
CREATE FUNCTION davy_principal() RETURNS principal
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    token   text := current_setting('davy.principal', true);
    body    bytea;
    claim   jsonb;
    answer  principal;
BEGIN
    -- Grafana cannot sign anything, and its editors write SQL of their own. So its roles carry no token and heed none: what each
    -- may see is written in grafana_scope, by the owner alone. The session's role was proved by its password; SET ROLE does
    -- not change it.
    IF session_user LIKE 'davy\_grafana%' THEN
        SELECT CASE WHEN bool_and(s.audience = 'client') THEN 'grafana' ELSE 'grafana_insurer' END, false, array_agg(s.company_id)
        INTO answer.role, answer.everything, answer.companies
        FROM public.grafana_scope s WHERE s.login_role = session_user AND s.expires_at > clock_timestamp();
        RETURN CASE WHEN answer.companies IS NOT NULL THEN answer END;
    END IF;
    IF token IS NULL OR token = '' OR split_part(token, '.', 1) <> 'davy1' OR split_part(token, '.', 4) <> '' THEN
        RETURN NULL;
    END IF;
    -- Every wall of every statement comes by here, some twenty times a page: what can be said without a query of its own is.
    body := convert_to(split_part(token, '.', 1) || '.' || split_part(token, '.', 2), 'UTF8');
    IF NOT EXISTS (
        SELECT FROM public.principal_key k
        WHERE encode(sha256(k.outer_pad || sha256(k.inner_pad || body)), 'hex') = split_part(token, '.', 3)
    ) THEN
        RETURN NULL;
    END IF;
    -- Signed by us, so well-formed: padded base64url of JSON.
    claim := convert_from(decode(translate(split_part(token, '.', 2), '-_', '+/'), 'base64'), 'UTF8')::jsonb;
    IF (claim->>'expires')::double precision <= extract(epoch FROM clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    answer.person_id  := (claim->>'person')::int;
    answer.role       := claim->>'role';
    answer.everything := coalesce((claim->>'everything')::boolean, false);
    answer.companies  := coalesce(translate(claim->>'companies', '[]', '{}')::int[], '{}');
    answer.login      := claim->>'login';
    RETURN answer;
END
$$;

-- Bodies that are bound when they are made: no search path leads them to another davy_principal().
CREATE FUNCTION davy_companies() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (davy_principal()).companies;
CREATE FUNCTION davy_everything() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((davy_principal()).everything, false);
CREATE FUNCTION davy_person() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (davy_principal()).person_id;
CREATE FUNCTION davy_role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (davy_principal()).role;
CREATE FUNCTION davy_login() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (davy_principal()).login;

-- Puts the wall around one table that has a company_id: the owner sees all, everybody else what the token names. The company is asked
-- for first: who sees a few companies then meets rows of theirs alone, as a rule, and the token is verified once instead of twice.
CREATE PROCEDURE davy_wall(tbl regclass, condition text DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
    condition := coalesce(condition, '(company_id = ANY ((SELECT davy_companies())::int[]) OR (SELECT davy_everything()))');
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
    EXECUTE format('CREATE POLICY owner_sees_all ON %s TO davy_owner USING (true) WITH CHECK (true)', tbl);
    EXECUTE format('CREATE POLICY by_token ON %s TO davy_ingest, davy_alerting, davy_web, davy_grafana USING (%s) WITH CHECK (%s)', tbl, condition, condition);
END
$$;
REVOKE ALL ON PROCEDURE davy_wall(regclass, text) FROM PUBLIC;
