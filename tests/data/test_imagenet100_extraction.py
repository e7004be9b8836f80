import io
import itertools
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from rnascl_tf.data import imagenet100_extraction
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.imagenet100 import load_imagenet100
from rnascl_tf.data.imagenet100_classes import WORDNET_IDS
from rnascl_tf.data.imagenet100_extraction import extract, prepared_imagenet
from rnascl_tf.data.places import is_extracted

# TFDS numbers the sorted ids of all 1,000; here two strangers shift the labels of ours.
NAMES = ("n00000001", *WORDNET_IDS[:50], "n02000000x", *WORDNET_IDS[50:])
COUNTS = {"train": 2, "validation": 1}


def encoded(label, number):
    stream = io.BytesIO()
    Image.new("RGB", (23, 19), (2 * label, 90 * number, 7)).save(stream, "JPEG")
    return stream.getvalue()


def examples_of(split):
    for number, (label, name) in itertools.product(range(COUNTS[split]), enumerate(NAMES)):
        stem = f"{name}_{number}" if split == "train" else f"ILSVRC2012_val_{label:08d}"
        # Images of other classes are never decoded.
        image = encoded(label, number) if name in WORDNET_IDS else b"not an image"
        yield {"image": image, "label": name, "file_name": f"{stem}.JPEG"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with imagenet2012 as TFDS prepares it, of 102 classes."""
    folder = tmp_path_factory.mktemp("tfds")
    features = {
        "image": tfds.features.Image(encoding_format="jpeg"),
        "label": tfds.features.ClassLabel(names=list(NAMES)),
        "file_name": tfds.features.Text(),
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="imagenet2012",
        version="5.1.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={
            split: [(example["file_name"], example) for example in examples_of(split)]
            for split in COUNTS
        },
        data_dir=folder,
    )
    return folder


@pytest.fixture
def builder(prepared):
    return prepared_imagenet(prepared)


def written(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.JPEG")}


def wanted_files():
    files = {}
    for split, folder in (("train", "train"), ("validation", "val")):
        for example in examples_of(split):
            if example["label"] in WORDNET_IDS:
                path = f"{folder}/{example['label']}/{example['file_name']}"
                files[path] = example["image"]
    return files


def test_the_encoded_images_of_the_100_classes_are_written(builder, tmp_path):
    assert not is_extracted(tmp_path)
    extract(builder, tmp_path)
    assert is_extracted(tmp_path)
    assert written(tmp_path) == wanted_files()
    assert json.loads((tmp_path / "complete.json").read_text())["images"] == {
        "train": 200,
        "val": 100,
    }


def test_a_stopped_copy_goes_on(builder, tmp_path, monkeypatch):
    write = imagenet100_extraction.write_bytes
    calls = []

    def full_after_50(path, content):
        if len(calls) == 50:
            raise OSError(28, "No space left on device", str(path))
        calls.append(path)
        write(path, content)

    monkeypatch.setattr(imagenet100_extraction, "write_bytes", full_after_50)
    with pytest.raises(OSError, match="No space left"):
        extract(builder, tmp_path)
    assert not is_extracted(tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in calls}
    monkeypatch.setattr(imagenet100_extraction, "write_bytes", write)
    extract(builder, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in calls} == kept
    assert written(tmp_path) == wanted_files()


def test_loading_copies_once_and_then_reads_the_copy(prepared, tmp_path):
    (tmp_path / "imagenet2012").symlink_to(prepared / "imagenet2012")
    data_set = load_imagenet100(data_dir=tmp_path, image_size=8, validation_examples=7)
    assert (len(data_set.train), len(data_set.validation), len(data_set.test)) == (193, 7, 100)
    assert data_set.class_names == WORDNET_IDS
    colors = data_set.test.pixels(np.arange(100))[:, 4, 4, 0].astype(int)
    labels = [NAMES.index(name) for name in WORDNET_IDS]
    # JPEG of one colour errs by a level or two.
    assert np.abs(colors - 2 * np.array(labels)).max() <= 3
    (tmp_path / "imagenet2012").unlink()
    again = load_imagenet100(data_dir=tmp_path, image_size=8, validation_examples=7)
    np.testing.assert_array_equal(again.train.labels, data_set.train.labels)


def test_nothing_prepared(tmp_path):
    assert prepared_imagenet(tmp_path) is None


@pytest.fixture
def damaged(prepared, tmp_path):
    """A copy of the prepared folder, to be damaged."""
    source = prepared / "imagenet2012/5.1.0"
    folder = tmp_path / "imagenet2012/5.1.0"
    folder.mkdir(parents=True)
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_broken_description_is_refused(damaged, tmp_path):
    (damaged / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="not a complete TFDS data set"):
        prepared_imagenet(tmp_path)


def test_missing_split_is_named(damaged, tmp_path):
    info = json.loads((damaged / "dataset_info.json").read_text())
    info["splits"] = [split for split in info["splits"] if split["name"] == "train"]
    (damaged / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(DataError, match="lacks the split validation"):
        prepared_imagenet(tmp_path)


def test_unknown_labels_are_refused(damaged, tmp_path):
    (damaged / "label.labels.txt").write_text("\n".join(f"class {n}" for n in range(102)))
    with pytest.raises(DataError, match="does not name the classes n01558993"):
        extract(prepared_imagenet(tmp_path), tmp_path / "imagenet100")


def test_a_broken_record_file_is_refused(damaged, tmp_path):
    (path,) = damaged.glob("*validation*tfrecord*")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"file of split validation .* is missing or broken"):
        extract(prepared_imagenet(tmp_path), tmp_path / "imagenet100")
    assert not is_extracted(tmp_path / "imagenet100")
