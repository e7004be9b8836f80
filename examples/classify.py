"""Classifies one image with an exported TFLite file; needs only ai-edge-litert, numpy and pillow.

python classify.py IMAGE MODEL.tflite [--labels=labels.txt] [--top=3] [--threads=1] [--margin=1]
"""

import argparse
import os
import sys
import time
from pathlib import Path

try:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image, ImageOps
except ImportError as missing:
    print(
        f"error: {missing.name.split('.')[0]} is missing: pip install ai-edge-litert numpy pillow",
        file=sys.stderr,
    )
    sys.exit(2)

TIMED_RUNS = 50
# The interpreter starts any number it is given, and kills the process if the system cannot.
MOST_THREADS = 8 * (os.cpu_count() or 1)


def main():
    """Prints the most probable classes and the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="an image file, of any size")
    parser.add_argument("model", help="a .tflite file that the export stage wrote")
    parser.add_argument(
        "--labels", help="class names, one per line (default: labels.txt beside it)"
    )
    parser.add_argument("--top", type=int, default=3, help="how many classes to print")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument(
        "--margin",
        type=float,
        default=1.0,
        help="resize to this many times the input's size, then cut the centre: 1.143 (256 / 224) for "
        "networks trained on random crops",
    )
    asked = parser.parse_args()
    if asked.top < 1 or not 1 <= asked.threads <= MOST_THREADS:
        fail(f"--top must be 1 or more, --threads 1 to {MOST_THREADS} on this machine.")
    if not 1 <= asked.margin < 10:
        fail("--margin must be at least 1 and below 10.")
    started = time.perf_counter()
    interpreter = load(asked.model, asked.threads)
    loaded = time.perf_counter()
    image_input, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = image_input["shape"]
    labels = read_labels(asked.labels, Path(asked.model).with_name("labels.txt"))
    if labels and len(labels) != output["shape"][-1]:
        fail(f"{len(labels)} labels, but the model has {output['shape'][-1]} classes.")
    if channels != 3:
        fail(f"{asked.model} takes {channels} channels; this program reads RGB images.")
    pixels = read_image(asked.image, height, width, asked.margin)
    interpreter.set_tensor(image_input["index"], quantized(pixels, image_input)[None])
    seconds = []
    for _ in range(TIMED_RUNS + 1):
        before = time.perf_counter()
        interpreter.invoke()
        seconds.append(time.perf_counter() - before)
    logits = dequantized(interpreter.get_tensor(output["index"])[0], output)
    if not np.isfinite(logits).all():
        fail(f"{asked.model} gives NaN or infinity: check it with sha256sum -c SHA256SUMS.")
    exponentials = np.exp(logits - logits.max())
    probabilities = exponentials / exponentials.sum()
    for number in np.argsort(-logits, kind="stable")[: asked.top]:
        name = labels[number] if labels else f"class {number}"
        print(f"{probabilities[number]:7.2%}  {name}")
    print(
        f"loaded in {1000 * (loaded - started):.1f} ms, first run {1000 * seconds[0]:.2f} ms, then "
        f"{1000 * np.median(seconds[1:]):.3f} ms (median of {TIMED_RUNS}, {asked.threads} thread(s))"
    )


def fail(message):
    """Ends with one line on standard error."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def load(path, threads):
    """Returns an interpreter with its tensors allocated."""
    try:
        interpreter = Interpreter(model_content=Path(path).read_bytes(), num_threads=threads)
        interpreter.allocate_tensors()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}.")
    except (ValueError, RuntimeError):
        fail(f"{path} is not a whole TFLite file: export it again.")
    shapes = [end["shape"] for end in interpreter.get_input_details()]
    if [len(shape) for shape in shapes] != [4]:
        fail(f"{path} does not take one image.")
    return interpreter


def read_labels(given, beside):
    """Returns the class names in a given file, or in the one beside the model if it exists."""
    path = Path(given) if given else beside
    try:
        labels = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        if given:
            fail(f"cannot read the labels in {path}: no such file.")
        return []
    except (OSError, UnicodeDecodeError):
        fail(f"cannot read the labels in {path}.")
    if not labels:
        fail(f"{path} holds no labels.")
    return labels


def read_image(path, height, width, margin=1.0):
    """Returns float32 [height, width, 3] in [0, 1], prepared as in training.

    A camera's orientation is undone, transparency is laid over white, 16-bit gray is scaled. The
    picture is resized until it just covers `margin` times the size, and its centre is cut out.
    """
    try:
        with Image.open(path) as image:
            image = in_rgb(path, ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        fail(f"{path} has too many pixels to decode safely.")
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as error:
        fail(f"cannot read {path} as an image: {getattr(error, 'strerror', None) or 'damaged'}.")
    covered_height, covered_width = round(height * margin), round(width * margin)
    if image.height * covered_width <= image.width * covered_height:
        resized = covered_height, image.width * covered_height // image.height
    else:
        resized = image.height * covered_width // image.width, covered_width
    top, left = round((resized[0] - height) / 2), round((resized[1] - width) / 2)
    rows, columns = image.height / resized[0], image.width / resized[1]
    right = min((left + width) * columns, image.width)
    bottom = min((top + height) * rows, image.height)
    box = (left * columns, top * rows, right, bottom)
    cut = image.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(cut, np.float32) / 255


def in_rgb(path, image):
    """Returns an image with 8 bits per channel; exits if the pixels' range is unknown."""
    if image.mode in ("I", "F"):
        fail(f"{path} has 32 bits a pixel, with an unknown range: save it with 8 or 16.")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def quantized(values, end):
    """round(value / scale) + zero point where the file takes integers, else the values."""
    if not np.issubdtype(end["dtype"], np.integer):
        return values.astype(end["dtype"])
    scale, zero_point = end["quantization"]
    limits = np.iinfo(end["dtype"])
    return np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max).astype(
        end["dtype"]
    )


def dequantized(values, end):
    """The inverse of `quantized`, float32."""
    if not np.issubdtype(end["dtype"], np.integer):
        return values.astype(np.float32)
    scale, zero_point = end["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale)


if __name__ == "__main__":
    main()
