"""What follows from the device: sizes, threads, precision; and what is computed once though it is used often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fedmech.fl.training import convolution, device
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.batch_order import batch_positions
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.parameters import stack
from fedmech.fl.training.recipe import Recipe
from one_by_one import train_clients_one_by_one


@pytest.mark.parametrize("itemsize", [4, 8])
def test_sizes_follow_the_device(itemsize: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dtype = {4: torch.float32, 8: torch.float64}[itemsize]
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    for told, bytes_ in ((0, device.USUAL_CACHE), (1 << 20, device.LEAST_CACHE), (device.LEAST_CACHE + 8, None)):
        monkeypatch.setattr("os.sysconf", lambda name, told=told: told if "3" in name else 0)
        device._cache_bytes.cache_clear()
        wanted = (told if bytes_ is None else bytes_) // itemsize
        assert device.chunk_numbers(cpu, dtype) == wanted
        assert device.block_numbers(dtype) == wanted // device.BLOCKS
    device._cache_bytes.cache_clear()
    limit = device.MOST_NUMBERS * device.SHARE_OF_MEMORY * itemsize
    below = limit - 8 * itemsize * device.SHARE_OF_MEMORY
    for memory, wanted in ((below, device.MOST_NUMBERS - 8), (limit, None), (2 * limit, None)):
        facts = SimpleNamespace(total_memory=memory)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda where, facts=facts: facts)
        assert device.chunk_numbers(cuda, dtype) == (device.MOST_NUMBERS if wanted is None else wanted)


@pytest.mark.parametrize(
    ("memory", "dtype", "wanted"),
    [
        (79.178, torch.float32, 1 << 31),  # An H100: 8 GiB.
        (79.178, torch.float64, int(79.178 * 2**30) // 64),
        (16, torch.float32, 1 << 29),
        (8, torch.float32, 1 << 28),
    ],
)
def test_a_chunk_takes_an_eighth_of_a_gpu_and_no_more_than_was_measured(
    memory: float, dtype: torch.dtype, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = SimpleNamespace(total_memory=int(memory * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda where: facts)
    assert device.chunk_numbers(torch.device("cuda"), dtype) == wanted


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize(("height", "width"), [(6, 4), (7, 5)])
def test_a_gpus_convolution_is_a_processors(gathered: bool, height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(height)
    x = torch.rand((4, 2, height, width, 3), generator=generator, dtype=torch.float64) - 0.5
    x[:, :, :, :2] = 0  # Windows tie.
    weight = torch.rand((4, 2, 3, 5, 5), generator=generator, dtype=torch.float64) - 0.5
    bias = torch.rand((4, 2), generator=generator, dtype=torch.float64) - 0.5
    given = convolution.patches_of(x[:1], 5) if gathered else x.requires_grad_()
    of = [weight.requires_grad_(), bias.requires_grad_(), *([] if gathered else [x])]
    found = []
    for convolve in (convolution._operation_by_operation, convolution._ConvolveAndPool.apply):
        pooled: Any = convolve(given, weight, bias, gathered)
        found.append([pooled.detach(), *torch.autograd.grad((pooled**2).sum(), of)])
    assert found[0][0].shape == (4, 2, height // 2, width // 2, 2)
    assert 0 < int((found[0][0] == 0).sum()) < found[0][0].numel()
    for one, other in zip(*found, strict=True):
        assert float((one - other).abs().max()) < 1e-12


def test_which_convolution_is_taken_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for owner, name in ((convolution, "_operation_by_operation"), (convolution._ConvolveAndPool, "apply")):
        monkeypatch.setattr(owner, name, lambda *arguments, name=name: taken.append(name))
    for where in ("cpu", "meta"):  # As any device that is no processor.
        sizes = ((4, 2, 6, 4, 3), (4, 2, 3, 5, 5), (4, 2))
        convolution.convolve_and_pool(*(torch.empty(size, device=where) for size in sizes))
    assert taken == ["apply", "_operation_by_operation"]


def test_a_system_that_does_not_tell_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", refuses)
    device._cache_bytes.cache_clear()
    assert device._cache_bytes() == device.USUAL_CACHE
    device._cache_bytes.cache_clear()


def test_small_steps_have_one_thread_and_large_ones_all() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for work, wanted in ((device.SINGLE_THREAD - 1, 1), (device.SINGLE_THREAD, 2)):
            with device.threads_for(torch.device("cpu"), work):
                assert torch.get_num_threads() == wanted
            assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError), device.threads_for(torch.device("cpu"), 1):
            raise RuntimeError
        assert torch.get_num_threads() == 2
        with device.threads_for(torch.device("cuda"), 1):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_gpu_computes_in_full_precision_and_is_left_as_it_was() -> None:
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = True
    try:
        with device.full_precision(torch.device("cuda")):
            assert [backend.allow_tf32 for backend in backends] == [False, False]
        assert [backend.allow_tf32 for backend in backends] == [True, True]
        with device.full_precision(torch.device("cpu")):
            assert [backend.allow_tf32 for backend in backends] == [True, True]
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.allow_tf32 = value


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("steps", [2, 3, 9])
def test_moon_computes_a_frozen_representation_once_a_sample(
    own: bool, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = architecture("mlp", (2, 3, 3), 4, hidden=9, head=6, representation=5)
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((40, 2, 3, 3)), rng.integers(0, 4, 40)
    # Batches of 4 of 10 to 12 samples: two steps see fewer than there are, three as many as the longest.
    held = [np.sort(rng.choice(40, size, replace=False)) for size in (10, 12, 11, 12, 10)]
    recipe = Recipe("moon", steps, 4, 0.2, seed=8)
    start = stack([model.initial(seed, torch.float64) for seed in range(5)]) if own else model.initial(1, torch.float64)
    previous = stack([model.initial(seed + 9, torch.float64) for seed in range(5)])
    seen = []

    def counted(architecture: Any, params: Any, inputs: torch.Tensor) -> Any:
        seen.append(inputs.shape)
        return forward(architecture, params, inputs)

    forward = type(model).forward
    monkeypatch.setattr(type(model), "forward", counted)
    found = train_clients(model, start, x, y, held, recipe, previous=previous)
    monkeypatch.setattr(type(model), "forward", forward)
    wanted = train_clients_one_by_one(model, start, x, y, held, recipe, previous=previous)
    assert all(bool((found[name] - wanted[name]).abs().max() < 1e-12) for name in found)
    rows = sum(shape[0] * (shape[1] if len(shape) == 5 else 1) for shape in seen)
    drawn = 5 * 4 * steps
    once = drawn if steps == 2 else 5 * 12
    if own:
        assert rows == 2 * once
    else:
        distinct = len(
            {int(held[i][place]) for i in range(5) for place in batch_positions(len(held[i]), [i], 4, steps, 8).ravel()}
        )
        assert rows == distinct + once
