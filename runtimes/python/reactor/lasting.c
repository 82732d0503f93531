/*
 * What is there when a snapshot is taken is there for all of every request. To count who refers to it would change nothing, but write to its
 * page, and each page that is written has to be put back: more than half of those of a Flask application. So its count is one
 * that is left alone (WASM_FPM_LASTING; the Makefile changes Py_INCREF and Py_DECREF), as that of what CPython has made before it is compiled.
 * What is missed here is counted as ever, and so is what somebody is told of when it is freed.
 */
#include "reactor.h"

#include <stdbool.h>
#include <stdlib.h>

/* Above the least by more than a request could take from it, and four times of it fits into what the collector has for it. */
#define COUNT (WASM_FPM_LASTING + (WASM_FPM_LASTING >> 1))

/* Those that refer to others, which have not been looked at. */
static PyObject **waiting;
static size_t waiting_count, waiting_room;

/* A file that is forgotten writes what it has, an object has a `__del__`, or others have weak references to it. */
static bool is_missed(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  if (type->tp_finalize != NULL || type->tp_del != NULL) return true;
  return !PyType_Check(object) && PyType_SUPPORTS_WEAKREFS(type) && *PyObject_GET_WEAKREFS_LISTPTR(object) != NULL;
}

static int keep(PyObject *object, void *nothing) {
  (void)nothing;
  if (object == NULL || Py_REFCNT(object) >= WASM_FPM_LASTING || is_missed(object)) return 0;
  if (waiting_count == waiting_room) {
    size_t room = waiting_room == 0 ? 1024 : 2 * waiting_room;
    PyObject **wider = realloc(waiting, room * sizeof *waiting);
    if (wider == NULL) return 0;
    waiting = wider;
    waiting_room = room;
  }
  Py_SET_REFCNT(object, COUNT);
  waiting[waiting_count++] = object;
  return 0;
}

static void keep_all(PyObject *const *objects, size_t count) {
  for (size_t at = 0; at < count; at++) keep(objects[at], NULL);
}

#define KEEP(...) \
  do { \
    PyObject *const parts[] = {__VA_ARGS__}; \
    keep_all(parts, sizeof parts / sizeof parts[0]); \
  } while (0)

static void keep_parts_of_type(PyTypeObject *type) {
  KEEP(type->tp_dict, type->tp_bases, type->tp_mro, type->tp_cache, type->tp_subclasses, (PyObject *)type->tp_base);
  if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) return;
  PyHeapTypeObject *heap = (PyHeapTypeObject *)type;
  KEEP(heap->ht_name, heap->ht_qualname, heap->ht_slots);
}

static bool is_descriptor(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  return type == &PyMethodDescr_Type || type == &PyClassMethodDescr_Type || type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type ||
         type == &PyWrapperDescr_Type;
}

/* What it refers to. The collector's way leaves out what cannot be a part of a circle. */
static void keep_parts(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  keep((PyObject *)type, NULL);
  if (PyDict_Check(object)) {
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(object, &at, &key, &value);) KEEP(key, value);
  } else if (PyCode_Check(object)) {
    PyCodeObject *code = (PyCodeObject *)object;
    wasm_fpm_note_code(code);
    KEEP(code->co_consts, code->co_names, code->co_exceptiontable, code->co_localsplusnames, code->co_localspluskinds, code->co_filename);
    KEEP(code->co_name, code->co_qualname, code->co_linetable);
  } else if (is_descriptor(object)) {
    PyDescrObject *descriptor = (PyDescrObject *)object;
    KEEP(descriptor->d_name, descriptor->d_qualname);
  } else if (PyType_Check(object)) {
    keep_parts_of_type((PyTypeObject *)object);
    if (!PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE)) return;
  }
  if (type->tp_traverse != NULL) type->tp_traverse(object, keep, NULL);
}

static PyObject *keep_list(PyObject *self, PyObject *objects) {
  (void)self;
  if (!PyList_CheckExact(objects)) {
    PyErr_SetString(PyExc_TypeError, "wanted a list");
    return NULL;
  }
  for (Py_ssize_t at = 0; at < PyList_GET_SIZE(objects); at++) {
    PyObject *object = PyList_GET_ITEM(objects, at);
    /* It may refer to others than when it was kept. */
    keep(object, NULL);
    keep_parts(object);
    while (waiting_count > 0) keep_parts(waiting[--waiting_count]);
  }
  free(waiting);
  waiting = NULL;
  waiting_room = 0;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"keep", keep_list, METH_O, "Of a list of objects: they, and what they refer to, stay until the request ends."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_wasm_fpm_lasting", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__wasm_fpm_lasting(void) {
  return PyModule_Create(&definition);
}
