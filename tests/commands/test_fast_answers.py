"""Help and the usual mistakes are answered without TensorFlow, so that they take under a second."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# One process for all: what one of them imports, a real process of it would import too.
SCRIPT = """
import contextlib, io, json, sys, time
from rnascl_tf.commands.dispatch import main

seen = set()
for arguments in json.loads(sys.argv[1]):
    output, errors, started = io.StringIO(), io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = main(arguments)
    seconds = time.perf_counter() - started
    heavy = [name for name in HEAVY if name in sys.modules and name not in seen]
    seen.update(heavy)
    print(json.dumps([code, output.getvalue(), errors.getvalue(), seconds, heavy]))
"""
HEAVY = (
    "tensorflow",
    "tensorflow_datasets",
    "keras",
    "cleverhans",
    "ai_edge_litert",
    "onnx",
    "onnxruntime",
    "sklearn",
    "matplotlib",
    "scipy",
    "torch",
)

# No prepared data outside of the folder of the test, and no network: nothing listens on port 9.
NOTHING_ELSEWHERE = {
    "TFDS_DATA_DIR": "no_data",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "",
    "NO_PROXY": "",
}

SMOKE = ["--config=digits:smoke", "--workdir=run"]
ATTACK = ["attack", "--model=model.keras", "--dataset=digits", "--out=out"]
# Found by parsing the file, for which the package onnx is imported; last, so that no other may be.
DAMAGED_ONNX = {
    f"ONNX file of {what}": (arguments, 2, "bad.onnx is not an ONNX file, or is damaged")
    for what, arguments in {
        "a run": [*SMOKE, "--config.teacher.onnx=bad.onnx"],
        "an import": ["import-teacher", "--onnx=bad.onnx", "--out=out"],
        "an attack": ["attack", "--model=bad.onnx", "--dataset=digits", "--out=out"],
    }.items()
}
ANSWERS = {
    "help": (["--help"], 0, "latency-table"),
    "version": (["--version"], 0, "rnascl 0"),
    "run help": (["run", "--help"], 0, "--overwrite"),
    "predict help": (["predict", "--help"], 0, "--top"),
    "attack help": (["attack", "--help"], 0, "--masking_examples"),
    "ablate help": (["ablate", "--help"], 0, "--vary"),
    "scatter help": (["scatter", "--help"], 0, "--epsilon"),
    "latency help": (["latency", "--help"], 0, "--threads"),
    "latency-table help": (["latency-table", "--help"], 0, "--activation"),
    "launch help": (["launch", "--help"], 0, "--workers"),
    "import-teacher help": (["import-teacher", "--help"], 0, "--verify_examples"),
    "export-teacher help": (["export-teacher", "--help"], 0, "--state_key"),
    "zoo": (["export-teacher", "--list"], 0, "salman2020_r18"),
    "command": (["atack"], 2, "no command 'atack' (did you mean attack?)"),
    "flags missing": (
        ["run"],
        2,
        "--config and --workdir are missing: give --config=digits",
    ),
    "one flag missing": (SMOKE[:1], 2, "--workdir is missing"),
    "three flags missing": (["attack"], 2, "--model, --dataset and --out are missing"),
    "recipe flag": (["--confg=digits", "--workdir=run"], 2, "(did you mean --config?)"),
    "flag": ([*SMOKE, "--overwite"], 2, "unknown flag --overwite (did you mean --overwrite?)"),
    "value of a flag": (["latency-table", "--space=s3", "--out=t.json"], 2, "(did you mean S3?)"),
    "number": (["predict", *SMOKE[1:], "--top=none"], 2, "--top=none: wanted a whole number of 1"),
    "recipe": (["--config=digit", "--workdir=run"], 2, "(did you mean digits?)"),
    "recipe file": (["--config=none.py", "--workdir=run"], 2, "none.py does not exist"),
    "variant": (["--config=digits:smok", "--workdir=run"], 2, "(did you mean smoke?)"),
    "config key": ([*SMOKE, "--config.serch.epochs=2"], 2, "(did you mean search?)"),
    "config type": (
        [*SMOKE, "--config.search.epochs=two"],
        2,
        "--config.search.epochs=two: wanted a whole number, as in the recipe: 1.",
    ),
    "stage": ([*SMOKE, "--stages=serch"], 2, "(did you mean search?)"),
    "stage without its source": (
        [*SMOKE, "--stages=search"],
        2,
        "stage search reads what stage teacher writes, which run does not have: add teacher",
    ),
    "not a record": (
        ["--config=digits:smoke", "--workdir=other"],
        2,
        "other/record.json is not a record of schema 1",
    ),
    "data name": ([*SMOKE, "--config.data.name=digit"], 2, "(did you mean digits?)"),
    "no data folder": (
        ["--config=image_folder:small", "--workdir=run"],
        2,
        "image_folder needs --config.data.data_dir=FOLDER",
    ),
    "data folder": (
        ["--config=image_folder:small", "--workdir=run", "--config.data.data_dir=none"],
        2,
        "--config.data.data_dir=none does not exist",
    ),
    "empty data folder": (
        ["--config=image_folder:small", "--workdir=run", "--config.data.data_dir=finished"],
        2,
        "has neither train nor val",
    ),
    "classes of a split": (
        ["--config=image_folder:small", "--workdir=run", "--config.data.data_dir=images"],
        2,
        "images/val should have the class folders of images/train, but lacks bee and also has wasp",
    ),
    "data folder of embedded data": (
        [*SMOKE, "--config.data.data_dir=finished"],
        2,
        "digits is embedded and reads no folder",
    ),
    "no ImageNet": (
        ["--config=imagenet100:is", "--workdir=run", "--config.data.data_dir=finished"],
        2,
        "no ImageNet in finished: give --config.data.data_dir=FOLDER",
    ),
    "no CIFAR-10 and no network": (
        ["--config=cifar10:s3", "--workdir=run", "--config.data.data_dir=finished"],
        2,
        "CIFAR-10 is not prepared in finished/cifar10/3.0.2 and cannot be downloaded",
    ),
    "no CIFAR-10 in the default folder": (
        ["--config=cifar10:s3", "--workdir=run"],
        2,
        "CIFAR-10 is not prepared in no_data/cifar10/3.0.2 and cannot be downloaded",
    ),
    "choice": ([*SMOKE, "--config.method.tutor=serch"], 2, "(did you mean search?)"),
    "range": ([*SMOKE, "--config.train.epochs=0"], 2, "epochs=0 should be at least 1"),
    "epsilon": ([*SMOKE, "--config.threat.epsilon=8"], 2, "divide it by 255"),
    "attack name": ([*SMOKE, "--config.evaluate.attacks=pdg20"], 2, "(did you mean pgd20?)"),
    "teacher": ([*SMOKE, "--config.teacher.onnx=none.onnx"], 2, "none.onnx does not exist"),
    "architecture": ([*SMOKE, "--config.search.architecture=a.json"], 2, "a.json does not exist"),
    "latency table": (
        [*SMOKE, "--config.search.cost=latency", "--config.search.latency_table=t.json"],
        2,
        "t.json does not exist",
    ),
    "row": (
        ["ablate", *SMOKE, "--vary=train.epoch=1,2"],
        2,
        "config.train has no 'epoch' (did you mean epochs?)",
    ),
    "name of a row": (["ablate", *SMOKE, "--vary=tutr"], 2, "(did you mean tutor?)"),
    "name of a row with values": (
        ["ablate", *SMOKE, "--vary=tutr=random"],
        2,
        "(did you mean tutor?)",
    ),
    "value of a row": (
        ["ablate", *SMOKE, "--vary=tutor=search,radnom"],
        2,
        "--config.method.tutor has no 'radnom' (did you mean random?)",
    ),
    "value of a row's own": (
        ["ablate", *SMOKE, "--row=mine:method.kl_first=techer"],
        2,
        "(did you mean teacher?)",
    ),
    "range of a row": (
        ["ablate", *SMOKE, "--vary=train.epochs=1,0"],
        2,
        "--config.train.epochs=0 should be at least 1",
    ),
    "data of a comparison": (
        [
            "ablate",
            "--config=image_folder:small",
            *SMOKE[1:],
            "--vary=kl",
            "--config.data.data_dir=none",
        ],
        2,
        "--config.data.data_dir=none does not exist",
    ),
    "teacher of a comparison": (
        ["ablate", *SMOKE, "--vary=kl", "--config.teacher.onnx=none.onnx"],
        2,
        "none.onnx does not exist",
    ),
    "folder of a comparison": (
        ["ablate", SMOKE[0], "--workdir=here.keras", "--vary=kl"],
        2,
        "--workdir=here.keras is not a folder",
    ),
    "workdir": ([SMOKE[0], "--workdir=here.keras"], 2, "--workdir=here.keras is not a folder"),
    "folder without permission": (
        [SMOKE[0], "--workdir=/proc/run"],
        2,
        "is not writable (",
    ),
    "no run": (["predict", "--workdir=none", "image.png"], 2, "none is not a run folder"),
    "image": (["predict", "--workdir=finished", "none.png"], 2, "none.png does not exist"),
    "not an image": (["predict", "--workdir=finished", "text.png"], 2, "text.png"),
    "record": (["scatter", "none/record.json"], 2, "none/record.json does not exist"),
    "model": (ATTACK, 2, "model.keras does not exist"),
    "attack": ([*ATTACK, "--attacks=pdg20"], 2, "(did you mean pgd20?)"),
    "data set": (
        ["attack", "--model=here.keras", "--dataset=digit", "--out=out"],
        2,
        "(did you mean digits?)",
    ),
    "data folder of an attack": (
        ["attack", "--model=zip.keras", "--dataset=image_folder", "--data_dir=none", "--out=out"],
        2,
        "--data_dir=none does not exist",
    ),
    "data of an attack": (
        ["attack", "--model=zip.keras", "--dataset=cifar10", "--data_dir=finished", "--out=out"],
        2,
        "copy the folder tfds here and give --data_dir=tfds",
    ),
    "data of an import": (
        ["import-teacher", "--onnx=bad.onnx", "--dataset=imagenet100", "--out=out"],
        2,
        "no ImageNet in no_data: give --data_dir=FOLDER",
    ),
    "not a model": (
        ["attack", "--model=here.keras", "--dataset=digits", "--out=out"],
        2,
        "here.keras is damaged or not a Keras model",
    ),
    "tflite": (["latency", "--model=none.tflite"], 2, "none.tflite does not exist"),
    "onnx": (["import-teacher", "--onnx=none.onnx", "--out=out"], 2, "none.onnx does not exist"),
    "checkpoint": (
        ["export-teacher", "--zoo=salman2020_r18", "--checkpoint=none.pt", "--out=a.onnx"],
        2,
        "none.pt does not exist",
    ),
    "zoo entry": (["export-teacher", "--zoo=salman2020_r19", "--out=a.onnx"], 2, "did you mean"),
    "launch": (["launch", "--workers=2"], 2, "arguments are missing"),
    **DAMAGED_ONNX,
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    (folder / "here.keras").write_text("")
    (folder / "bad.onnx").write_bytes(b"no model" * 99)
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    (folder / "text.png").write_text("no image")
    (folder / "finished" / "export").mkdir(parents=True)
    (folder / "finished" / "export" / "labels.txt").write_text("one\ntwo\n")
    (folder / "finished" / "record.json").write_text(
        json.dumps({"schema": 1, "stages": {}, "history": {}, "robustness": {}})
    )
    (folder / "other").mkdir()
    (folder / "other" / "record.json").write_text("{}")
    for name in ("train/ant", "train/bee", "val/ant", "val/wasp"):
        (folder / "images" / name).mkdir(parents=True)
    before = sorted(folder.rglob("*"))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT.replace("HEAVY", repr(HEAVY)),
            json.dumps([arguments for arguments, _, _ in ANSWERS.values()]),
        ],
        cwd=folder,
        env={**os.environ, **NOTHING_ELSEWHERE, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(folder.rglob("*")) == before
    return dict(zip(ANSWERS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_is_answered_without_tensorflow(name, answers):
    arguments, wanted_code, wanted = ANSWERS[name]
    code, output, errors, seconds, heavy = answers[name]
    print(
        f"{seconds:.2f} s: rnascl {' '.join(arguments)}: {errors.strip() or 'on standard output'}"
    )
    allowed = ["onnx"] if name in DAMAGED_ONNX else []
    assert code == wanted_code, errors
    assert [package for package in heavy if package not in allowed] == [], errors
    if code:
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1, errors
        assert wanted in errors
    else:
        assert errors == ""
        assert wanted in output
