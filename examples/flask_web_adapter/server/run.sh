#!/bin/sh
# Lambda Web Adapter starts this script and waits for the port. The packages are beside it.
cd "${0%/*}"
exec python3 -m waitress --listen="127.0.0.1:${PORT:-8080}" main:app
