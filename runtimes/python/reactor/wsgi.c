/* One request of a WSGI application (PEP 3333): its environ, its start_response(), and what it answers, as CGI has it. */
#include "reactor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is gathered before it is written. */
#define GATHERED_BYTES 65536

extern char **environ;

static PyObject *start_function, *write_function, *status, *headers, *scheme_key, *close_key;
static bool are_headers_sent;
static char gathered[GATHERED_BYTES];
static size_t gathered_bytes;

static int write_all(const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t part = write(STDOUT_FILENO, bytes, size);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) {
      PyErr_SetFromErrno(PyExc_OSError);
      return -1;
    }
    bytes += part;
    size -= part;
  }
  return 0;
}

static int flush(void) {
  size_t size = gathered_bytes;
  gathered_bytes = 0;
  return write_all(gathered, size);
}

static int put(const char *bytes, size_t size) {
  if (gathered_bytes + size > GATHERED_BYTES && flush() != 0) return -1;
  if (size > GATHERED_BYTES) return write_all(bytes, size);
  memcpy(gathered + gathered_bytes, bytes, size);
  gathered_bytes += size;
  return 0;
}

/* Text of the header: bytes as Latin-1, none that would end the line. */
static int check_text(PyObject *text, const char *what) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "%s is %.100s, wanted a str", what, Py_TYPE(text)->tp_name);
    return -1;
  }
  if (PyUnicode_READY(text) != 0) return -1;
  const unsigned char *bytes = PyUnicode_1BYTE_DATA(text);
  bool is_good = PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND;
  for (Py_ssize_t at = 0; is_good && at < PyUnicode_GET_LENGTH(text); at++)
    is_good = (bytes[at] >= ' ' && bytes[at] != 127) || bytes[at] == '\t';
  if (!is_good) PyErr_Format(PyExc_ValueError, "%s is %R, wanted Latin-1 text without control characters", what, text);
  return is_good ? 0 : -1;
}

static int check_header(PyObject *header) {
  if (!PyTuple_Check(header) || PyTuple_GET_SIZE(header) != 2) {
    PyErr_Format(PyExc_TypeError, "a header is %R, wanted a tuple of its name and its value", header);
    return -1;
  }
  return check_text(PyTuple_GET_ITEM(header, 0), "a header's name") || check_text(PyTuple_GET_ITEM(header, 1), "a header's value");
}

static int put_text(PyObject *text) {
  return put((const char *)PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text));
}

static int put_line(PyObject *name, PyObject *value) {
  if (name == NULL ? put("Status", 6) : put_text(name)) return -1;
  return put(": ", 2) || put_text(value) || put("\r\n", 2);
}

static int put_headers(void) {
  if (status == NULL) {
    PyErr_SetString(PyExc_AssertionError, "the application has answered before it has called start_response()");
    return -1;
  }
  if (put_line(NULL, status)) return -1;
  for (Py_ssize_t at = 0; at < PyList_GET_SIZE(headers); at++) {
    PyObject *header = PyList_GET_ITEM(headers, at);
    /* The list is the application's: it may have changed it since. */
    if (check_header(header) || put_line(PyTuple_GET_ITEM(header, 0), PyTuple_GET_ITEM(header, 1))) return -1;
  }
  are_headers_sent = true;
  return put("\r\n", 2);
}

static int put_body(PyObject *part) {
  if (!PyBytes_Check(part)) {
    PyErr_Format(PyExc_TypeError, "a part of the answer is %.100s, wanted bytes", Py_TYPE(part)->tp_name);
    return -1;
  }
  if (PyBytes_GET_SIZE(part) == 0) return 0;
  if (!are_headers_sent && put_headers()) return -1;
  return put(PyBytes_AS_STRING(part), PyBytes_GET_SIZE(part));
}

static PyObject *write_part(PyObject *self, PyObject *part) {
  (void)self;
  if (put_body(part) || flush()) return NULL;
  Py_RETURN_NONE;
}

static PyObject *start_response(PyObject *self, PyObject *args, PyObject *keywords) {
  (void)self;
  static char *names[] = {"status", "headers", "exc_info", NULL};
  PyObject *new_status, *new_headers, *exc_info = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO!|O:start_response", names, &new_status, &PyList_Type, &new_headers, &exc_info))
    return NULL;
  if (exc_info != Py_None && are_headers_sent) {
    PyObject *type, *value, *trace;
    if (!PyArg_ParseTuple(exc_info, "OOO:exc_info", &type, &value, &trace)) return NULL;
    PyErr_Restore(Py_NewRef(type), Py_NewRef(value), Py_NewRef(trace));
    return NULL;
  }
  if (exc_info == Py_None && status != NULL) {
    PyErr_SetString(PyExc_AssertionError, "start_response() was called before, wanted exc_info with the second call");
    return NULL;
  }
  if (check_text(new_status, "the status")) return NULL;
  for (Py_ssize_t at = 0; at < PyList_GET_SIZE(new_headers); at++)
    if (check_header(PyList_GET_ITEM(new_headers, at))) return NULL;
  Py_XSETREF(status, Py_NewRef(new_status));
  Py_XSETREF(headers, Py_NewRef(new_headers));
  return Py_NewRef(write_function);
}

