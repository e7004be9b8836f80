"""Writes every `BUILD` file from the imports: one target for each Python file.

    python bazel/write_build_files.py          # writes what differs
    python bazel/write_build_files.py --check  # names what differs, exit code 1

The result is formatted as buildifier does. A test runs the check, so a new file or import cannot be
forgotten.
"""

import ast
import itertools
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TREES = ("rnascl_tf", "teachers", "configs", "benchmarks", "examples", "bazel", "tests")
LIBRARIES = ("rnascl_tf", "teachers", "configs", "benchmarks")
"""Trees whose every target belongs to `//:sources`."""

PACKAGES = {
    "PIL": "pillow",
    "absl": "absl-py",
    "ai_edge_litert": "ai-edge-litert",
    "cleverhans": "cleverhans",
    "hypothesis": "hypothesis",
    "keras": "keras",
    "matplotlib": "matplotlib",
    "ml_collections": "ml-collections",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "psutil": "psutil",
    "pytest": "pytest",
    "rich": "rich",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "tensorflow_datasets": "tensorflow-datasets",
}
"""Import name -> name in requirements.txt. What is optional (PyTorch and its kin) is not there."""

_EXPORTED = {ROOT / "bazel" / "pytest_test.bzl", ROOT / "bazel" / "run_pytest.py"}

HEADER = "# Written by bazel/write_build_files.py.\n"


def main(arguments):
    """Writes or checks; returns the exit code."""
    wanted = build_files()
    # Not all below the checkout: Bazel's own links lead to copies of them.
    there = {path for tree in TREES for path in (ROOT / tree).glob("**/BUILD")}
    stale = sorted(
        path
        for path in {*wanted, *there}
        if not path.exists() or path not in wanted or path.read_text() != wanted[path]
    )
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the imports say: make build-files")
        return 1 if stale else 0
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path])
        else:
            path.unlink()
    return 0


def build_files():
    """Returns {path of a BUILD file: its text}."""
    folders = sorted({path.parent for tree in TREES for path in python_files(ROOT / tree)})
    tests = [path for path in python_files(ROOT / "tests") if path.name.startswith("test_")]
    read = {file for path in tests for file in _read_elsewhere(path, path.read_text())}
    files = {folder / "BUILD": _package(folder, read) for folder in folders}
    files[ROOT / "BUILD"] = _top(folders)
    return files


def python_files(folder):
    """Returns the Python files below a folder, sorted."""
    return sorted(path for path in folder.glob("**/*.py") if "__pycache__" not in path.parts)


def _package(folder, read):
    targets = [_target(path) for path in sorted(folder.glob("*.py"))]
    rules = sorted({rule for rule, _ in targets})
    text = "\n".join(body for _, body in targets)
    loads = ""
    if "requirement(" in text:
        loads += 'load("@pypi//:requirements.bzl", "requirement")\n'
    python_rules = [rule for rule in rules if rule != "pytest_test"]
    if python_rules:
        names = ", ".join(f'"{rule}"' for rule in python_rules)
        loads += f'load("@rules_python//python:defs.bzl", {names})\n'
    if "pytest_test" in rules:
        loads += 'load("//bazel:pytest_test.bzl", "pytest_test")\n'
    return (
        f'{HEADER}{loads}\npackage(default_visibility = ["//visibility:public"])\n\n'
        + _exports(folder, read)
        + text
    )


def _exports(folder, read):
    """Returns the line that lets other packages read files of this one."""
    inside = [path for path in {*_EXPORTED, *read} if _package_of(path) == folder]
    names = sorted(path.relative_to(folder).as_posix() for path in inside)
    return f"exports_files({_list(names, 0)})\n\n" if names else ""


def _top(folders):
    trees = [f for f in folders if f.relative_to(ROOT).parts[0] in LIBRARIES]
    sources = {label(path) for folder in trees for path in folder.glob("*.py")}
    data = [
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements.in",
        "requirements.txt",
    ]
    return (
        f'{HEADER}load("@rules_python//python:defs.bzl", "py_library")\n\n'
        'package(default_visibility = ["//visibility:public"])\n\n'
        f"exports_files({_list(data, 0)})\n\n"
        "# What tests of the whole tree read.\n"
        'filegroup(\n    name = "files",\n'
        '    srcs = glob(["docs/**"]) + ' + _list(data, 4) + ",\n)\n\n"
        "# Every library and command, for tests that start commands.\n"
        f'py_library(\n    name = "sources",\n    deps = {_list(sorted(sources, key=_order), 4)},\n)\n'
    )


def _target(path):
    """Returns (rule, text) of a file's target."""
    source = path.read_text()
    dependencies = {label(module) for module in _own_modules(path, source)}
    dependencies |= {label(started) for started in _started(path, source)}
    is_test = path.name.startswith("test_")
    data = []
    if is_test:
        dependencies |= _conftests(path)
        if any(word in source for word in ("run_module", "subprocess", "ROOT")):
            # It starts commands or reads the tree: what it needs is in no import.
            dependencies.add("//:sources")
            data = ["//:files"]
        data += sorted(_file_label(file) for file in _read_elsewhere(path, source))
        data += [f'glob(["{name}/**"])' for name in _data_folders(path)]
    dependencies -= {label(path)}
    packages = {PACKAGES[name] for name in _imported(source) if name in PACKAGES}
    if path.name == "__main__.py":
        rule, extra = "py_binary", f'    main = "{path.name}",\n'
    elif is_test:
        rule, extra = "pytest_test", ""
    else:
        rule = "py_library"
        in_tests = path.relative_to(ROOT).parts[0] == "tests"
        extra = "    testonly = True,\n" if in_tests else ""
    lines = [f'    name = "{target_name(path)}",\n']
    if "testonly" in extra:
        lines.append(extra)
        extra = ""
    lines.append(f'    srcs = ["{path.name}"],\n')
    if data:
        lines.append(f"    data = {_data(data)},\n")
    if is_test and source.count("@pytest.mark.long\n") == source.count("\ndef test_") > 0:
        lines.append("    long = True,\n")
    lines.append(extra)
    if dependencies or packages:
        lines.append(f"    deps = {_deps(path, dependencies, packages)},\n")
    return rule, f"{rule}(\n{''.join(lines)})\n"


