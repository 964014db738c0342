"""A Flask application without code for Lambda."""

import time

from flask import Flask, Response

WORDS = ["Each", "word", "arrives", "when", "it", "is", "made."]
app = Flask(__name__)


@app.get("/")
def words():
    """Flask sends each piece when the generator yields it."""

    def pieces():
        for word in WORDS:
            yield word + "\n"
            time.sleep(0.25)

    return Response(pieces(), mimetype="text/plain")


@app.get("/health")
def health():
    return "ready\n"