static PyMethodDef start_definition = {
    "start_response", (PyCFunction)(void (*)(void))start_response, METH_VARARGS | METH_KEYWORDS, NULL};
static PyMethodDef write_definition = {"write", write_part, METH_O, NULL};

void wasm_fpm_start_wsgi(void) {
  start_function = PyCFunction_New(&start_definition, NULL);
  write_function = PyCFunction_New(&write_definition, NULL);
  scheme_key = PyUnicode_InternFromString("wsgi.url_scheme");
  close_key = PyUnicode_InternFromString("close");
}

static bool is_secure(void) {
  const char *https = getenv("HTTPS"), *scheme = getenv("REQUEST_SCHEME");
  if (https != NULL) return strcasecmp(https, "on") == 0 || strcmp(https, "1") == 0 || strcasecmp(https, "true") == 0;
  return scheme != NULL && strcmp(scheme, "https") == 0;
}

static PyObject *make_environ(PyObject *constants) {
  PyObject *made = PyDict_Copy(constants);
  for (char **variable = environ; made != NULL && *variable != NULL; variable++) {
    const char *equals = strchr(*variable, '=');
    if (equals == NULL) continue;
    PyObject *name = PyUnicode_DecodeLatin1(*variable, equals - *variable, NULL);
    PyObject *value = PyUnicode_DecodeLatin1(equals + 1, strlen(equals + 1), NULL);
    if (name == NULL || value == NULL || PyDict_SetItem(made, name, value) != 0) Py_CLEAR(made);
    Py_XDECREF(name), Py_XDECREF(value);
  }
  if (made == NULL) return NULL;
  PyObject *scheme = PyUnicode_InternFromString(is_secure() ? "https" : "http");
  if (scheme == NULL || PyDict_SetItem(made, scheme_key, scheme) != 0) Py_CLEAR(made);
  Py_XDECREF(scheme);
  return made;
}

/* What is left to be sent goes with what comes: an application that makes its answer bit by bit wants each on its way. */
static int send_parts(PyObject *result) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) {
    for (Py_ssize_t at = 0; at < PySequence_Fast_GET_SIZE(result); at++)
      if (put_body(PySequence_Fast_GET_ITEM(result, at))) return -1;
    return 0;
  }
  PyObject *parts = PyObject_GetIter(result);
  if (parts == NULL) return -1;
  PyObject *part;
  int failed = 0;
  while (!failed && (part = PyIter_Next(parts)) != NULL) {
    failed = put_body(part) || flush();
    Py_DECREF(part);
  }
  Py_DECREF(parts);
  return failed || PyErr_Occurred() ? -1 : 0;
}

/* Whatever has become of it; an exception that there is already comes first. */
static int close_result(PyObject *result) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) return 0;
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyObject *close = NULL;
  int failed = _PyObject_LookupAttr(result, close_key, &close) < 0;
  if (close != NULL) {
    PyObject *nothing = PyObject_CallNoArgs(close);
    failed = nothing == NULL;
    Py_XDECREF(nothing);
    Py_DECREF(close);
  }
  if (type == NULL) return failed ? -1 : 0;
  if (failed) wasm_fpm_say_exception();
  PyErr_Restore(type, value, trace);
  return -1;
}

static int run(PyObject *application, PyObject *constants) {
  PyObject *request = make_environ(constants);
  if (request == NULL) return -1;
  PyObject *arguments[] = {request, start_function};
  PyObject *result = PyObject_Vectorcall(application, arguments, 2, NULL);
  int failed = -1;
  if (result != NULL) {
    failed = send_parts(result);
    if (!failed && !are_headers_sent) failed = put_headers();
    if (!failed) failed = flush();
    if (close_result(result)) failed = -1;
    Py_DECREF(result);
  }
  Py_DECREF(request);
  return failed;
}

static const char FAILED[] = "Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nInternal Server Error";

int wasm_fpm_answer(PyObject *application, PyObject *constants) {
  are_headers_sent = false;
  gathered_bytes = 0;
  Py_CLEAR(status);
  Py_CLEAR(headers);
  int code = 0;
  if (run(application, constants) != 0) {
    wasm_fpm_say_exception();
    /* What has been sent cannot be taken back: the web server is told that it is not all. */
    code = are_headers_sent ? 1 : 0;
    if (!are_headers_sent) gathered_bytes = 0;
    if (are_headers_sent ? flush() : write_all(FAILED, sizeof FAILED - 1)) code = 1;
  }
  Py_CLEAR(status);
  Py_CLEAR(headers);
  return code;
}
