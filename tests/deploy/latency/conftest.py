"""A program that plays a device, a device that is a formula, and search spaces of two blocks."""

import os
import stat
import sys

import pytest

from rnascl_tf.deploy.latency.timing import Latency, Timing
from rnascl_tf.networks import SEARCH_SPACES, SearchSpace
from rnascl_tf.networks.search_space import Head, StageSpace
from rnascl_tf.record import TimedDevice

# A program named adb. It plays a device, prints what benchmark_model prints, and writes its calls to a
# file.
ADB = f"""#!{sys.executable}
import os, pathlib, sys
words = sys.argv[1:]
here = pathlib.Path(__file__).parent
with open(here / "calls", "a") as calls:
    print(*words, file=calls)
if words == ["devices"]:
    print("List of devices attached")
    print((here / "devices").read_text(), end="")
    sys.exit()
if words[0] == "-s":
    words = words[2:]
if words[0] == "push":
    if (here / "full").exists():
        print("adb: error: failed to copy: No space left on device")
        sys.exit(1)
    if words[2].endswith(".tflite"):
        assert pathlib.Path(words[1]).read_bytes()[4:8] == b"TFL3"
elif words[1:] and words[1].startswith("[ -x"):
    print("no" if (here / "no tool").exists() else "yes")
elif words[1] == "getprop":
    print("Phone 7" if "model" in words[2] else "15")
elif words[1] in ("nproc || true", "sha256sum /data/local/tmp/benchmark_model || true"):
    known = {{"n": "8", "s": "0123456789abcdef  benchmark_model"}}[words[1][0]]
    print("sh: not found" if (here / "android 5").exists() else known)
elif words[1].endswith("benchmark_model"):
    print((here / "output").read_text(), end="")
"""
OUTPUT = """Initialized session in 5.25ms.
count=21 first=2110 curr=1900 min=1900 max=2110 avg=2005 std=80 p5=1900 median=2110 p95=2110
count=13 first=1503 curr=1411 min=1397 max=1702 avg=1437.5 \
std=31 p5=1400 median=1425 p95=1625
Inference timings in us: Init: 5250, First inference: 2110, Warmup (avg): 2005, \
Inference (avg): 1437.5
"""


SHAPE = (13, 11, 3)
TINY = SearchSpace(
    "tiny", (StageSpace((7, 5, 3), 1, 2, 2), StageSpace((11, 9, 6), 1, 1, 1)), stem_filters=4
)
HEADED = SearchSpace("headed", (StageSpace((7, 5), 1, 2, 2),), 4, Head(expansion=2, filters=13))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(SEARCH_SPACES, "tiny", TINY)
    monkeypatch.setitem(SEARCH_SPACES, "headed", HEADED)


class Additive:
    """A device on which a file takes as long as a formula says, to the last digit."""

    def __init__(self, intercept=0.03, slope=1.5):
        self.description = TimedDevice(kind="local", cpu="a formula", cores=1, runtime="none")
        self.intercept, self.slope = intercept, slope

    @staticmethod
    def part(name):
        if name.startswith("block_"):
            inputs, filters, stride, _, height, width = map(int, name.split("_")[1:])
            return (inputs * filters + 7 * filters**2 % 11) * height * width / stride / 1e5
        return {"stem": 0.01}.get(name, 0.0)

    def time(self, name, shape=(13, 11)):
        overhead = 0.002
        if name.startswith("student_"):
            first, second = map(int, name.split("_")[1:])
            height, width = (-(-side // 2) for side in shape)
            parts = self.part(f"block_4_{first}_2_2_{height}_{width}")
            height, width = (-(-side // 2) for side in (height, width))
            parts += self.part(f"block_{first}_{second}_1_1_{height}_{width}")
            return self.intercept + self.slope * (parts + 0.01 + 0.001 * second)
        if name.startswith("tail_"):
            return 0.001 * int(name.split("_")[1])
        return overhead + self.part(name)

    def measure(self, files, threads, runs, rounds, on_round):
        timings = {}
        for name in files:
            exact = self.time(name)
            # A quarter of the rounds is disturbed, which only ever adds time.
            medians = [exact * (3.0 if number % 4 == 3 else 1.0) for number in range(rounds)]
            timings[name] = Timing(
                Latency(threads, runs, exact, exact, exact, exact), tuple(medians)
            )
        on_round(rounds, rounds)
        return timings


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """A folder whose adb is first on PATH; files in it say what the device does."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "adb").write_text(ADB)
    (folder / "adb").chmod(stat.S_IRWXU)
    (folder / "devices").write_text("A1\tdevice\n")
    (folder / "output").write_text(OUTPUT)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder
