"""Convolution of many clients at once, each with its own kernel: patches gathered once, then batched matrix products.

``torch.func.vmap`` turns a convolution with a kernel per client into one grouped convolution, whose blocks are as small as
one client's channels. Here height, width and batch are one long axis of a matrix product per client, channels are last,
and the gradient with respect to the input adds the patches back, shift by shift.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["convolve_clients"]


def _patches(x: Tensor, kernel: int) -> Tensor:
    """Gather the window around every pixel: (n, b, H, W, C) to (n, b H W, kernel kernel C)."""
    clients, batch, height, width, channels = x.shape
    margin = kernel // 2
    x = F.pad(x, (0, 0, margin, margin, margin, margin))
    windows = x.unfold(2, kernel, 1).unfold(3, kernel, 1).permute(0, 1, 2, 3, 5, 6, 4)
    return windows.reshape(clients, batch * height * width, kernel * kernel * channels)


def _matrix(weight: Tensor) -> Tensor:
    """Kernels (n, out, in, k, k) as matrices (n, k k in, out) that multiply patches."""
    return weight.permute(0, 3, 4, 2, 1).reshape(len(weight), -1, weight.shape[1])


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        patches = _patches(x, weight.shape[-1])
        ctx.save_for_backward(patches, weight)
        ctx.shape = x.shape
        maps = torch.baddbmm(bias.unsqueeze(1), patches, _matrix(weight))
        return maps.view(*x.shape[:4], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        patches, weight = ctx.saved_tensors
        clients, batch, height, width, channels = ctx.shape
        outward, kernel = weight.shape[1], weight.shape[-1]
        gradient = gradients[0].reshape(clients, -1, outward)
        of_weight = torch.bmm(patches.mT, gradient).view(clients, kernel, kernel, channels, outward)
        of_x = None
        if ctx.needs_input_grad[0]:
            spread = torch.bmm(gradient, _matrix(weight).mT).view(
                clients, batch, height, width, kernel, kernel, channels
            )
            padded = spread.new_zeros(clients, batch, height + kernel - 1, width + kernel - 1, channels)
            for i in range(kernel):
                for j in range(kernel):
                    padded[:, :, i : i + height, j : j + width] += spread[..., i, j, :]
            margin = kernel // 2
            of_x = padded[:, :, margin : margin + height, margin : margin + width]
        return of_x, of_weight.permute(0, 4, 3, 1, 2), gradient.sum(1)


def convolve_clients(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve each client's maps with its own kernel, zero-padded to keep height and width.

    Parameters
    ----------
    x : Tensor, shape (n, b, H, W, in)
        Maps, channels last.
    weight : Tensor, shape (n, out, in, k, k)
        Kernels, ``k`` odd, in PyTorch's layout.
    bias : Tensor, shape (n, out)
        Biases.

    Returns
    -------
    Tensor, shape (n, b, H, W, out)
    """
    return _Convolution.apply(x, weight, bias)  # pyright: ignore[reportReturnType]
