"""The shortest Flask application that streams."""

import time

from flask import Flask, Response

WORDS = ["Each", "word", "arrives", "when", "it", "is", "made."]
app = Flask(__name__)


@app.get("/")
def words():
    def pieces():
        for word in WORDS:
            yield word + "\n"
            time.sleep(0.25)

    return Response(pieces(), mimetype="text/plain")
