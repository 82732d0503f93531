"""Makes the standard library a part of the module: its code, compiled, in one file, and a table of what is where.

    make.py BLOB TABLE FOLDER...        modules of the first folder that has them
"""
import marshal
import pathlib
import sys

# What has no use here, or nothing to work with: tests, windows, processes, other files beside the code.
LEFT_OUT = {
    "ensurepip", "idlelib", "lib2to3", "msilib", "pydoc_data", "site-packages", "test", "tests", "tkinter", "turtle", "turtledemo", "venv",
    "make", "__phello__", "__hello__", "antigravity", "this", "multiprocessing.resource_sharer",
}
# Where Debian's Python has it: names of files in tracebacks are known from there.
HOME = "/usr/lib/python3.11"
# What this one was built with; Debian's sysconfig looks for another name than its build gives it.
CONFIGURATION = "_sysconfigdata__wasm32-wasi"


def modules(folder):
    for path in sorted(folder.rglob("*.py")):
        parts = list(path.relative_to(folder).with_suffix("").parts)
        if "__pycache__" in parts or LEFT_OUT.intersection(parts):
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        if name.startswith("_sysconfigdata"):
            name = CONFIGURATION
        if name and all(part.isidentifier() for part in name.split(".")) or name == CONFIGURATION:
            yield name, is_package, path, path.relative_to(folder)


def main(blob, table, *folders):
    seen = {}
    for folder in map(pathlib.Path, folders):
        for name, is_package, path, relative in modules(folder):
            seen.setdefault(name, (is_package, path, relative))
    code = bytearray()
    rows = []
    for name, (is_package, path, relative) in sorted(seen.items()):
        compiled = compile(path.read_bytes(), f"{HOME}/{relative}", "exec", dont_inherit=True, optimize=0)
        data = marshal.dumps(compiled)
        rows.append(f'{{ "{name}", library + {len(code)}, {len(data)}, {int(is_package)}, NULL }},')
        code += data
    pathlib.Path(blob).write_bytes(code)
    pathlib.Path(table).write_text("\n".join(rows) + "\n")


main(*sys.argv[1:])
