"""The models that clients train: softmax regression, a multilayer perceptron, a convolutional network.

Each is a pure function of parameters and inputs, and each returns the logits with the representation that drift scores
and MOON's contrastive term compare. Parameters may be one model's or many models' stacked along a leading client axis:
then layers are batched matrix products over the clients, and a convolution is one over its patches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.input_error import InputError
from .convolution import convolve_clients
from .parameters import Params

__all__ = ["ARCHITECTURES", "Architecture", "architecture"]

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Architecture:
    """A model as a pure function.

    Attributes
    ----------
    name : str
        ``softmax``, ``mlp`` or ``cnn``.
    input_shape : tuple of int
        Shape of one input: ``(d,)`` or ``(C, H, W)``.
    classes : int
        Number of classes.
    shapes : mapping of str to tuple of int
        Shape of each parameter of one model, in the order in which initial values are drawn.
    layers : callable
        ``(params, inputs) -> (logits, representation)``.
    activations : int
        About how many numbers one sample occupies while it is trained on; chunks are sized by it.
    """

    name: str
    input_shape: tuple[int, ...]
    classes: int
    shapes: Mapping[str, tuple[int, ...]]
    layers: Callable[[Mapping[str, Tensor], Tensor], tuple[Tensor, Tensor]]
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
        return self.layers(params, inputs)

    @property
    def size(self) -> int:
        """Numbers in one model."""
        return sum(math.prod(shape) for shape in self.shapes.values())


def _linear(params: Mapping[str, Tensor], layer: str, x: Tensor) -> Tensor:
    """``x W^T + b`` for one model or stacked ones."""
    weight, bias = params[f"{layer}.weight"], params[f"{layer}.bias"]
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    if x.dim() == 2:
        x = x.expand(len(weight), *x.shape)
    # In this order the gradient of the weights comes out contiguous.
    return torch.baddbmm(bias.unsqueeze(-1), weight, x.mT).mT


def _flat(x: Tensor, dimensions: int) -> Tensor:
    """Flatten the last axes, those of one input."""
    return x.flatten(x.dim() - dimensions) if dimensions > 1 else x


@dataclass(frozen=True)
class _Softmax:
    dimensions: int

    def __call__(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        logits = _linear(params, "output", _flat(inputs, self.dimensions))
        return logits, logits - logits.mean(-1, keepdim=True)


def _head(params: Mapping[str, Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    """MOON's projection head, whose output is the representation, and the output layer on top of it."""
    representation = _linear(params, "projection", torch.relu(_linear(params, "head", features)))
    return _linear(params, "output", representation), representation


@dataclass(frozen=True)
class _Perceptron:
    dimensions: int

    def __call__(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        return _head(params, torch.relu(_linear(params, "hidden", _flat(inputs, self.dimensions))))


def _convolve(params: Mapping[str, Tensor], layer: str, x: Tensor) -> Tensor:
    """Convolve with zero padding that keeps height and width, halve both by max-pooling, rectify.

    One model: ``x`` is (b, C, H, W). Stacked models: (n, b, H, W, C), and so is the result.
    """
    weight, bias = params[f"{layer}.weight"], params[f"{layer}.bias"]
    if weight.dim() == 4:
        return torch.relu(F.max_pool2d(F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2), 2))
    maps = convolve_clients(x, weight, bias)
    pooled = F.max_pool2d(maps.flatten(0, 1).permute(0, 3, 1, 2), 2)
    return torch.relu(pooled).permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


@dataclass(frozen=True)
class _Convolutional:
    def __call__(self, params: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
        weight = params["first.weight"]
        if weight.dim() == 4:
            return _head(params, _convolve(params, "second", _convolve(params, "first", inputs)).flatten(-3))
        if inputs.dim() == 4:
            inputs = inputs.expand(len(weight), *inputs.shape)
        features = _convolve(params, "second", _convolve(params, "first", inputs.permute(0, 1, 3, 4, 2)))
        return _head(params, features.permute(0, 1, 4, 2, 3).flatten(2))


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
    input_shape: tuple[int, ...],
    classes: int,
    first: int | None = None,
    second: int | None = None,
    kernel: int | None = None,
    head: int | None = None,
    representation: int | None = None,
) -> Architecture:
    if len(input_shape) != 3 or min(input_shape[1:]) < 4:
        raise InputError(f"cnn needs inputs (channels, height, width) of at least 4 by 4, not {input_shape}")
    small = min(input_shape[1:]) < 16
    first, second, kernel = (
        first or (8 if small else 16),
        second or (16 if small else 32),
        kernel or (3 if small else 5),
    )
    if kernel % 2 == 0:
        raise InputError(f"kernel has to be odd, not {kernel}")
    channels, height, width = input_shape
    head, representation = head or (32 if small else 120), representation or (32 if small else 84)
    shapes: Shapes = {
        "first.weight": (first, channels, kernel, kernel),
        "first.bias": (first,),
        "second.weight": (second, first, kernel, kernel),
        "second.bias": (second,),
    }
    shapes |= _dense_shapes(
        ("head", second * (height // 4) * (width // 4), head),
        ("projection", head, representation),
        ("output", representation, classes),
    )
    patches = kernel * kernel * (channels * height * width + first * (height // 2) * (width // 2))
    maps = 3 * (first * height * width + second * (height // 2) * (width // 2))
    return Architecture(
        "cnn", input_shape, classes, shapes, _Convolutional(), patches + maps + 4 * (head + representation)
    )


ARCHITECTURES: dict[str, Callable[..., Architecture]] = {
    "softmax": _softmax,
    "mlp": _perceptron,
    "cnn": _convolutional,
}
"""Builders by name."""


def architecture(name: str, input_shape: tuple[int, ...], classes: int, **sizes: int) -> Architecture:
    """Build an architecture.

    Parameters
    ----------
    name : {"softmax", "mlp", "cnn"}
        ``softmax``: one linear layer; the representation is the vector of centred log-probabilities.
        ``mlp``: a hidden layer, a projection head Linear-ReLU-Linear, an output layer; the representation is the head's
        output. ``cnn``: two convolutions (ReLU), each followed by 2 x 2 max-pooling, and three linear layers, the first
        two of which are the projection head.
    input_shape : tuple of int
        Shape of one input, ``(d,)`` or ``(C, H, W)``.
    classes : int
        Number of classes, >= 2.
    **sizes : int
        ``mlp``: ``hidden``, ``head``, ``representation``. ``cnn``: ``first`` and ``second`` (channels), ``kernel`` (odd),
        ``head``, ``representation``; by default 8, 16, 3, 32, 32 for images smaller than 16 by 16 and 16, 32, 5, 120, 84
        for larger ones.

    Returns
    -------
    Architecture

    Raises
    ------
    InputError
        If there is no such architecture or size, or the inputs do not suit it.

    Notes
    -----
    Source: SWAN section V-A2 (softmax regression and the CNN's layers stated; channels and widths are choices made here);
    the head and where the representation is taken are those of MOON (Li et al., CVPR 2021).
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
