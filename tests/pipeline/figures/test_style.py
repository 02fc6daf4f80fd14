"""What all figures share: colours, and files of their own."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pipeline.figures import by_kind, rows, style
from pipeline.figures.style import MAX_SVG, data_uri, drawn


@pytest.mark.parametrize("colours", [style.COLOURS, style.KIND_COLOURS], ids=["series", "kinds"])
def test_colours_are_told_apart_without_red_or_green(colours):
    """Distances in CIELAB as those see them (Machado et al., IEEE TVCG 2009, severity 1); 10 can be mistaken."""
    kinds = {
        "all cones": np.eye(3),
        "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    }
    given = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.434, 0.376, 0.190], [0.213, 0.715, 0.072], [0.018, 0.109, 0.873]])  # of white: 1, 1, 1
    for kind, seen in kinds.items():
        x, y, z = np.cbrt(to_xyz @ np.clip(np.asarray(seen) @ linear.T, 1e-6, 1))
        lab = np.stack([116 * y, 500 * (x - y), 200 * (y - z)])
        apart = np.linalg.norm(lab[:, :, None] - lab[:, None], axis=0) + 1000 * np.eye(len(colours))
        assert apart.min() > 20, (kind, np.argwhere(apart < 20))


@pytest.mark.parametrize("number", [1, 5, 6, 20])
def test_no_two_kinds_have_the_same_colour(number):
    kinds = by_kind.kinds_of(np.array([f"kind {i:02}" for i in range(number)] + [rows.UNKNOWN]))
    assert len(kinds) == len(set(dict(kinds).values())) == number + 1


def test_a_figure_is_its_own_file_and_always_the_same():
    def draw(figure: Figure, count: int) -> None:
        figure.subplots().scatter(*np.random.default_rng(0).random((2, count)))

    small, again = (data_uri(drawn(lambda figure: draw(figure, 10), 4, 3)) for _ in range(2))
    assert small.startswith("data:image/svg+xml;base64,")
    assert small == again
    large = data_uri(drawn(lambda figure: draw(figure, 6000), 4, 3))
    assert large.startswith("data:image/png;base64,")
    assert len(large) < MAX_SVG
