"""Answers each request with its environ and body, as JSON."""

import json


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    fields = {name: value for name, value in environ.items() if isinstance(value, (str, bool, tuple))}
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps({**fields, "body": body.decode("latin-1")}).encode()]
