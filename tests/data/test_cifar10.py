import io
import itertools
import json
import tarfile
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.image_classification import cifar

from rnascl_tf.data import cifar10, cifar10_archive
from rnascl_tf.data.cifar10 import load_cifar10
from rnascl_tf.data.errors import DataError

REAL_DATA = Path(__file__).resolve().parents[2].parent / "shared/data/tensorflow_datasets"
SHARDS = {"train": (29, 13), "test": (7,)}
FEATURES = "tensorflow_datasets.core.features"


def feature_of(kind, name, **fields):
    return {"pythonClassName": f"{FEATURES}.{kind}_feature.{name}", **fields}


def example_of(image, label):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    features = {
        "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"id"])),
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[stream.getvalue()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture
def prepared(tmp_path):
    """A folder as TFDS prepares it, 42 training images in two files and 7 test images in one.

    The top left pixel of every image holds its row number.
    """
    folder = tmp_path / "tfds/cifar10/3.0.2"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for split, lengths in SHARDS.items():
        rows = iter(range(100))
        for shard, length in enumerate(lengths):
            name = f"cifar10-{split}.tfrecord-{shard:05d}-of-{len(lengths):05d}"
            with tf.io.TFRecordWriter(str(folder / name)) as writer:
                for row in itertools.islice(rows, length):
                    image = random.integers(0, 256, (32, 32, 3), np.uint8)
                    image[0, 0] = row
                    writer.write(example_of(image, row % 10))
    info = {
        "name": "cifar10",
        "version": "3.0.2",
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": split,
                "numBytes": "1000",
                "shardLengths": [str(length) for length in lengths],
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
            for split, lengths in SHARDS.items()
        ],
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    shape = {"dimensions": ["32", "32", "3"]}
    image = {"shape": shape, "dtype": "uint8", "encodingFormat": "png"}
    features = {
        "id": feature_of("text", "Text", text={}),
        "image": feature_of("image", "Image", image=image),
        "label": feature_of("class_label", "ClassLabel", classLabel={"numClasses": "10"}),
    }
    features = feature_of("features_dict", "FeaturesDict", featuresDict={"features": features})
    (folder / "features.json").write_text(json.dumps(features))
    return folder


def load(folder, **arguments):
    return load_cifar10(data_dir=folder.parents[1], **{"validation_examples": 5, **arguments})


def row_numbers(examples):
    return examples.images[:, 0, 0, 1].tolist()


def test_splits_follow_the_files(prepared):
    data_set = load(prepared)
    assert row_numbers(data_set.train) == list(range(37))
    assert row_numbers(data_set.validation) == list(range(37, 42))
    assert row_numbers(data_set.test) == list(range(7))
    assert data_set.train.labels.tolist() == [row % 10 for row in range(37)]
    assert data_set.input_shape == (32, 32, 3)
    assert data_set.class_names[3] == "cat"
    assert data_set.num_classes == 10


def test_train_examples_takes_the_first_and_leaves_validation(prepared):
    data_set = load(prepared, train_examples=31)
    assert row_numbers(data_set.train) == list(range(31))
    assert row_numbers(data_set.validation) == list(range(37, 42))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_examples": 42}, "validation_examples must be 1 to 41"),
        ({"validation_examples": 0}, "validation_examples must be 1 to 41"),
        ({"validation_examples": None}, "validation_examples must be 1 to 41.*got 1000"),
        ({"train_examples": 38}, "train_examples must be 1 to 37"),
        ({"train_examples": 0}, "train_examples must be 1 to 37"),
    ],
)
def test_numbers_out_of_range_are_refused(prepared, arguments, message):
    with pytest.raises(DataError, match=message):
        load(prepared, **arguments)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_bits(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_off, flip_bits, Path.unlink])
@pytest.mark.parametrize(
    "name",
    [
        "cifar10-train.tfrecord-00000-of-00002",
        "cifar10-train.tfrecord-00001-of-00002",
        "cifar10-test.tfrecord-00000-of-00001",
    ],
)
def test_a_broken_file_is_named(prepared, name, damage):
    damage(prepared / name)
    with pytest.raises(DataError, match="is missing or broken") as caught:
        load(prepared)
    assert str(prepared / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_between_records_is_noticed(prepared):
    path = prepared / "cifar10-test.tfrecord-00000-of-00001"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"cifar10-test.*missing or broken"):
        load(prepared)


