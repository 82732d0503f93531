"""One small application in each of three ways, below a path of its own; the first with PEP 3333's own checks around it."""
from wsgiref.validate import validator

import bottle
import cherrypy


def plain(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    environ["wsgi.errors"].write("a line for the log\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body) + 3))])
    return iter([b"got", body])


class Pages:
    @cherrypy.expose
    def index(self, name="nobody"):
        cherrypy.response.headers["Content-Type"] = "text/plain"
        return f"hello {name} from CherryPy"

    @cherrypy.expose
    @cherrypy.tools.json_out()
    @cherrypy.tools.json_in()
    def sums(self):
        return {"sum": sum(cherrypy.request.json)}


cherrypy.config.update({"engine.autoreload.on": False, "log.screen": False, "environment": "embedded"})
small = bottle.Bottle()


@small.route("/hello/<name>")
def hello(name):
    return bottle.template("hello {{name}} from Bottle, <b>{{count}}</b>", name=name, count=3)


@small.post("/form")
def form():
    return {"got": bottle.request.forms.get("a")}


APPLICATIONS = {"plain": validator(plain), "cherry": cherrypy.Application(Pages(), "/cherry"), "bottle": small}


def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    environ["SCRIPT_NAME"] += f"/{name}"
    environ["PATH_INFO"] = environ["PATH_INFO"][len(name) + 1 :] or "/"
    return APPLICATIONS[name](environ, start_response)
