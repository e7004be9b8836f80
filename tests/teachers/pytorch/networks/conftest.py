"""A reference that computes networks from their state dicts alone, in float64."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")
functional = torch.nn.functional


class StateReference:
    """Convolution, normalisation and classification by key; images [N, C, H, W] float64."""

    def __init__(self, network):
        self.state = network.state_dict()
        self.used = set()

    def __getitem__(self, key):
        self.used.add(key)
        return self.state[key]

    def has(self, key):
        return key in self.state

    def conv(self, key, features, stride=1, padding=0):
        return functional.conv2d(features, self[f"{key}.weight"], None, stride, padding)

    def norm(self, key, features):
        mean, variance, scale, shift = (
            self[f"{key}.{name}"].reshape(1, -1, 1, 1)
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        return (features - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    def classify(self, key, features):
        return features.mean((2, 3)) @ self[f"{key}.weight"].T + self[f"{key}.bias"]

    def assert_all_used(self):
        """Every weight of the network counts: none is built and left out."""
        unused = set(self.state) - self.used
        assert {key for key in unused if not key.endswith("num_batches_tracked")} == set()


@pytest.fixture
def randomized():
    """Gives a network float64 weights and batch statistics of varied size, in evaluation mode."""

    def randomize(network):
        generator = torch.Generator().manual_seed(7)
        network = network.double().eval()
        for key, value in network.state_dict().items():
            if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
                value.copy_(torch.rand(value.shape, generator=generator).double() + 0.5)
            elif value.is_floating_point():
                fan_in = max(1, value[0].numel()) if value.ndim > 1 else 1
                noise = torch.randn(value.shape, generator=generator).double()
                value.copy_(noise / fan_in**0.5)
        return network, StateReference(network)

    return randomize


@pytest.fixture
def batch():
    # Unequal sizes, so that swapped axes show; multiples of 8, since JAX's padding wants them.
    generator = torch.Generator().manual_seed(11)
    return torch.randn((2, 3, 16, 24), generator=generator).double()
