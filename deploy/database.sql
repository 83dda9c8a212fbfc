-- Davy's five roles and its empty database, made by a superuser with psql; safe to repeat, and then passwords are set anew.
--     SECRETS=/etc/davy/secrets psql -v ON_ERROR_STOP=1 -f deploy/database.sql
-- $SECRETS is the folder that deploy/secrets.sh has filled. What each role may do comes with `davy migrate`, as the owner.

\set owner_password `cat "$SECRETS/database_owner"`
\set ingest_password `cat "$SECRETS/database_ingest"`
\set alerting_password `cat "$SECRETS/database_alerting"`
\set web_password `cat "$SECRETS/database_web"`
\set grafana_password `cat "$SECRETS/database_grafana"`

SELECT format('CREATE ROLE %I', wanted)
FROM unnest(ARRAY['davy_owner', 'davy_ingest', 'davy_alerting', 'davy_web', 'davy_grafana']) wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) \gexec

ALTER ROLE davy_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE davy_ingest LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'ingest_password';
ALTER ROLE davy_alerting LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'alerting_password';
ALTER ROLE davy_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'web_password';
-- Whoever may query Grafana writes SQL of their own: few connections, short statements, nothing written by mistake.
ALTER ROLE davy_grafana LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS CONNECTION LIMIT 10 PASSWORD :'grafana_password';
ALTER ROLE davy_grafana SET statement_timeout = '30s';
ALTER ROLE davy_grafana SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE davy_grafana SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE davy OWNER davy_owner TEMPLATE template0 ENCODING ''UTF8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'davy') \gexec
REVOKE ALL ON DATABASE davy FROM PUBLIC;
GRANT CONNECT ON DATABASE davy TO davy_owner, davy_ingest, davy_alerting, davy_web, davy_grafana;

\connect davy
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO davy_owner;
-- Only where the server has it; Davy runs on a plain PostgreSQL too.
SELECT 'CREATE EXTENSION IF NOT EXISTS timescaledb'
WHERE EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') \gexec
