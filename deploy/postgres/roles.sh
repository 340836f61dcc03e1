#!/usr/bin/env bash
# Makes the portal's roles and its database when the server starts for the first time.
set -euo pipefail
secrets=${SECRETS_DIR:-/run/secrets}
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set owner="$(<"$secrets/gfo_owner_password")" --set app="$(<"$secrets/gfo_app_password")" \
  --set auditor="$(<"$secrets/gfo_auditor_password")" <<'SQL'
create role gfo_owner login password :'owner';
create role gfo_app login password :'app';
create role gfo_auditor login password :'auditor';
create database gfo owner gfo_owner encoding 'UTF8' template template0;
revoke all on database gfo from public;
grant connect, temporary on database gfo to gfo_app;
grant connect on database gfo to gfo_auditor;
SQL
