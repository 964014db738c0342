import json
from urllib.parse import parse_qs

from content import (
    BYTES_TYPE,
    COOKIES,
    DOCUMENT,
    EVENTS,
    EVENTS_TYPE,
    PIECES,
    TEXT_TYPE,
    Failure,
    broken_items,
    download,
    encoded_items,
    endless,
)


def app(environ, start_response):
    return ROUTES.get(environ["PATH_INFO"], missing)(environ, start_response)


def gate_of(environ):
    return parse_qs(environ["QUERY_STRING"]).get("gate", [None])[0]


def missing(environ, start_response):
    start_response("404 Not Found", [("content-type", TEXT_TYPE)])
    return []


def read_json(environ, start_response):
    body = json.dumps(DOCUMENT).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def text(environ, start_response):
    start_response("200 OK", [("content-type", TEXT_TYPE)])
    return encoded_items(PIECES, gate_of(environ))


def events(environ, start_response):
    write = start_response("200 OK", [("content-type", EVENTS_TYPE)])
    for event in encoded_items(EVENTS, gate_of(environ)):
        write(event)
    return []


def echo(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("content-type", environ["CONTENT_TYPE"])])
    return [body]


def read_download(environ, start_response):
    start_response("200 OK", [("content-type", BYTES_TYPE)])
    return download()


def read_endless(environ, start_response):
    start_response("200 OK", [("content-type", BYTES_TYPE)])
    return endless()


def redirect(environ, start_response):
    start_response("307 Temporary Redirect", [("location", "/json"), ("content-type", TEXT_TYPE)])
    return []


def cookies(environ, start_response):
    headers = [("set-cookie", f"{name}={value}; Path=/") for name, value in COOKIES]
    start_response("200 OK", [("content-type", TEXT_TYPE), *headers])
    return [environ["HTTP_COOKIE"].encode()]


def nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


def unchanged(environ, start_response):
    start_response("304 Not Modified", [("etag", '"1"')])
    return []


def empty(environ, start_response):
    start_response("200 OK", [("content-type", TEXT_TYPE)])
    return []


def fails(environ, start_response):
    raise Failure("before the first byte")


def breaks(environ, start_response):
    start_response("200 OK", [("content-type", TEXT_TYPE)])
    return (item.encode() for item in broken_items(gate_of(environ)))


ROUTES = {
    "/json": read_json,
    "/text": text,
    "/events": events,
    "/echo": echo,
    "/download": read_download,
    "/endless": read_endless,
    "/redirect": redirect,
    "/cookies": cookies,
    "/nothing": nothing,
    "/unchanged": unchanged,
    "/empty": empty,
    "/fails": fails,
    "/breaks": breaks,
}
