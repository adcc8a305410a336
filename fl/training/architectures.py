"""The models that clients train: softmax regression, a multilayer perceptron, convolutional networks.

Each is a pure function of parameters and inputs, and each returns the logits with the representation that drift scores
and MOON's contrastive term compare. Parameters may be one model's or many models' stacked along a leading client axis:
then layers are batched matrix products over the clients, and a convolution is one over its patches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.input_error import InputError
from .convolution import convolve_and_pool, patches_of
from .parameters import Params

__all__ = ["ARCHITECTURES", "Architecture", "architecture"]

Shapes = dict[str, tuple[int, ...]]


class Layers:
    """The function of an architecture, for one model and for stacked ones."""

    def one(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate one model on inputs (b, \\*input_shape)."""
        raise NotImplementedError

    def stacked(self, params: Mapping[str, Tensor], prepared: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate ``n`` stacked models on what `prepare` made of inputs."""
        return self.one(params, prepared)

    def prepare(self, inputs: Tensor) -> Tensor:
        """Prepare inputs (n, b, \\*input_shape), or (1, b, \\*input_shape) to be shared by all models."""
        return inputs


@dataclass(frozen=True)
class Architecture:
    """A model as a pure function.

    Attributes
    ----------
    name : str
        As :func:`architecture` takes it.
    input_shape : tuple of int
        Shape of one input: ``(d,)`` or ``(C, H, W)``.
    classes : int
        Number of classes.
    shapes : mapping of str to tuple of int
        Shape of each parameter of one model, in the order in which initial values are drawn.
    layers : Layers
        The function itself.
    activations : int
        About how many numbers one sample occupies while it is trained on; chunks are sized by it.
    """

    name: str
    input_shape: tuple[int, ...]
    classes: int
    shapes: Mapping[str, tuple[int, ...]]
    layers: Layers
    activations: int

    def initial(self, seed: int, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu") -> Params:
        """Draw initial parameters, uniform within one over the square root of the fan-in (PyTorch's default).

        Parameters
        ----------
        seed : int
            Seed; the same on every device.
        dtype : torch.dtype
            Number type; values are drawn in double precision and rounded.
        device : str or torch.device
            Where the parameters are put.

        Returns
        -------
        Params
            One model.
        """
        generator = torch.Generator().manual_seed(seed)
        params = {}
        for name, shape in self.shapes.items():
            fan_in = math.prod(self.shapes[name.rpartition(".")[0] + ".weight"][1:])
            drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
            params[name] = ((2 * drawn - 1) / math.sqrt(fan_in)).to(dtype=dtype, device=device)
        return params

    def forward(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate the model, or every one of stacked models.

        Parameters
        ----------
        params : Params
            One model, or ``n`` stacked.
        inputs : Tensor, shape (b, \\*input_shape) or (n, b, \\*input_shape)
            A batch; with stacked parameters, one batch for all or one for each.

        Returns
        -------
        logits : Tensor, shape (b, classes) or (n, b, classes)
            Unnormalised log-probabilities.
        representation : Tensor, shape (b, r) or (n, b, r)
            What drift is measured on.
        """
        if next(iter(params.values())).dim() == len(next(iter(self.shapes.values()))):
            return self.layers.one(params, inputs)
        shared = inputs.dim() == len(self.input_shape) + 1
        return self.layers.stacked(params, self.layers.prepare(inputs.unsqueeze(0) if shared else inputs))

    def prepare(self, inputs: Tensor) -> Tensor:
        """Compute what of a batch for stacked models does not depend on their parameters (patches of images).

        Parameters
        ----------
        inputs : Tensor, shape (n, b, \\*input_shape)
            One batch for each model.

        Returns
        -------
        Tensor
            For `forward_prepared`, any number of times.
        """
        return self.layers.prepare(inputs)

    def forward_prepared(self, params: Mapping[str, Tensor], prepared: Tensor) -> tuple[Tensor, Tensor]:
        """Evaluate stacked models on a prepared batch.

        Parameters
        ----------
        params : Params
            ``n`` models, stacked.
        prepared : Tensor
            What `prepare` returned.

        Returns
        -------
        tuple of Tensor
            As `forward`.
        """
        return self.layers.stacked(params, prepared)

    @property
    def size(self) -> int:
        """Numbers in one model."""
        return sum(math.prod(shape) for shape in self.shapes.values())


def _linear(params: Mapping[str, Tensor], layer: str, x: Tensor) -> Tensor:
    """``x W^T + b`` for one model or stacked ones."""
    weight, bias = params[f"{layer}.weight"], params[f"{layer}.bias"]
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    x = x.expand(len(weight), -1, -1)
    # In this order the gradient of the weights comes out contiguous.
    return torch.baddbmm(bias.unsqueeze(-1), weight, x.mT).mT


def _flat(x: Tensor, dimensions: int) -> Tensor:
    """Flatten the last axes, those of one input."""
    return x.flatten(x.dim() - dimensions) if dimensions > 1 else x


@dataclass(frozen=True)
class _Softmax(Layers):
    dimensions: int

    def one(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        logits = _linear(params, "output", _flat(inputs, self.dimensions))
        return logits, logits - logits.mean(-1, keepdim=True)


def _dense(
    params: Mapping[str, Tensor], features: Tensor, hidden: tuple[str, ...], rectified: bool = False
) -> tuple[Tensor, Tensor]:
    """Apply hidden layers with ReLU, the projection, whose output is the representation, and the output layer on top of it."""
    for layer in hidden:
        features = torch.relu(_linear(params, layer, features))
    representation = _linear(params, "projection", features)
    if rectified:
        representation = torch.relu(representation)
    return _linear(params, "output", representation), representation


@dataclass(frozen=True)
class _Perceptron(Layers):
    dimensions: int

    def one(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        return _dense(params, _flat(inputs, self.dimensions), ("hidden", "head"))


@dataclass(frozen=True)
class _Convolutional(Layers):
    kernel: int
    hidden: tuple[str, ...]
    rectified: bool

    def one(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        for layer in ("first", "second"):
            maps = F.conv2d(inputs, params[f"{layer}.weight"], params[f"{layer}.bias"], padding=self.kernel // 2)
            inputs = torch.relu(F.max_pool2d(maps, 2))
        return _dense(params, inputs.flatten(-3), self.hidden, self.rectified)

    def stacked(self, params: Mapping[str, Tensor], prepared: Tensor) -> tuple[Tensor, Tensor]:
        maps = convolve_and_pool(prepared, params["first.weight"], params["first.bias"], gathered=True)
        maps = convolve_and_pool(maps, params["second.weight"], params["second.bias"])
        return _dense(params, maps.permute(0, 1, 4, 2, 3).flatten(2), self.hidden, self.rectified)

    def prepare(self, inputs: Tensor) -> Tensor:
        return patches_of(inputs.permute(0, 1, 3, 4, 2), self.kernel)


def _softmax(input_shape: tuple[int, ...], classes: int) -> Architecture:
    width = math.prod(input_shape)
    shapes: Shapes = {"output.weight": (classes, width), "output.bias": (classes,)}
    return Architecture("softmax", input_shape, classes, shapes, _Softmax(len(input_shape)), width + 4 * classes)


def _dense_shapes(*widths: tuple[str, int, int]) -> Shapes:
    shapes: Shapes = {}
    for layer, inward, outward in widths:
        shapes |= {f"{layer}.weight": (outward, inward), f"{layer}.bias": (outward,)}
    return shapes


def _perceptron(
    input_shape: tuple[int, ...], classes: int, hidden: int = 64, head: int = 32, representation: int = 32
) -> Architecture:
    shapes = _dense_shapes(
        ("hidden", math.prod(input_shape), hidden),
        ("head", hidden, head),
        ("projection", head, representation),
        ("output", representation, classes),
    )
    activations = math.prod(input_shape) + 4 * (hidden + head + representation + classes)
    return Architecture("mlp", input_shape, classes, shapes, _Perceptron(len(input_shape)), activations)


def _convolutional(
    name: str,
    input_shape: tuple[int, ...],
    classes: int,
    channels: tuple[int, int],
    kernel: int,
    dense: Mapping[str, int],
    rectified: bool = False,
) -> Architecture:
    """Two convolutions, each with ReLU and 2 x 2 max-pooling, and linear layers of given widths, the last the projection."""
    if len(input_shape) != 3 or min(input_shape[1:]) < 4:
        raise InputError(f"{name} needs inputs (channels, height, width) of at least 4 by 4, not {input_shape}")
    if kernel % 2 == 0:
        raise InputError(f"kernel has to be odd, not {kernel}")
    (first, second), (inward, height, width) = channels, input_shape
    shapes: Shapes = {
        "first.weight": (first, inward, kernel, kernel),
        "first.bias": (first,),
        "second.weight": (second, first, kernel, kernel),
        "second.bias": (second,),
    }
    widths = [second * (height // 4) * (width // 4), *dense.values(), classes]
    shapes |= _dense_shapes(*zip([*dense, "output"], widths[:-1], widths[1:], strict=True))
    patches = kernel * kernel * (inward * height * width + first * (height // 2) * (width // 2))
    maps = 3 * (first * height * width + second * (height // 2) * (width // 2))
    layers = _Convolutional(kernel, tuple(dense)[:-1], rectified)
    return Architecture(name, input_shape, classes, shapes, layers, patches + maps + 4 * sum(dense.values()))


def _is_small(input_shape: tuple[int, ...]) -> bool:
    """Whether images are too small for kernels of five pixels."""
    return min(input_shape[1:], default=0) < 16


def _lenet(
    name: str,
    rectified: bool,
    input_shape: tuple[int, ...],
    classes: int,
    first: int | None = None,
    second: int | None = None,
    kernel: int | None = None,
    head: int | None = None,
    representation: int | None = None,
) -> Architecture:
    usual = (8, 16, 3, 32, 32) if _is_small(input_shape) else (16, 32, 5, 120, 84)
    given = (first, second, kernel, head, representation)
    first, second, kernel, head, representation = (a or b for a, b in zip(given, usual, strict=True))
    dense = {"head": head, "projection": representation}
    return _convolutional(name, input_shape, classes, (first, second), kernel, dense, rectified)


def _moon(
    input_shape: tuple[int, ...],
    classes: int,
    first: int = 6,
    second: int = 16,
    kernel: int | None = None,
    hidden: int = 120,
    encoder: int = 84,
    head: int = 84,
    representation: int = 256,
) -> Architecture:
    dense = {"hidden": hidden, "encoder": encoder, "head": head, "projection": representation}
    kernel = kernel or (3 if _is_small(input_shape) else 5)
    return _convolutional("moon-cnn", input_shape, classes, (first, second), kernel, dense)


ARCHITECTURES: dict[str, Callable[..., Architecture]] = {
    "softmax": _softmax,
    "mlp": _perceptron,
    "cnn": partial(_lenet, "cnn", False),
    "swan-cnn": partial(_lenet, "swan-cnn", True),
    "moon-cnn": _moon,
}
"""Builders by name."""


def architecture(name: str, input_shape: tuple[int, ...], classes: int, **sizes: int) -> Architecture:
    """Build an architecture.

    Parameters
    ----------
    name : {"softmax", "mlp", "swan-cnn", "moon-cnn", "cnn"}
        ``softmax``: one linear layer; the representation is the vector of centred log-probabilities.
        ``mlp``: a hidden layer, a projection head Linear-ReLU-Linear, an output layer; the representation is the head's
        output. The others: two convolutions (ReLU), each followed by 2 x 2 max-pooling, and then
        ``swan-cnn``: three linear layers with ReLU between them; the representation is what the last one gets.
        ``moon-cnn``: MOON's encoder, two linear layers with ReLU, and its head Linear-ReLU-Linear, whose output is the
        representation, below the output layer.
        ``cnn``: that head and the output layer alone, so no ReLU stands between the last two layers.
    input_shape : tuple of int
        Shape of one input, ``(d,)`` or ``(C, H, W)``.
    classes : int
        Number of classes, >= 2.
    **sizes : int
        ``mlp``: ``hidden``, ``head``, ``representation``. ``cnn`` and ``swan-cnn``: ``first`` and ``second`` (channels),
        ``kernel`` (odd), ``head``, ``representation``; by default 8, 16, 3, 32, 32 for images smaller than 16 by 16 and 16,
        32, 5, 120, 84 for larger ones. ``moon-cnn``: also ``hidden`` and ``encoder``; 6, 16, 5, 84, 256, 120, 84.

    Returns
    -------
    Architecture

    Raises
    ------
    InputError
        If there is no such architecture or size, or the inputs do not suit it.

    Notes
    -----
    Source: SWAN section V-A2 (softmax regression and the layers of ``swan-cnn`` stated; channels and widths are choices made
    here); the head, its place, and widths and layers of ``moon-cnn`` are those of MOON (Li et al., CVPR 2021), but that images
    are padded, so that small ones do not vanish.
    """
    if name not in ARCHITECTURES:
        raise InputError(f"no architecture '{name}'; there are {', '.join(ARCHITECTURES)}")
    shape = tuple(int(length) for length in input_shape)
    if not shape or min(shape) < 1 or classes < 2:
        raise InputError(f"inputs of shape {shape} and {classes} classes do not make a model")
    if any(not isinstance(size, int) or size < 1 for size in sizes.values()):
        raise InputError(f"sizes of an architecture are integers >= 1, not {sizes}")
    try:
        return ARCHITECTURES[name](shape, int(classes), **sizes)
    except TypeError as error:
        raise InputError(f"architecture '{name}' has no size among {', '.join(sizes)}") from error
