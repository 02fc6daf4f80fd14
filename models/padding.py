"""How a convolution pads as TensorFlow does, and how many pixels it leaves, along one axis."""

from __future__ import annotations

PADDINGS = ("SAME", "VALID")


def same_padding(size: int, kernel: int, stride: int, rate: int) -> tuple[int, int]:
    """TensorFlow's 'SAME' along one axis of `size` pixels: (before, after); the odd pixel comes after."""
    reach = (kernel - 1) * rate + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def convolved_size(size: int, kernel: int, stride: int, rate: int, padding: str) -> int:
    """Pixels along one axis after a convolution."""
    return -(-(size - (kernel - 1) * rate * (padding == "VALID")) // stride)