def test_broken_description_is_refused(prepared):
    (prepared / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="is broken"):
        load(prepared)


def test_folder_without_description_is_refused(prepared):
    (prepared / "dataset_info.json").unlink()
    with pytest.raises(DataError, match="holds no complete TFDS data set"):
        load(prepared)


@pytest.fixture
def website(tmp_path, monkeypatch):
    """A stand-in for the official page: the archive's URL now leads to an empty local folder."""
    folder = tmp_path / "website"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/cifar-10-binary.tar.gz"
        monkeypatch.setattr(cifar10_archive, "ARCHIVE", url)
        monkeypatch.setattr(cifar.CifarInfo, "__new__", with_url(cifar.CifarInfo.__new__, url))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def with_url(constructor, url):
    return lambda cls, **fields: constructor(cls, **{**fields, "url": url})


def test_no_network_says_what_to_do(tmp_path, monkeypatch):
    # Nothing listens on port 9 of this machine.
    monkeypatch.setattr(cifar10_archive, "ARCHIVE", "http://127.0.0.1:9/cifar-10-binary.tar.gz")
    with pytest.raises(DataError, match="Connection refused") as caught:
        load_cifar10(data_dir=tmp_path / "none")
    message = str(caught.value)
    for part in (
        str(tmp_path / "none/cifar10/3.0.2"),
        "cifar10:3.0.2",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "--config.data.data_dir=",
    ):
        assert part in message
    assert "\n" not in message
    assert not (tmp_path / "none").exists()


def test_missing_archive_is_an_answer_too(tmp_path, website):
    with pytest.raises(DataError, match="cannot be downloaded"):
        load_cifar10(data_dir=tmp_path / "none")


def test_data_that_is_missing_is_downloaded_once(tmp_path, website):
    pytest.importorskip("importlib_resources", reason="TFDS 4.9.10 prepares nothing without it")
    random = np.random.default_rng(0)
    members = {"batches.meta.txt": "\n".join(cifar10.CLASS_NAMES).encode()}
    for name in [f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]:
        rows = random.integers(0, 256, (3, 3073), np.uint8)
        rows[:, 0] %= 10
        members[name] = rows.tobytes()
    with tarfile.open(website / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    first = load_cifar10(data_dir=tmp_path / "tfds", validation_examples=4)
    assert [len(first.train), len(first.validation), len(first.test)] == [11, 4, 3]
    (website / "cifar-10-binary.tar.gz").unlink()
    second = load_cifar10(data_dir=tmp_path / "tfds", validation_examples=4)
    np.testing.assert_array_equal(first.train.images, second.train.images)


def test_version_is_the_one_tfds_prepares(tmp_path):
    builder = tfds.builder("cifar10", data_dir=tmp_path, try_gcs=False)
    assert builder.data_dir == str(tmp_path / "cifar10" / cifar10_archive.VERSION)


def test_address_is_the_one_tfds_knows():
    known = tfds.core.utils.tfds_path() / "url_checksums/cifar10.txt"
    assert cifar10_archive.ARCHIVE in known.read_text()


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"needs prepared CIFAR-10 in {REAL_DATA}")
def test_real_data():
    data_set = load_cifar10(data_dir=REAL_DATA, train_examples=64)
    assert [len(data_set.train), len(data_set.validation), len(data_set.test)] == [64, 1000, 10000]
    assert np.bincount(data_set.test.labels).tolist() == [1000] * 10
    pixels = data_set.test.images[::10].astype(np.float64) / 255
    # 1,000 test images against the constants of the training split: an image's mean brightness has a
    # standard deviation of 0.12, so the mean of 1,000 one of 0.004; five of them.
    np.testing.assert_allclose(pixels.mean(axis=(0, 1, 2)), cifar10.MEAN, atol=0.02)
    np.testing.assert_allclose(pixels.std(axis=(0, 1, 2)), cifar10.STD, atol=0.02)
