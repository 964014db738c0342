"""Measured Flask application: the same for both ways to run it."""

from flask import Flask, Response

app = Flask(__name__)
EVENT = b'data: {"token": "word"}\n\n'
PIECE = bytes(64 * 1024)


@app.get("/json")
def json():
    return {"hello": "world"}


@app.get("/one")
def one():
    return Response(iter([EVENT]), mimetype="text/event-stream")


@app.get("/events")
def events():
    return Response((EVENT for _ in range(10_000)), mimetype="text/event-stream")


@app.get("/large")
def large():
    return Response((PIECE for _ in range(1_600)), mimetype="application/octet-stream")
