"""A WSGI application without a framework."""
from html import escape
from string import Template
from urllib.parse import parse_qs

PAGE = Template("<!doctype html>\n<title>Hello</title>\n<h1>Hello, $name</h1>\n<p>This is $path, and request $count of this process.\n")
count = 0


def application(environ, start_response):
    global count
    count += 1
    name = parse_qs(environ["QUERY_STRING"]).get("name", ["world"])[0]
    page = PAGE.substitute(name=escape(name), path=escape(environ["PATH_INFO"]), count=count)
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [page.encode()]