def _data(entries):
    labels = [entry for entry in entries if not entry.startswith("glob")]
    globs = [entry for entry in entries if entry.startswith("glob")]
    parts = ([_list(labels, 4)] if labels else []) + globs
    return " + ".join(parts)


def _data_folders(path):
    """Folders beside a test that hold no Python: what it reads."""
    return sorted(
        folder.name
        for folder in path.parent.iterdir()
        if folder.is_dir()
        and folder.name not in ("__pycache__", "runs")
        and not any(folder.glob("**/*.py"))
    )


def _read_elsewhere(path, source):
    """Returns the files of other packages, no Python, that a test names beside `/`."""
    named = {_beside(path, name) for name in _joined_paths(source)}
    return {
        file
        for file in named
        if file is not None
        and file.suffix != ".py"
        and file.name != "BUILD"
        and _package_of(file) not in (path.parent, ROOT)
    }


def _started(path, source):
    """Returns the files that a file starts as programs: `-m MODULE`, or a path that ends in .py."""
    names = [name for name in _joined_paths(source) if name.endswith(".py")]
    found = {_beside(path, name) for name in names if name != "__init__.py"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.List | ast.Tuple | ast.Call):
            values = node.args if isinstance(node, ast.Call) else node.elts
            words = [getattr(value, "value", None) for value in values]
            for before, word in itertools.pairwise(words):
                if before == "-m" and isinstance(word, str):
                    found |= {_file(f"{word}.__main__") or _file(word)}
    return found - {None, path}


def _joined_paths(source):
    """Yields what is written as `... / "a" / "b.txt"`, as "a/b.txt", and `with_name("b.txt")`."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "with_name":
            names = [getattr(node.args[0], "value", None)]
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            names.insert(0, getattr(node.right, "value", None))
            node = node.left
        if names and all(isinstance(name, str) for name in names):
            yield "/".join(names)


def _beside(path, name):
    """Returns the file of this name in the folder of `path` or one above it; None without one."""
    for folder in path.parents:
        if not folder.is_relative_to(ROOT):
            return None
        if (folder / name).is_file():
            return folder / name
    return None


def _package_of(path):
    """Returns the nearest folder above a file that holds Python, or the checkout."""
    return next(f for f in path.parents if f == ROOT or any(f.glob("*.py")))


def _file_label(path):
    package = _package_of(path)
    return f"//{package.relative_to(ROOT).as_posix()}:{path.relative_to(package).as_posix()}"


def _conftests(path):
    return {
        label(folder / "conftest.py")
        for folder in path.parents
        if (folder / "conftest.py").exists() and folder.is_relative_to(ROOT / "tests")
    } - {label(path)}


def _own_modules(path, source):
    """Yields the files of this repository that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if _file(name) else node.module for name in inner]
            if path.name.startswith("test_"):
                # A package may show a function under its file's name; Bazel gives a package whose
                # __init__ nobody asks for an empty one.
                names.append(node.module)
        else:
            continue
        for name in names:
            file = _file(name)
            if file is not None and file != path:
                yield file


def _file(module):
    base = ROOT.joinpath(*module.split("."))
    if module.split(".")[0] not in TREES:
        return None
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.exists():
            return file
    return None


def _imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def target_name(path):
    """Returns the name of a file's target: its stem; a package's `__init__` has the folder's name."""
    if path.name == "__init__.py":
        return path.parent.name
    if path.name == "__main__.py":
        return "main"
    return path.stem


def label(path):
    """Returns the label of a file's target."""
    folder, name = path.parent.relative_to(ROOT).as_posix(), target_name(path)
    return f"//{folder}" if name == path.parent.name else f"//{folder}:{name}"


def _order(name):
    # As buildifier sorts: a package before what is in it.
    return name.replace(":", " ")


def _deps(path, dependencies, packages):
    own = label(path).partition(":")[0]
    local, others = [], []
    for dependency in dependencies:
        package, _, name = dependency.partition(":")
        if package == own:
            local.append(f":{name or package.rpartition('/')[2]}")
        else:
            others.append(dependency)
    entries = [f'"{name}"' for name in sorted(local)]
    entries += [f'"{name}"' for name in sorted(others, key=_order)]
    entries += [f'requirement("{name}")' for name in sorted(packages)]
    return _wrapped(entries, 4)


def _list(names, indent):
    return _wrapped([f'"{name}"' for name in names], indent)


def _wrapped(entries, indent):
    if len(entries) == 1:
        return f"[{entries[0]}]"
    inner = "".join(f"{' ' * (indent + 4)}{entry},\n" for entry in entries)
    return f"[\n{inner}{' ' * indent}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
