import os
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")

from teachers.errors import TeacherError  # noqa: E402
from teachers.pytorch.checkpoint import agreed_normalization, load_weights, read_checkpoint  # noqa: E402
from teachers.pytorch.networks.wide_resnet import WideResNet  # noqa: E402
from teachers.pytorch.zoo import ZOO  # noqa: E402
from teachers.pytorch.zoo_entry import InputNormalization  # noqa: E402

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


@pytest.fixture
def network():
    torch.manual_seed(3)
    return WideResNet(10, 2, num_classes=7)


@pytest.fixture
def weights(network):
    return network.state_dict()


@pytest.fixture
def save(tmp_path):
    def write(content):
        torch.save(content, tmp_path / "checkpoint.pt")
        return tmp_path / "checkpoint.pt"

    return write


def prefixed(prefix, weights):
    return {prefix + key: value for key, value in weights.items()}


def constant(values, shape=(3, 1, 1)):
    return torch.tensor(values).reshape(shape)


def madrylab(weights):
    """As the `robustness` library saves: the model twice, each with its normaliser."""
    normalizer = {"new_mean": constant(MEAN), "new_std": constant(STD)}
    return {
        "epoch": 150,
        "model": {
            **prefixed("module.normalizer.", normalizer),
            **prefixed("module.model.", weights),
            **prefixed("module.attacker.normalize.", normalizer),
            **prefixed("module.attacker.model.", weights),
        },
        "optimizer": {"state": {0: {"momentum": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
    }


CONVENTIONS = {
    "bare": lambda weights: weights,
    "parallel": lambda weights: prefixed("module.", weights),
    "state_dict": lambda weights: {"state_dict": prefixed("module.", weights), "epoch": 3},
    "compiled": lambda weights: prefixed("_orig_mod.module.", weights),
    "trades": lambda weights: weights | prefixed("sub_", {"block1.layer.0.w": torch.ones(5)}),
    "sequential": lambda weights: {"model_state_dict": prefixed("module.0.", weights)},
    "madrylab": madrylab,
    "robustbench": lambda weights: {
        "normalize.mean": constant(MEAN, (1, 3, 1, 1)),
        "normalize.std": constant(STD, (1, 3, 1, 1)),
        **prefixed("model.", weights),
    },
    "normalised sequential": lambda weights: prefixed(
        "module.",
        {"0.mean": constant(MEAN), "0.std": constant(STD), **prefixed("1.", weights)},
    ),
    "buffers": lambda weights: {"mu": constant(MEAN), "sigma": constant(STD), **weights},
}
NORMALIZED = ("madrylab", "robustbench", "normalised sequential", "buffers")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention(convention, network, weights, save):
    state = read_checkpoint(save(CONVENTIONS[convention](weights)))
    assert list(state.weights) == list(weights)
    other = WideResNet(10, 2, num_classes=7)
    load_weights(other, state, "wide_resnet10_2")
    for key, value in other.state_dict().items():
        assert torch.equal(value, weights[key]), key
    if convention in NORMALIZED:
        assert state.normalization.mean == pytest.approx(MEAN, abs=1e-7)  # float32 in the file
        assert state.normalization.std == pytest.approx(STD, abs=1e-7)
        assert state.normalization.clamps == (convention == "madrylab")
    else:
        assert state.normalization is None
    left_out = {"trades": "sub_block1.layer.0.w", "madrylab": "module.attacker.normalize.new_mean"}
    assert state.left_out[:1] == tuple(left_out[convention] for _ in "1" if convention in left_out)


@pytest.mark.parametrize("entry", ZOO.values(), ids=lambda entry: entry.name)
def test_every_layout_of_the_zoo(entry, weights, save):
    content = prefixed(entry.prefix, weights)
    # Another state dict beside it, as files with an unaveraged or averaged twin have.
    beside = {"other": prefixed(entry.prefix, weights)} if entry.state_key else {}
    content = {entry.state_key: content, **beside} if entry.state_key else content
    assert list(read_checkpoint(save(content), entry.state_key).weights) == list(weights)


def test_files_older_than_the_step_counter_are_read(weights, save):
    old = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    load_weights(WideResNet(10, 2, num_classes=7), read_checkpoint(save(old)), "wide")


def test_several_state_dicts_must_be_told_apart(weights, save):
    path = save({"model": weights, "ema": {k: 2 * v for k, v in weights.items()}})
    with pytest.raises(TeacherError, match=r"several state dicts: model, ema; .* --state_key"):
        read_checkpoint(path)
    chosen = read_checkpoint(path, "ema").weights["fc.bias"]
    assert torch.equal(chosen, 2 * weights["fc.bias"])


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("form", ["zip", "legacy", "plain pickle"])
def test_a_hostile_pickle_is_refused_and_not_run(form, weights, tmp_path):
    path, trace = tmp_path / "evil.pt", tmp_path / "it_ran"
    content = {"state_dict": weights, "epoch": Evil(trace)}
    if form == "plain pickle":
        path.write_bytes(pickle.dumps(content["epoch"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(
        TeacherError, match=r"evil.pt needs (posix|nt).mkdir to load, more than te"
    ) as failure:
        read_checkpoint(path)
    assert "\n" not in str(failure.value)
    assert not trace.exists()
    torch.load(path, weights_only=False) if form != "plain pickle" else pickle.loads(
        path.read_bytes()
    )
    assert trace.exists()  # the file is as hostile as it claims


def test_a_whole_module_is_refused(network, save):
    with pytest.raises(
        TeacherError, match=r"WideResNet to load, more than tensors.*torch.save only its"
    ):
        read_checkpoint(save(network))


def test_numpy_numbers_are_refused_with_their_name(weights, save):
    with pytest.raises(TeacherError, match=r"needs numpy.* to load"):
        read_checkpoint(save({"state_dict": weights, "accuracy": np.float64(0.5)}))


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 99, b"PK\x03\x04", b"\x80\x02.", b"\x80\x04]."]
)
def test_files_that_are_not_checkpoints(content, tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(
        TeacherError, match=r"not a PyTorch checkpoint, or is damaged|no state dict"
    ) as failure:
        read_checkpoint(path)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_flipped_bits_are_refused_or_read(legacy, weights, tmp_path):
    # The format without a zip archive is that of most checkpoints of 2019 and 2020.
    path = tmp_path / "checkpoint.pt"
    torch.save(weights, path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    # The heads of the file, where its structure is; the rest are weights.
    for place in generator.integers(0, min(len(content), 12_000), 150):
        flipped = bytearray(content)
        flipped[place] ^= 1 << generator.integers(8)
        path.write_bytes(bytes(flipped))
        try:
            read_checkpoint(path)
        except TeacherError as error:
            refused += "\n" not in str(error)
    assert refused > 10


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.5] * 3, [0.2, 0.0, 0.2], "deviations above 0"),
        ([0.5] * 3, [0.2, float("nan"), 0.2], "finite"),
        ([0.5] * 2, [0.2] * 2, "one or three"),
    ],
)
def test_a_stored_normalisation_that_cannot_be_one(mean, std, message, weights, save):
    stored = {f"1.{key}": value for key, value in weights.items()}
    stored |= {"0.mean": torch.tensor(mean), "0.std": torch.tensor(std)}
    with pytest.raises(TeacherError, match=message):
        read_checkpoint(save(stored))


@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_files_are_refused(legacy, weights, tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save(weights, path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    for length in range(0, len(content), len(content) // 11):
        path.write_bytes(content[:length])
        with pytest.raises(TeacherError, match="not a PyTorch checkpoint, or is damaged"):
            read_checkpoint(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(TeacherError, match="is not a file; give the path of a PyTorch"):
        read_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [{"epoch": 3, "name": "a"}, [torch.ones(3)], {}])
def test_files_without_a_state_dict(content, save):
    with pytest.raises(TeacherError, match="holds no state dict, a dictionary of tensors by name"):
        read_checkpoint(save(content))


def test_misfits_are_listed_and_counted(weights, save):
    changed = dict(weights)
    for key in ("bn1.weight", "bn1.bias", "fc.bias", "conv1.weight", "bn1.running_var"):
        del changed[key]
    changed["fc.weight"] = torch.ones(11, 128)
    changed["extra.weight"] = torch.ones(2)
    with pytest.raises(TeacherError) as failure:
        load_weights(WideResNet(10, 2, num_classes=7), read_checkpoint(save(changed)), "wide")
    assert str(failure.value).endswith(
        "does not fit wide: keys 5 missing (conv1.weight, bn1.weight, bn1.bias, bn1.running_var, "
        "...), 1 unexpected (extra.weight), 1 of another shape (fc.weight [11, 128] instead of "
        "[7, 128]); choose the architecture and number of classes that it was trained with."
    )


def test_weights_that_are_not_finite_are_refused(weights, save):
    changed = weights | {"fc.bias": torch.full((7,), float("nan"))}
    with pytest.raises(TeacherError, match=r"weights that are not finite \(fc.bias\)"):
        load_weights(WideResNet(10, 2, num_classes=7), read_checkpoint(save(changed)), "wide")


def test_half_a_normalisation_is_refused(weights, save):
    with pytest.raises(TeacherError, match="stores the input normalisation as mu, wanted one mean"):
        read_checkpoint(save({"mu": constant(MEAN), **weights}))


def test_normalisations_agree_or_are_refused(weights, save):
    stored = read_checkpoint(save(madrylab(weights)))
    plain = read_checkpoint(save(weights))
    said = InputNormalization(MEAN, STD)
    assert agreed_normalization(stored, None, is_known=False) == stored.normalization
    assert agreed_normalization(stored, said, is_known=True).clamps
    assert agreed_normalization(plain, said, is_known=True) == said
    assert agreed_normalization(plain, None, is_known=False) is None
    other = InputNormalization(MEAN, (0.2471, 0.2435, 0.2616))
    with pytest.raises(TeacherError, match=r"std 0.2023,0.1994,0.201, wanted mean .*0.2435,0.2616"):
        agreed_normalization(stored, other, is_known=True)
    with pytest.raises(TeacherError, match="wanted no normalisation; it is another checkpoint"):
        agreed_normalization(stored, None, is_known=True)


def test_a_stored_identity_is_not_a_normalisation(weights, save):
    zeros, ones = constant([0.0] * 3), constant([1.0] * 3)
    state = read_checkpoint(save({"mean": zeros, "std": ones, **weights}))
    assert agreed_normalization(state, None, is_known=True).std == (1, 1, 1)
