"""Dead leaves: grey images of opaque ellipses that occlude each other, a model of natural scenes.

With leaf sizes that follow a power law of exponent -3 the images look the same at every scale, and have the
1/f amplitude spectrum, the edges and the heavy-tailed contrasts of photographs: Lee, Mumford & Huang,
"Occlusion models for natural images: a statistical study of a scale-invariant dead leaves model", Int. J.
Computer Vision 41 (2001), doi:10.1023/A:1011109015675.
"""

from __future__ import annotations

import numpy as np

SCENE_SIZE = 256  # pixels a side; images are cut from larger scenes so that large leaves cost no more
RADII = (1.2, 100.0)  # pixels, the long half-axis: without bounds a power law has no scene
FLATTEST = 0.25  # the smallest ratio of short to long axis
LAYERS = 4.0  # mean number of leaves over a pixel; exp(-4) = 2 % of them show the background
GREY = (0.08, 0.92)  # of the leaves, where 0 is black and 1 white
SHADING = 0.15  # largest change of grey from a leaf's centre to its rim
TEXTURE = (0.01, 0.06)  # SD of grey within a leaf; never 0, so that no two images are alike
BLUR = 0.5  # pixels, SD: softens the edges as optics do, and instead of anti-aliasing


def dead_leaves_images(num_images: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Images that share no pixel: neighbouring tiles of scenes, each scene shuffled.

    Returns (num_images, size, size) uint8. The first images stay the same when more are asked for.
    """
    tiles = max(1, SCENE_SIZE // size)
    images = np.empty((0, size, size), np.uint8)
    while len(images) < num_images:
        scene = dead_leaves_scene(tiles * size, rng)
        cut = scene.reshape(tiles, size, tiles, size).swapaxes(1, 2).reshape(-1, size, size)
        images = np.concatenate([images, rng.permutation(cut)])
    return images[:num_images]


def dead_leaves_scene(size: int, rng: np.random.Generator) -> np.ndarray:
    """One scene, (size, size) uint8, that wraps around at its borders, where no leaf is then missing."""
    low, high = RADII
    mean_square = 2 * np.log(high / low) / (low**-2 - high**-2)  # of a radius with density r^-3
    num_leaves = int(LAYERS * size**2 / (np.pi * mean_square * (1 + FLATTEST) / 2))

    radius = (low**-2 - rng.random(num_leaves) * (low**-2 - high**-2)) ** -0.5
    aspect = rng.uniform(FLATTEST, 1, num_leaves)
    angle = rng.uniform(0, np.pi, num_leaves)
    centre = rng.uniform(0, size, (2, num_leaves))
    leaf = _topmost_leaf(size, radius, aspect, angle, centre)  # (size, size), -1 is the background

    # The leaf below all others takes the last place in these arrays, which is where index -1 finds it.
    count = num_leaves + 1
    grey = rng.uniform(*GREY, count)
    texture_sd = rng.uniform(*TEXTURE, count)
    shift = rng.integers(0, size, (2, count))
    slope = rng.uniform(-SHADING, SHADING, count) / np.append(radius, size)
    direction = rng.uniform(0, 2 * np.pi, count)

    rows, columns = np.indices((size, size))
    centre = np.column_stack([centre, [size / 2, size / 2]])
    dy, dx = (_wrapped(at - centre[axis][leaf], size) for axis, at in enumerate((rows, columns)))
    shading = slope[leaf] * (np.cos(direction)[leaf] * dx + np.sin(direction)[leaf] * dy)
    # Every leaf shows another part of one texture, so that textures do not go on behind an edge.
    pattern = _filtered_noise(size, rng)[(rows + shift[0][leaf]) % size, (columns + shift[1][leaf]) % size]
    return _to_uint8(_blurred(grey[leaf] + shading + texture_sd[leaf] * pattern))


def _topmost_leaf(
    size: int, radius: np.ndarray, aspect: np.ndarray, angle: np.ndarray, centre: np.ndarray
) -> np.ndarray:
    """(size, size) int: the highest number of the leaves over each pixel, or -1.

    Leaves of about one extent are laid together: there are tens of thousands of them, most of a few pixels.
    """
    top = np.full(size * size, -1)
    reach = np.minimum(np.ceil(radius).astype(int), size // 2)
    nearest = np.floor(centre).astype(int)
    for extent in np.unique(reach):
        leaves = np.flatnonzero(reach == extent)
        offset = np.arange(-extent, extent + 1)
        row = nearest[0, leaves, None] + offset  # (leaves, 2 extent + 1)
        column = nearest[1, leaves, None] + offset
        dy = (row - centre[0, leaves, None])[:, :, None]
        dx = (column - centre[1, leaves, None])[:, None, :]
        cos, sin = (f(angle[leaves])[:, None, None] for f in (np.cos, np.sin))
        along, across = dx * cos + dy * sin, (dy * cos - dx * sin) / aspect[leaves, None, None]
        covered = along**2 + across**2 <= radius[leaves, None, None] ** 2
        pixel = (row % size)[:, :, None] * size + (column % size)[:, None, :]
        np.maximum.at(top, pixel[covered], np.broadcast_to(leaves[:, None, None], pixel.shape)[covered])
    return top.reshape(size, size)


def _filtered_noise(size: int, rng: np.random.Generator) -> np.ndarray:
    """(size, size) Gaussian noise of mean 0 and SD 1 whose amplitude spectrum falls as 1/f."""
    amplitude = 1 / np.maximum(_frequency(size), 1 / size)
    amplitude[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * amplitude, s=(size, size))
    return noise / noise.std()


def _blurred(scene: np.ndarray) -> np.ndarray:
    transfer = np.exp(-2 * (np.pi * BLUR * _frequency(len(scene))) ** 2)
    return np.fft.irfft2(np.fft.rfft2(scene) * transfer, s=scene.shape)


def _frequency(size: int) -> np.ndarray:
    """(size, size // 2 + 1) cycles per pixel, in the order of rfft2."""
    return np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])


def _wrapped(distance: np.ndarray, size: int) -> np.ndarray:
    return (distance + size / 2) % size - size / 2


def _to_uint8(grey: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)
