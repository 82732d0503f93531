"""A small Flask application, as tutorials build them: pages, forms, a session, uploads, and a file of its own."""
import json
import os
import random

from flask import Flask, Response, abort, jsonify, redirect, render_template, request, send_file, session, stream_with_context, url_for
from werkzeug.utils import secure_filename

app = Flask(__name__)
app.secret_key = "for tests only"
DATA = os.environ["DATA"]
NOTES = os.path.join(DATA, "notes.json")


def read_notes():
    try:
        with open(NOTES) as file:
            return json.load(file)
    except FileNotFoundError:
        return []


@app.get("/")
def index():
    return render_template("index.jinja", notes=read_notes(), user=session.get("user"))


@app.post("/notes")
def add():
    notes = [*read_notes(), {"title": request.form["title"], "text": request.form.get("text", "")}]
    with open(NOTES, "w") as file:
        json.dump(notes, file)
    return redirect(url_for("note", number=len(notes) - 1))


@app.get("/notes/<int:number>")
def note(number):
    notes = read_notes()
    if number >= len(notes):
        abort(404)
    return render_template("note.jinja", note=notes[number], number=number)


@app.route("/api/notes", methods=["GET", "PUT"])
def api():
    if request.method == "PUT":
        return jsonify(received=request.get_json()), 201
    return jsonify(notes=read_notes(), query=request.args.to_dict(flat=False))


@app.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect(url_for("index"))


@app.post("/upload")
def upload():
    file = request.files["file"]
    path = os.path.join(DATA, secure_filename(file.filename))
    file.save(path)
    return {"name": file.filename, "size": os.path.getsize(path), "type": file.mimetype}


@app.get("/files/<name>")
def files(name):
    return send_file(os.path.join(DATA, secure_filename(name)), download_name=name)


@app.get("/count")
def count():
    @stream_with_context
    def numbers():
        for number in range(10):
            yield f"{number} of {request.args.get('of')}\n"

    return Response(numbers(), mimetype="text/plain")


@app.get("/fails")
def fails():
    raise RuntimeError("this is what went wrong")


@app.get("/draw")
def draw():
    return {"number": random.random()}
