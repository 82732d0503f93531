/*
 * The interpreter starts once (wasm_fpm_boot), an application is imported, and requests are run ahead (wasm_fpm_warm), and each
 * request starts from the memory as these have left it (wasm_fpm_handle).
 */
#include "reactor.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <wasi/api.h>

/* As Linux counts. */
#define MOST_PROCESSES (1u << 22)
/* A request that is run ahead is run so often: after eight runs the interpreter specialises code, and each request would do it anew. */
#define RUNS_AHEAD 10
/* Where Debian has the standard library. */
#define LIBRARY "/usr/lib/python3.11"

extern char **environ;

typedef PyObject *start_module(void);
start_module PyInit__bz2, PyInit__lzma, PyInit__speedups, PyInit__sqlite3, PyInit__testbuffer, PyInit__testcapi, PyInit__testinternalcapi;
start_module PyInit__wasm_fpm_lasting, PyInit__wasm_fpm_random, PyInit__xxtestfuzz, PyInit_mmap, PyInit_xxlimited, PyInit_xxlimited_35;

/* What its own configure has not made. */
static const struct _inittab modules[] = {
    {"markupsafe._speedups", PyInit__speedups},
    {"_bz2", PyInit__bz2},
    {"_lzma", PyInit__lzma},
    {"_sqlite3", PyInit__sqlite3},
    {"_wasm_fpm_lasting", PyInit__wasm_fpm_lasting},
    {"_wasm_fpm_random", PyInit__wasm_fpm_random},
    {"mmap", PyInit_mmap},
    /* CPython's tests ask for these, and Debian's package of the standard library has them. */
    {"_testbuffer", PyInit__testbuffer},
    {"_testcapi", PyInit__testcapi},
    {"_testinternalcapi", PyInit__testinternalcapi},
    {"_xxtestfuzz", PyInit__xxtestfuzz},
    {"xxlimited", PyInit_xxlimited},
    {"xxlimited_35", PyInit_xxlimited_35},
};

static PyObject *module;
static pid_t process;
/* Of the application: what to call, and what it is told in each request; NULL: none has been imported. */
static PyObject *application, *constants;
/* Whether Python has something to do before each request. */
static bool must_begin;

static _Noreturn void give_up(void) {
  wasm_fpm_say_exception();
  _exit(1);
}

static void check(PyStatus status) {
  if (PyStatus_Exception(status)) Py_ExitStatusException(status);
}

void wasm_fpm_say_exception(void) {
  /* sys.exit() would end the program without a word. */
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != NULL) PyException_SetTraceback(value, trace);
  PyErr_Display(type, value, trace);
  Py_XDECREF(type), Py_XDECREF(value), Py_XDECREF(trace);
  PyObject *errors = PySys_GetObject("stderr");
  if (errors != NULL && errors != Py_None) Py_XDECREF(PyObject_CallMethod(errors, "flush", NULL));
  PyErr_Clear();
}

/* Programs name files and locks after it, and all requests begin with the same memory. */
pid_t getpid(void) {
  while (process <= 1) {
    unsigned random;
    if (getentropy(&random, sizeof random) != 0) abort();
    process = random % MOST_PROCESSES;
  }
  return process;
}

