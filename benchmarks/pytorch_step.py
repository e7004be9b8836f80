"""A training step of S3 at batch 128 on clean images: ours against PyTorch's on the same cores.

PyTorch runs eagerly and channels last, in float32 and in bfloat16 by autocast; the faster of the two is
the baseline. Both sides: forward, cross-entropy, backward, SGD with momentum and L2. PyTorch's threads
wait for each other passively, see `pytorch_student`.
"""

import statistics

import tensorflow as tf

from benchmarks.ratio import measure, seconds
from benchmarks.train_step import compiled_step
from benchmarks.training_attack import BATCH, CLASSES, SHAPE, new_student
from rnascl_tf.console import console
from rnascl_tf.training import ClassifierModel

try:
    # First: the module sets how PyTorch's threads wait for each other.
    from benchmarks.pytorch_student import from_keras  # isort: skip
    import torch
except ImportError as error:
    torch, MISSING = None, error.name

ROUNDS = 25
TRIALS = 5


def run():
    """Returns the list of this file's ratios, empty without PyTorch."""
    if torch is None:
        console.print(f"{MISSING} is not installed: no comparison with PyTorch's training step.")
        return []
    student = new_student("hard_swish")
    images = tf.random.stateless_uniform((BATCH, *SHAPE), (0, 1))
    labels = tf.random.stateless_uniform((BATCH,), (0, 2), 0, CLASSES, tf.int32)
    theirs = {
        dtype: _step(student, images.numpy(), labels.numpy(), dtype)
        for dtype in (torch.float32, torch.bfloat16)
    }
    medians = {dtype: _median(step) for dtype, step in theirs.items()}
    fastest = min(medians, key=medians.get)
    for dtype, taken in medians.items():
        console.print(f"PyTorch {torch.__version__}, {dtype}: {1000 * taken / BATCH:.2f} ms/image")
    ours = compiled_step(ClassifierModel(student))
    batch = {"image": images, "label": labels}
    return [
        measure(
            "train_step_pytorch",
            lambda: ours(batch),
            [theirs[fastest]],
            baseline=f"PyTorch's training step of the same student in {fastest}",
            target=0.9,
            rounds=ROUNDS,
        )
    ]


def _step(student, images, labels, dtype):
    model = from_keras(student).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, weight_decay=2e-4)
    images = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = torch.tensor(labels, dtype=torch.int64)

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _median(step):
    times = [seconds(step) for _ in range(TRIALS + 2)]
    return statistics.median(times[2:])  # after two that warm up
