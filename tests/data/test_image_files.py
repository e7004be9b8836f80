import io

import numpy as np
import pytest
from PIL import Image, features

from rnascl_tf.data.errors import DataError
from rnascl_tf.data.image_files import check_image, read_images


@pytest.fixture
def pixels():
    return np.random.default_rng(5).integers(0, 256, (11, 17, 3), np.uint8)


def test_images_of_the_right_size_are_read_as_they_are(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "one.png")
    Image.fromarray(pixels[::-1].copy()).save(tmp_path / "two.bmp")
    images = read_images([tmp_path / "one.png", str(tmp_path / "two.bmp")], (11, 17, 3))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, [pixels, pixels[::-1]])


def test_other_sizes_are_resized_and_cropped(tmp_path):
    ramp = np.broadcast_to(np.arange(0, 192, 4, np.uint8)[None, :, None], (12, 48, 3))
    Image.fromarray(ramp.copy()).save(tmp_path / "ramp.png")
    (image,) = read_images([tmp_path / "ramp.png"], (6, 12, 3))
    # Halved to 6x24, whose columns are means of pairs; the 12 in the middle begin with the 7th pair.
    np.testing.assert_array_equal(image[3, :, 0], np.arange(12) * 8 + 50)
    (narrower,) = read_images([tmp_path / "ramp.png"], (6, 12, 3), margin=2.0)
    np.testing.assert_array_equal(narrower[3, :, 0], np.arange(18, 30) * 4)


def test_gray_is_repeated_and_16_bits_are_scaled(tmp_path, pixels):
    gray = pixels[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    Image.fromarray(gray.astype(np.uint16) * 256 + 77).save(tmp_path / "deep.png")
    images = read_images([tmp_path / "gray.png", tmp_path / "deep.png"], (11, 17, 3))
    for image in images:
        np.testing.assert_array_equal(image, np.stack([gray] * 3, axis=-1))


def test_transparency_is_laid_over_white(tmp_path):
    colors = np.zeros((3, 5, 4), np.uint8)
    colors[0] = (255, 0, 0, 255)
    colors[1] = (255, 0, 0, 0)
    colors[2] = (0, 0, 0, 51)  # a fifth of black over white is 204
    Image.fromarray(colors).save(tmp_path / "alpha.png")
    (image,) = read_images([tmp_path / "alpha.png"], (3, 5, 3))
    assert image[:, 2].tolist() == [[255, 0, 0], [255, 255, 255], [204, 204, 204]]


def test_palette_with_a_transparent_entry(tmp_path):
    palette = Image.new("P", (5, 3), 0)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((4, 2), 1)
    palette.save(tmp_path / "palette.png", transparency=0)
    (image,) = read_images([tmp_path / "palette.png"], (3, 5, 3))
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[2, 4].tolist() == [200, 100, 50]


def test_exif_orientation_is_undone(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to view
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    (image,) = read_images([tmp_path / "turned.png"], (17, 11, 3))
    np.testing.assert_array_equal(image, np.rot90(pixels, k=-1))


def test_cmyk_and_animation(tmp_path, pixels):
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "print.tif")
    frames = [Image.new("RGB", (7, 5), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert read_images([tmp_path / "print.tif"], (11, 17, 3)).shape == (1, 11, 17, 3)
    (image,) = read_images([tmp_path / "moving.gif"], (5, 7, 3))
    assert image[2, 3].tolist() == [255, 0, 0]


def test_broken_files_are_named(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "good.jpg")
    content = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.jpg").write_text("not an image")
    for name in ("cut.jpg", "empty.png", "notes.jpg", "missing.png", "."):
        with pytest.raises(DataError, match="cannot be read as an image") as caught:
            read_images([tmp_path / "good.jpg", tmp_path / name], (11, 17, 3))
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # its remarks on damaged TIFF tags
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_damaged_files_are_read_or_refused(tmp_path, pixels, kind):
    if kind == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    content = stream.getvalue()
    random = np.random.default_rng(7)
    for trial in range(60):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), 1 + trial % 5):
            damaged[position] ^= 1 << int(random.integers(8))
        if trial % 3 == 0:
            del damaged[int(random.integers(len(content))) :]
        path = tmp_path / f"{trial}.bin"
        path.write_bytes(damaged)
        try:
            outcome = read_images([path], (5, 7, 3)).shape
        except DataError as error:
            outcome = str(error).split(" ")[0]
        assert outcome in ((1, 5, 7, 3), str(path))


@pytest.mark.parametrize("limit", [10, 100])
def test_decompression_bombs_are_refused(tmp_path, pixels, monkeypatch, limit):
    # 187 pixels: over the limit of 100 Pillow warns, over twice the limit of 10 it raises.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    Image.fromarray(pixels).save(tmp_path / "bomb.png")
    with pytest.raises(DataError, match=r"bomb\.png has too many pixels"):
        read_images([tmp_path / "bomb.png"], (11, 17, 3))


@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_32_bits_a_pixel_are_refused(tmp_path, pixels, kind):
    Image.fromarray(pixels[..., 0].astype(kind)).save(tmp_path / "deep.tif")
    with pytest.raises(DataError, match=r"deep\.tif has 32 bits a pixel"):
        read_images([tmp_path / "deep.tif"], (11, 17, 3))


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_check_passes_whole_files_and_refuses_cut_ones(tmp_path, pixels, suffix):
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(pixels).resize((301, 199)).save(path)
    check_image(path)
    content = path.read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 40):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=f"image.{suffix} cannot be read"):
            check_image(path)


def test_check_decodes_what_has_bytes_after_its_end(tmp_path, pixels):
    for name in ("image.jpg", "image.png"):
        path = tmp_path / name
        Image.fromarray(pixels).save(path)
        path.write_bytes(path.read_bytes() + bytes(100))
        check_image(path)


def test_no_path_and_other_channels_are_refused(tmp_path):
    with pytest.raises(DataError, match="no image file"):
        read_images([], (11, 17, 3))
    with pytest.raises(DataError, match="1 channels are wanted"):
        read_images([tmp_path / "any.png"], (11, 17, 1))
