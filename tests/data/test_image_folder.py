import numpy as np
import pytest
from PIL import Image

from rnascl_tf.data.batches import training_batches
from rnascl_tf.data.errors import DataError
from rnascl_tf.data.image_folder import load_image_folder

COUNTS = {"train": (29, 17, 7), "val": (3, 2, 1), "test": (1, 2, 3)}
CLASSES = ("ant", "bee", "cow")


def color(label, number):
    """Tells class and number of an image."""
    return (80 * label + 20, 5 * number, 200)


def make_folder(root, splits):
    for split in splits:
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(COUNTS[split][label]):
                image = Image.new("RGB", (19, 23), color(label, number))
                image.save(folder / f"{number}.png")
    return root


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path, ["train", "val"])


def load(folder, **arguments):
    return load_image_folder(data_dir=str(folder), **{"image_size": 11, **arguments})


def identities(examples):
    """(class, number) of every image, as its pixels tell."""
    pixels = examples.pixels(np.arange(len(examples)))[:, 5, 5].astype(int)
    return [((red - 20) // 80, green // 5) for red, green, _ in pixels]


def everything(split):
    return [(label, number) for label in range(3) for number in range(COUNTS[split][label])]


def test_validation_is_held_out_of_train_where_there_is_only_val(folder):
    data_set = load(folder)
    assert data_set.class_names == CLASSES
    assert data_set.input_shape == (11, 11, 3)
    assert identities(data_set.test) == everything("val")
    train, validation = identities(data_set.train), identities(data_set.validation)
    assert len(validation) == 5  # a tenth of 53
    assert sorted(train + validation) == everything("train")
    for examples in (data_set.train, data_set.validation, data_set.test):
        assert examples.labels.tolist() == [label for label, _ in identities(examples)]


def test_only_test_is_as_good_as_only_val(tmp_path):
    data_set = load(make_folder(tmp_path, ["train", "test"]))
    assert identities(data_set.test) == everything("test")
    assert len(data_set.validation) == 5


def test_val_and_test_are_taken_as_they_are(tmp_path):
    data_set = load(make_folder(tmp_path, ["train", "val", "test"]))
    assert identities(data_set.validation) == everything("val")
    assert identities(data_set.test) == everything("test")
    assert sorted(identities(data_set.train)) == everything("train")
    with pytest.raises(DataError, match=r"its own validation images in val: unset .*got 3"):
        load(tmp_path, validation_examples=3)


def test_held_out_images_hold_each_class_in_proportion(folder):
    data_set = load(folder, validation_examples=26)
    counts = np.bincount(data_set.validation.labels)
    # 26 of 53: 14.2, 8.3, 3.4
    assert np.abs(counts - np.array(COUNTS["train"]) * 26 / 53).max() < 1.5
    assert len(data_set.train) == 27


def test_the_split_depends_on_names_alone(folder, tmp_path_factory):
    elsewhere = make_folder(tmp_path_factory.mktemp("other"), ["val", "train"])
    one, other = load(folder), load(elsewhere)
    assert identities(one.train) == identities(other.train)
    assert identities(one.validation) == identities(other.validation)


def test_train_examples_takes_the_first(folder):
    few = load(folder, train_examples=20)
    assert identities(few.train) == identities(load(folder).train)[:20]
    assert identities(few.validation) == identities(load(folder).validation)
    assert set(few.train.labels.tolist()) == {0, 1, 2}


def test_sizes_and_colours_may_be_mixed(folder):
    rest = np.random.default_rng(0).integers(0, 256, (31, 8, 4), np.uint8)
    Image.fromarray(rest[..., 0]).save(folder / "train/ant/gray.png")
    Image.fromarray(rest).save(folder / "train/ant/alpha.png")
    Image.fromarray(rest[..., 0].astype(np.uint16) * 256).save(folder / "train/ant/deep.png")
    Image.fromarray(rest).convert("CMYK").save(folder / "train/ant/print.jpg")
    Image.fromarray(rest[..., :3]).save(folder / "train/ant/tiny.webp")
    (batch,) = training_batches(
        load(folder).train, batch_size=50, seed=0, crop_padding=1, flip=True
    ).take(1)
    assert batch["image"].shape == (50, 11, 11, 3)


@pytest.mark.parametrize("counts", [{"image_size": 7}, {"image_size": 32.0}, {"image_size": True}])
def test_impossible_image_size_is_refused(folder, counts):
    with pytest.raises(DataError, match="image_size must be an integer, 8 pixels or more, got"):
        load(folder, **counts)


def test_default_image_size(folder):
    assert load(folder, image_size=None).input_shape == (224, 224, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_examples": 53}, "validation_examples must be 1 to 52"),
        ({"validation_examples": 0}, "validation_examples must be 1 to 52"),
        ({"train_examples": 49}, "train_examples must be 1 to 48"),
        ({"validation_examples": 52}, "no training image is left of .*: lower validation_examples"),
    ],
)
def test_numbers_out_of_range_are_refused(folder, arguments, message):
    with pytest.raises(DataError, match=message):
        load(folder, **arguments)


def test_missing_folders_are_explained(tmp_path):
    with pytest.raises(DataError, match=r"needs --config\.data\.data_dir=FOLDER"):
        load_image_folder()
    with pytest.raises(DataError, match="has neither train nor val: make a folder for each split"):
        load(tmp_path)
    make_folder(tmp_path, ["train"])
    with pytest.raises(DataError, match="but has train: make a folder"):
        load(tmp_path)


def test_another_class_in_val_is_refused(folder):
    (folder / "val/bee").rename(folder / "val/wasp")
    with pytest.raises(DataError, match="but lacks bee and also has wasp"):
        load(folder)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_truncated_image_is_named(folder, split):
    path = folder / split / "cow/0.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=rf"{split}/cow/0\.png cannot be read as an image"):
        load(folder)
