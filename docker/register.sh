#!/bin/sh
# Makes the work pool, the automation and the deployments with their schedules, where they are not there yet, and then
# becomes the command it is given. Safe to run at every start: what is there already is left or renewed.
set -eu

folder=${TRIAD_DEPLOYMENT:-/opt/triad/deployment}

prefect work-pool inspect triad > /dev/null 2>&1 || prefect work-pool create triad --type process
prefect automation inspect "end zombie flow runs" > /dev/null 2>&1 \
    || prefect automation create --from-file "$folder/automations.yaml"
prefect --no-prompt deploy --all --prefect-file "$folder/prefect.yaml"

exec "$@"
