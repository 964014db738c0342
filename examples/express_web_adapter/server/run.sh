#!/bin/sh
# Lambda Web Adapter starts this script and waits for the port.
cd "${0%/*}"
exec node server.mjs