EXPORT("wasm_fpm_boot") void wasm_fpm_boot(void) {
  PyPreConfig before;
  PyPreConfig_InitIsolatedConfig(&before);
  before.utf8_mode = 1;
  PyImport_FrozenModules = wasm_fpm_library;
  for (size_t at = 0; at < sizeof modules / sizeof modules[0]; at++) PyImport_AppendInittab(modules[at].name, modules[at].initfunc);
  check(Py_PreInitialize(&before));
  PyConfig config;
  PyConfig_InitIsolatedConfig(&config);
  config.site_import = 0;
  config.write_bytecode = 0;
  config.install_signal_handlers = 0;
  config.pathconfig_warnings = 0;
  config.module_search_paths_set = 1;
  PyConfig_SetString(&config, &config.home, L"/usr");
  PyConfig_SetString(&config, &config.prefix, L"/usr");
  PyConfig_SetString(&config, &config.exec_prefix, L"/usr");
  PyConfig_SetString(&config, &config.stdlib_dir, L"" LIBRARY);
  PyConfig_SetString(&config, &config.program_name, L"python3");
  PyConfig_SetString(&config, &config.executable, L"/usr/bin/python3");
  check(Py_InitializeFromConfig(&config));
  PyConfig_Clear(&config);
  wasm_fpm_start_memory();
  wasm_fpm_start_sqlite();
  wasm_fpm_start_wsgi();
  /* CPython sets it where it finds the folder. */
  if (PySys_SetObject("_stdlib_dir", PyUnicode_FromString(LIBRARY)) != 0) give_up();
  module = PyImport_ImportModule("_wasm_fpm");
  if (module == NULL) give_up();
  process = 0;
}

static PyObject *call(const char *function, PyObject *argument) {
  PyObject *result = argument == NULL ? PyObject_CallMethod(module, function, NULL) : PyObject_CallMethod(module, function, "N", argument);
  if (result == NULL) give_up();
  return result;
}

/* Of the process: names and values as bytes. */
static PyObject *environment(void) {
  PyObject *all = PyDict_New();
  for (char **variable = environ; all != NULL && *variable != NULL; variable++) {
    const char *equals = strchr(*variable, '=');
    if (equals == NULL) continue;
    PyObject *name = PyBytes_FromStringAndSize(*variable, equals - *variable), *value = PyBytes_FromString(equals + 1);
    if (name == NULL || value == NULL || PyDict_SetItem(all, name, value) != 0) give_up();
    Py_DECREF(name), Py_DECREF(value);
  }
  if (all == NULL) give_up();
  return all;
}

static int answer(bool is_ahead) {
  if (must_begin) Py_DECREF(call("begin_request", PyBool_FromLong(is_ahead)));
  return wasm_fpm_answer(application, constants);
}

/* With WASM_FPM_WARM in the environment it imports the application that WASM_FPM_APP names; without, it runs a request. */
EXPORT("wasm_fpm_warm") void wasm_fpm_warm(void) {
  __wasilibc_initialize_environ();
  bool is_ahead = getenv("WASM_FPM_WARM") == NULL;
  if (is_ahead) {
    for (int run = 0; application != NULL && run < RUNS_AHEAD; run++)
      if (answer(true) != 0) _exit(1);
  } else if (getenv("WASM_FPM_APP") != NULL) {
    /* For good. */
    PyObject *parts = call("load_application", environment());
    if (!PyArg_ParseTuple(parts, "OO", &application, &constants)) give_up();
  }
  PyObject *answer = call("end_warm", NULL);
  must_begin = answer == Py_True;
  Py_DECREF(answer);
  if (is_ahead) wasm_fpm_settle_codes();
  /* What has been freed lies about in lists: it would be taken again, and written to. */
  PyGC_Collect();
  wasm_fpm_forget_randomness();
  wasm_fpm_forget_files();
  process = 0;
}

/* As libc does, but not in the holes of its memory. */
static void read_environment(void) {
  size_t count, bytes;
  if (__wasi_environ_sizes_get(&count, &bytes) != 0) _exit(1);
  char **variables = PyMem_Malloc((count + 1) * sizeof *variables + bytes);
  if (variables == NULL || __wasi_environ_get((uint8_t **)variables, (uint8_t *)(variables + count + 1)) != 0) _exit(1);
  variables[count] = NULL;
  environ = variables;
}

EXPORT("wasm_fpm_handle") void wasm_fpm_handle(void) {
  wasm_fpm_use_own_memory();
  read_environment();
  if (application == NULL) {
    PyObject *code = call("run_script", environment());
    int status = (int)PyLong_AsLong(code);
    if (status != 0) _exit(status);
  } else if (answer(false) != 0) {
    /* What has been sent is not all, and nothing else says so: a program that ends, with whatever code, has said what it wanted. */
    __builtin_trap();
  }
}
