from flask import Flask, render_template, request, url_for

app = Flask(__name__)
ROWS = [{"number": number, "name": f"row <{number}>", "price": number * 1.5} for number in range(60)]


@app.get("/flask-text")
def text():
    return "hello, world\n"


@app.get("/flask-json")
def rows():
    return {"rows": ROWS, "asked": request.args}


@app.get("/flask-page")
def page():
    return render_template("page.jinja", rows=ROWS, link=url_for("rows"))
