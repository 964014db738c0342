"""Flask application with files, a session, a request context in a stream and repeated headers."""

import asyncio
from pathlib import Path

import flask
from content import PIECES
from flask import Flask, Response, jsonify, request, send_file, session, stream_with_context

# Files at the same place in Lambda and on the server, so that their times are the same.
FILES = Path(flask.__file__).parent
app = Flask("features", static_folder=FILES, static_url_path="/static")
app.secret_key = "secret"


@app.get("/text")
def text():
    return Response(stream_with_context(f"{request.path} {piece}" for piece in PIECES), content_type="text/plain")


@app.get("/async")
async def answer_async():
    await asyncio.sleep(0)
    return "async"


@app.get("/file")
def file():
    return send_file(FILES / "typing.py", as_attachment=True, download_name="contenu é.py", conditional=True)


@app.get("/session")
def read_session():
    session.setdefault("count", 1)
    return dict(session)


@app.post("/pieces")
def pieces_of_body():
    return {"lines": [len(line) for line in request.stream]}


@app.get("/headers")
def headers():
    response = jsonify("repeated")
    for value in ("<a>; rel=preload", "<b>; rel=preload"):
        response.headers.add("Link", value)
    for value in ("Accept", "Origin"):
        response.headers.add("Vary", value)
    return response
