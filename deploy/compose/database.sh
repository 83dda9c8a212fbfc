#!/bin/sh
# Runs once, when the database container finds an empty volume: our settings, then Davy's roles and its database.
set -eu
echo "include '/etc/davy/postgresql.conf'" >>"$PGDATA/postgresql.conf"
psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres -f /etc/davy/database.sql
