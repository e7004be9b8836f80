"""Classifies one image with an exported TFLite file; needs ai-edge-litert, numpy and pillow alone.

python classify.py IMAGE MODEL.tflite [--labels=labels.txt] [--top=3] [--threads=1]
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

TIMED_RUNS = 50


def main():
    """Prints the most probable classes and the time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="an image file, of any size")
    parser.add_argument("model", help="a .tflite file that the export stage wrote")
    parser.add_argument("--labels", help="class names, one a line (default: labels.txt beside it)")
    parser.add_argument("--top", type=int, default=3, help="how many classes to print")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    asked = parser.parse_args()
    if asked.top < 1 or asked.threads < 1:
        fail("--top and --threads must be 1 or more.")
    started = time.perf_counter()
    interpreter = load(asked.model, asked.threads)
    loaded = time.perf_counter()
    image_input, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _, height, width, channels = image_input["shape"]
    labels = read_labels(asked.labels or Path(asked.model).with_name("labels.txt"))
    if labels and len(labels) != output["shape"][-1]:
        fail(f"{len(labels)} labels, but the model has {output['shape'][-1]} classes.")
    pixels = read_image(asked.image, width, height, channels)
    interpreter.set_tensor(image_input["index"], quantized(pixels, image_input)[None])
    seconds = []
    for _ in range(TIMED_RUNS + 1):
        before = time.perf_counter()
        interpreter.invoke()
        seconds.append(time.perf_counter() - before)
    logits = dequantized(interpreter.get_tensor(output["index"])[0], output)
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


def read_labels(path):
    """Returns the class names, none if there is no such file."""
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        fail(f"cannot read the labels in {path}.")


def read_image(path, width, height, channels):
    """Returns float32 [height, width, channels] in [0, 1]: the image's middle square, resized."""
    try:
        with Image.open(path) as image:
            image = image.convert("RGB" if channels == 3 else "L")
    except OSError:
        fail(f"cannot read {path} as an image.")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((width, height))
    return np.asarray(square, np.float32).reshape(height, width, channels) / 255


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
