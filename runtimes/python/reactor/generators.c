/*
 * Generators of the module `random` that nobody has given a seed: no two requests may draw the same, and most draw nothing. So they
 * forget what they were when a snapshot is taken, and take a seed when they are asked for a number.
 */
#include "reactor.h"

#include <limits.h>

#define STATE_WORDS 624

/* As _randommodule.c has it. */
struct generator {
  PyObject_HEAD
  int index;
  uint32_t state[STATE_WORDS];
};

/* An index that no generator comes to. */
#define HAS_FORGOTTEN INT_MAX

static const char *const names[] = {"random", "getrandbits", "getstate"};
#define METHODS (sizeof names / sizeof names[0])

static PyCFunction originals[METHODS];
static PyObject *seed_function;

static PyObject *draw(int method, PyObject *self, PyObject *argument) {
  if (((struct generator *)self)->index == HAS_FORGOTTEN) {
    PyObject *nothing = PyObject_CallOneArg(seed_function, self);
    if (nothing == NULL) return NULL;
    Py_DECREF(nothing);
  }
  return originals[method](self, argument);
}

static PyObject *draw_random(PyObject *self, PyObject *argument) {
  return draw(0, self, argument);
}

static PyObject *draw_bits(PyObject *self, PyObject *argument) {
  return draw(1, self, argument);
}

static PyObject *get_state(PyObject *self, PyObject *argument) {
  return draw(2, self, argument);
}

static const PyCFunction wrappers[METHODS] = {draw_random, draw_bits, get_state};

static PyObject *forget(PyObject *self, PyObject *generator) {
  (void)self;
  ((struct generator *)generator)->index = HAS_FORGOTTEN;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"forget", forget, METH_O, "Of a random.Random: the next number takes a new seed first."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_wasm_fpm_random", .m_size = -1, .m_methods = functions};

static int wrap(PyTypeObject *type) {
  if (type->tp_basicsize != sizeof(struct generator)) return -1;
  for (size_t method = 0; method < METHODS; method++) {
    PyObject *found = PyDict_GetItemString(type->tp_dict, names[method]);
    if (found == NULL || !PyObject_TypeCheck(found, &PyMethodDescr_Type)) return -1;
    PyMethodDef *entry = ((PyMethodDescrObject *)found)->d_method;
    originals[method] = entry->ml_meth;
    entry->ml_meth = wrappers[method];
  }
  seed_function = Py_XNewRef(PyDict_GetItemString(type->tp_dict, "seed"));
  return seed_function == NULL ? -1 : 0;
}

PyMODINIT_FUNC PyInit__wasm_fpm_random(void) {
  PyObject *module = PyImport_ImportModule("_random");
  PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "Random");
  if (type == NULL) return NULL;
  if (wrap((PyTypeObject *)type) != 0) {
    PyErr_SetString(PyExc_SystemError, "cannot adapt _random.Random: it is another one than that of Python 3.11");
    return NULL;
  }
  return PyModule_Create(&definition);
}
