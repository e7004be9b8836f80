"""Makes the ONNX files of the tests with PyTorch's two exporters.

Usage: python tests/teachers/onnx_import/make_onnx_files.py FOLDER [NAME ...]

Writes the named files ("all" for all of them, by default those that are committed in
tests/teachers/onnx_import/onnx_files) and expected.npz: the images and what PyTorch itself computes
for them.
Needs torch, torchvision and, for all but the older exporter's files, onnxscript.

TensorFlow must not be loaded in this process: triton, which PyTorch brings on Linux, aborts it
("inconsistency in registered CommandLine options").
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional

IMAGE = (8, 12)
SEED = 7


class Network(nn.Module):
    """Normalisation, two convolutions, a shortcut, and a head that `ending` computes."""

    def __init__(self, shortcut, ending):
        super().__init__()
        self.shortcut, self.ending = SHORTCUTS[shortcut], ENDINGS[ending]
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1))
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 12, 3, 2, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(12)
        self.slopes = nn.PReLU(12)
        self.last_norm = nn.BatchNorm1d(12)
        self.dense = nn.Linear(12, 5)

    def forward(self, images):
        features = (images - self.mean) / 0.25
        features = functional.silu(self.first_norm(self.first(features)))
        branch = self.second_norm(self.second(features))
        features = self.slopes(branch + self.shortcut(features))
        return self.dense(functional.dropout(self.last_norm(self.ending(features)), training=False))


SHORTCUTS = {
    "pad": lambda x: functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3)),
    "zeros": lambda x: torch.cat([x[:, :, ::2, ::2], torch.zeros_like(x[:, :, ::2, ::2])], 1),
    "pool": lambda x: torch.cat([functional.avg_pool2d(x, 2)] * 2, 1),
    "gate": lambda x: functional.leaky_relu(functional.hardswish(x[:, :1].mean((2, 3), True)), 0.2),
}
ENDINGS = {
    "view": lambda x: functional.avg_pool2d(x, (4, 6)).view(x.size(0), -1),
    "flatten": lambda x: torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1),
    "mean": lambda x: x.mean((2, 3)),
    "squeeze": lambda x: functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1),
    "axes": lambda x: x.view(x.shape[0], x.shape[1], -1).mean(2),
    "reshape": lambda x: functional.adaptive_max_pool2d(functional.relu6(x), 1).reshape(-1, 12),
}


class PreactivationBlock(nn.Module):
    """A basic block of WRN-34 and PreActResNet-18; its shortcut reads the first activation."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(filters)
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.shortcut = None
        if stride != 1 or channels != filters:
            self.shortcut = nn.Conv2d(channels, filters, 1, stride, bias=False)

    def forward(self, features):
        active = functional.relu(self.norm1(features))
        kept = features if self.shortcut is None else self.shortcut(active)
        return self.conv2(functional.relu(self.norm2(self.conv1(active)))) + kept


def preactivation_network(widths, blocks):
    """WRN-34-10 and PreActResNet-18 by their blocks; widths are small here."""
    channels, layers = 3, [nn.Conv2d(3, 3, 3, padding=1, bias=False)]
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for index in range(count):
            layers.append(PreactivationBlock(channels, width, 2 if stage and not index else 1))
            channels = width
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(channels, 5))


def bottleneck_network(width):
    """ResNet-50's graph, and WRN-50-2's at twice the width of a group; few weights."""
    bottleneck = torchvision.models.resnet.Bottleneck
    return torchvision.models.ResNet(bottleneck, [3, 4, 6, 3], 5, width_per_group=width)


PAPER = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=5),
    "resnet50": lambda: bottleneck_network(2),
    "wrn50": lambda: bottleneck_network(4),
    # The first stage's first block widens too: its shortcut is a projection.
    "wrn34": lambda: preactivation_network((4, 5, 7), (5, 5, 5)),
    "preact18": lambda: preactivation_network((3, 4, 5, 7), (2, 2, 2, 2)),
}
UNFUSED = {
    "legacy": {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False},
    "dynamo": {"optimize": False},
}


def recipes():
    """Returns {file name: (builder, exporter, opset, whether the batch is free, options)}."""
    found = {}

    def add(name, build, exporter, opset, free=True, **options):
        found[f"{name}_{exporter}{opset}{'' if free else '_fixed'}"] = (
            *(build, exporter, opset, free, options),
        )

    for shortcut, ending, exporter, opset in (
        *[("pad", ending, "legacy", 17) for ending in ENDINGS],
        *[("pad", ending, "dynamo", 18) for ending in ENDINGS],
        *[(shortcut, "view", "legacy", 13) for shortcut in SHORTCUTS],
        *[(shortcut, "flatten", "dynamo", 20) for shortcut in SHORTCUTS],
        *[("pool", "view", "legacy", opset) for opset in (9, 10, 11, 12, 20)],
    ):
        for free in (True, False):
            if exporter == "legacy" or free or ending == "view":
                build = lambda s=shortcut, e=ending: Network(s, e)  # noqa: E731
                add(f"{shortcut}_{ending}", build, exporter, opset, free)
    build = lambda: nn.Sequential(Network("zeros", "mean"), nn.LogSoftmax(1))  # noqa: E731
    add("logsoftmax", build, "dynamo", 18, external_data=True)
    build = lambda: nn.Sequential(Network("gate", "squeeze"), nn.Softmax(1))  # noqa: E731
    add("softmax", build, "legacy", 17)
    for name, build in PAPER.items():
        for exporter, opset in (("legacy", 17), ("dynamo", 18)):
            add(name, build, exporter, opset)
            add(f"{name}_unfused", build, exporter, opset, **UNFUSED[exporter])
    return found


COMMITTED = (
    *("pool_view_legacy9", "pad_axes_legacy17_fixed", "zeros_view_legacy13", "softmax_legacy17"),
    *("logsoftmax_dynamo18", "gate_flatten_dynamo20", "preact18_dynamo18"),
    "preact18_unfused_legacy17",
)


def build_network(build):
    """Builds a network whose statistics are not their initial values."""
    torch.manual_seed(SEED)
    network = build().eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias.data):
                values.uniform_(-0.5, 0.5)
            for values in (layer.running_var, layer.weight.data):
                values.uniform_(0.5, 2)
    return network


def export(network, path, exporter, opset, free, options):
    """Writes one file."""
    example = torch.rand(2, 3, *IMAGE)
    settings = {"dynamo": exporter == "dynamo", "opset_version": opset}
    if exporter == "dynamo":
        settings |= {"verbose": False, "external_data": False}
        if free:
            settings["dynamic_shapes"] = ({0: torch.export.Dim("batch")},)
    elif free:
        settings |= {"input_names": ["images"], "output_names": ["logits"]}
        settings["dynamic_axes"] = {"images": {0: "batch"}, "logits": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (example,), str(path), **(settings | options))


def main(folder, *names):
    """Writes the files and what is expected of them."""
    available = recipes()
    names = available if names == ("all",) else names or COMMITTED
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(SEED).random((3, *IMAGE, 3), dtype=np.float32)
    expected = {"images": images}
    for name in names:
        build, *recipe = available[name]
        network = build_network(build)
        with torch.no_grad():
            pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
            expected[name] = network(pixels).numpy()
        export(network, folder / f"{name}.onnx", *recipe)
    np.savez(folder / "expected.npz", **expected)


if __name__ == "__main__":
    main(*sys.argv[1:])
