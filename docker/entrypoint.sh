#!/bin/sh
# Runs the command it is given. Where PGPASSWORD_FILE names a file, PGPASSWORD holds its first line: both PostgreSQL
# drivers read that, so that no password stands in a connection address, a command line or the compose file.
set -eu

if [ -n "${PGPASSWORD_FILE:-}" ]; then
    if [ ! -r "$PGPASSWORD_FILE" ]; then
        echo "error: PGPASSWORD_FILE names $PGPASSWORD_FILE, which user $(id -u) cannot read: see docker/README.md" >&2
        exit 2
    fi
    PGPASSWORD=$(head -n 1 "$PGPASSWORD_FILE")
    if [ -z "$PGPASSWORD" ]; then
        echo "error: $PGPASSWORD_FILE is empty: put a password on its first line" >&2
        exit 2
    fi
    export PGPASSWORD
    unset PGPASSWORD_FILE
fi

exec "$@"
