#!/bin/sh
# Run once by PostgreSQL's image, when its volume is empty: the registry has a database and a role of its own, which owns
# it and nothing else. The image reads this file into its own shell, where `psql` finds the server by itself.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-airflow}" --dbname postgres \
  --set password="$(cat "${SECRETS_FOLDER:-/run/secrets}/BAGFILL_DATABASE_PASSWORD")" <<'SQL'
CREATE ROLE bagfill LOGIN PASSWORD :'password';
CREATE DATABASE bagfill OWNER bagfill;
SQL
