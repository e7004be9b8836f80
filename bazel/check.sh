#!/usr/bin/env bash
# Builds and tests with Debian's Bazel 4 and without a network (apt install bazel-bootstrap
# bazel-rules-java bazel-rules-proto bazel-platforms bazel-skylib).
#
#   bazel/check.sh                     # bazel build //... and bazel test //tests/...
#   bazel/check.sh test //tests:networks/test_cost
#
# This Bazel is older than MODULE.bazel: a copy of the checkout gets a WORKSPACE with stubs for
# rules_python, rules_cc and pypi. Python and its packages are those of .venv (make setup).
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
stop() {
  # Its server would keep running for hours and keep its memory.
  (cd "$work/checkout" && bazel --output_user_root="$work/output" shutdown) || true
  chmod -R u+w "$work" && rm -rf "$work"
}
trap stop EXIT
mkdir -p "$work/checkout" "$work/stubs"/{rules_python/python,rules_cc/cc,pypi,coverage}

git ls-files -z --cached --others --exclude-standard --exclude=.venv | xargs -0 cp --parents -t "$work/checkout"
cat > "$work/checkout/WORKSPACE" <<WORKSPACE
workspace(name = "rnascl_tf")
local_repository(name = "pypi", path = "$work/stubs/pypi")
WORKSPACE

stub=$work/stubs/rules_python
touch "$stub/WORKSPACE" "$stub/BUILD" "$stub/python/BUILD"
cat > "$stub/python/defs.bzl" <<'DEFS'
py_binary = native.py_binary
py_library = native.py_library
py_test = native.py_test
DEFS

stub=$work/stubs/rules_cc
touch "$stub/WORKSPACE" "$stub/BUILD" "$stub/cc/BUILD"
cat > "$stub/cc/defs.bzl" <<'DEFS'
cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
fdo_prefetch_hints = native.fdo_prefetch_hints
fdo_profile = native.fdo_profile
objc_import = native.objc_import
objc_library = native.objc_library
cc_flags_supplier = None
compiler_flag = None
DEFS

stub=$work/stubs/pypi
touch "$stub/WORKSPACE"
# The packages themselves are installed in .venv.
sed -nE 's/^([A-Za-z0-9_.-]+)==.*/py_library(name = "\1", visibility = ["\/\/visibility:public"])/p' \
  requirements.txt | sort -u > "$stub/BUILD"
cat > "$stub/requirements.bzl" <<'DEFS'
def requirement(name):
    return "@pypi//:" + name
DEFS

stub=$work/stubs/coverage
touch "$stub/WORKSPACE"
cat > "$stub/BUILD" <<'BUILD'
filegroup(name = "coverage_report_generator", srcs = [], visibility = ["//visibility:public"])
BUILD

run() {
  (cd "$work/checkout" && bazel --output_user_root="$work/output" "$@" \
    --override_repository=rules_java=/usr/share/bazel/rules/java \
    --override_repository=rules_proto=/usr/share/bazel/rules/proto \
    --override_repository=platforms=/usr/share/bazel/platforms \
    --override_repository=bazel_skylib=/usr/share/bazel/tools/skylib \
    --override_repository=rules_python="$work/stubs/rules_python" \
    --override_repository=rules_cc="$work/stubs/rules_cc" \
    --override_repository=remote_coverage_tools="$work/stubs/coverage" \
    --incompatible_use_python_toolchains=false --python_path="$root/.venv/bin/python" \
    --test_env=PATH="$root/.venv/bin:$PATH" --test_env=HOME="$work" --test_output=errors \
    --local_test_jobs=2 --noshow_progress)
}

if [ $# -gt 0 ]; then
  run "$@"
else
  run build //...
  run test //tests/...
fi
