"""Flask application that shows the resources of the process."""

from content import DOCUMENT, PIECES, items
from flask import Flask, Response
from resources import resources

app = Flask("life")


@app.get("/json")
def json():
    return DOCUMENT


@app.get("/text")
def text():
    return Response(items(PIECES, None), content_type="text/plain")


@app.get("/resources")
def read_resources():
    return resources()
