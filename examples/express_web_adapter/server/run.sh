#!/bin/sh
# Lambda Web Adapter starts this and waits for the port.
cd "${0%/*}"
exec node server.mjs
