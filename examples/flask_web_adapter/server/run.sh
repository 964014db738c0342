#!/bin/sh
# Lambda Web Adapter starts this and waits for the port. PYTHONPATH leads to what README.md has you install.
cd "${0%/*}"
PYTHONPATH=packages exec python3 -m waitress --listen="127.0.0.1:${PORT:-8080}" main:app
