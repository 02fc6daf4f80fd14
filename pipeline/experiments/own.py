"""A lab's own experiment: YAML that lists differences from a named configuration (docs/how-to/experiments.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models import readouts
from models.choices import MAX_SEED
from pipeline.configs import CONFIGS
from pipeline.experiments import columns
from pipeline.experiments.built_in import BUILT_IN
from pipeline.experiments.columns import COLUMNS
from pipeline.experiments.design import OWN, Design, Point, Request
from pipeline.experiments.yaml_file import Node, read_yaml
from pipeline.named_config import NamedConfig
from pipeline.parts import Part
from pipeline.protocols import PROTOCOLS
from pipeline.tasks import content_hash

EXPERIMENT = ("name", "summary", "axis", "base", "seeds", "search", "models")
MODEL = ("label", "series", "value", "base", "config", *COLUMNS, "trials_per_mille", "protocol")
MAX_DRAWS = 10_000
NAMED_PARTS = ("core", "readout", "trainer")  # whose names are keys
ROTATIONS = ("num_rotations", "upsampling", "shared_biases")


def read_experiment(path: Path) -> Request:
    """Raises UserError with file and line where something is not as it should be, OSError where there is no file."""
    top = read_yaml(path)
    found = top.mapping(EXPERIMENT)
    for wanted in ("name", "base", "models"):
        if wanted not in found:
            raise top.error(f"has no {wanted}; needed are at least name, base and models")
    name = columns.name(found["name"])
    if name.lower() in BUILT_IN:
        raise found["name"].error(f"is {name!r}, which is an experiment that comes with the program; choose another")
    base = _base(found["base"])
    searched = "search" in found
    points = [_point(node, base, searched=searched) for node in found["models"].sequence("models")]
    _check_labels(found["models"], points)
    design = Design(
        name,
        found["summary"].text(255) if "summary" in found else "",
        {OWN: tuple(points)},
        found["axis"].text(64) if "axis" in found else None,
    )
    seeds = [seed.whole(0, MAX_SEED) for seed in found["seeds"].sequence("seeds")] if "seeds" in found else None
    return Request(design, seeds, found["search"].whole(1, MAX_DRAWS) if searched else None)


def _point(node: Node, base: NamedConfig, *, searched: bool) -> Point:
    found = node.mapping(MODEL)
    if "label" not in found:
        raise node.error("has no label; every model needs one")
    base = _base(found["base"]) if "base" in found else base
    named = _derived(found, base)
    _check(node, found, named, searched=searched)
    part = Part(trials_per_mille=found["trials_per_mille"].whole(1, 1000)) if "trials_per_mille" in found else Part()
    return Point(
        found["series"].text(64) if "series" in found else base.config,
        found["label"].text(64),
        named,
        found["value"].number() if "value" in found else None,
        part,
        found["protocol"].word(PROTOCOLS) if "protocol" in found else None,
    )


def _base(node: Node) -> NamedConfig:
    return CONFIGS[node.word(CONFIGS)]


def _derived(found: dict[str, Node], base: NamedConfig) -> NamedConfig:
    """The base with the differences; parts that differ get a name after their content unless they are given one."""
    changes = {part: _values(found[part], part) for part in COLUMNS if part in found}
    changed = base.derived(base.config, base.summary, **changes)
    names = {part: changes.get(part, {}).get(part) or _name(base, changed, part) for part in NAMED_PARTS}
    config = columns.name(found["config"]) if "config" in found else _name(base, changed, "core", "readout")
    unused = {name: None for name, weight in changed.regularization.items() if weight is None}
    return changed.derived(config, base.summary, bounds=unused, **{part: {part: name} for part, name in names.items()})


def _values(node: Node, part: str) -> dict[str, Any]:
    return {name: COLUMNS[part][name](value) for name, value in node.mapping(COLUMNS[part]).items()}


def _name(base: NamedConfig, changed: NamedConfig, *parts: str) -> str:
    """The base's name where these parts are as there, and otherwise that with a hash over what is in them."""
    before, now = ([_content(named, part) for part in parts] for named in (base, changed))
    name = base.config if len(parts) > 1 else getattr(base, parts[0])[parts[0]]
    return name if now == before else f"{name}-{content_hash(dict(zip(parts, now, strict=True)))[:8]}"


def _content(named: NamedConfig, part: str) -> dict[str, Any]:
    """What a part's name stands for."""
    values = getattr(named, part) | (named.layers if part == "core" else {})
    return {name: value for name, value in values.items() if name != part}


def _check(node: Node, found: dict[str, Node], named: NamedConfig, *, searched: bool) -> None:
    """What no column can tell by itself."""
    _check_layers(found, named)
    _check_parts(node, found, named)
    _check_names(node, found, named)
    given = found["bounds"].mapping(COLUMNS["bounds"]) if "bounds" in found else {}
    for name, limits in given.items():
        if name not in named.weights:
            raise limits.error("are the bounds of a weight that this model has not; leave them out")
    without = [name for name in named.weights if name not in named.search_bounds]
    if searched and without:
        raise node.error(f"has no bounds of {', '.join(without)} to search between; give them under bounds")


def _check_layers(found: dict[str, Node], named: NamedConfig) -> None:
    if "layers" not in found:
        return
    given = found["layers"].mapping(COLUMNS["layers"])
    others = [len(values) for name, values in named.layers.items() if name not in given]
    wanted = others[0] if others else len(named.layers["num_filters"])
    for name, node in given.items():
        if len(named.layers[name]) != wanted:
            raise node.error(
                f"has {len(named.layers[name])} values; allowed are {wanted}, one a layer (for another number of "
                "layers, give every column of layers)"
            )


def _check_parts(node: Node, found: dict[str, Node], named: NamedConfig) -> None:
    core = found.get("core", node)
    has_rotations = named.core["core_class"] == "StackedRotEquiHermiteConv2dCore"
    for name in ROTATIONS:
        if (named.core[name] is not None) != has_rotations:
            value = "a value" if has_rotations else "null"
            raise core.error(f"has the core_class {named.core['core_class']}, which wants {value} for {name}")
    readout_class = getattr(readouts, named.readout["readout_class"])
    wanted = set(readout_class.weight_names)
    weights = {name for name in named.weights if not name.startswith("conv_")}
    if weights != wanted:
        raise found.get("regularization", found.get("readout", node)).error(
            f"leaves {', '.join(sorted(weights)) or 'no weight'} of the readout's penalties; {readout_class.__name__} "
            f"wants {', '.join(sorted(wanted))}, and null for all others"
        )
    if (named.readout["k_transfer"] is not None) != readout_class.__name__.endswith("TransferReadout"):
        raise found.get("readout", node).error(
            f"has k_transfer {named.readout['k_transfer']} with {readout_class.__name__}; the transfer readout wants a "
            "number, all others null"
        )
    trainer = found.get("trainer", node)
    if named.trainer["schedule"] == "cosine" and named.trainer["max_iter"] is None:
        raise trainer.error("has the schedule cosine without max_iter; needed is the number of steps")
    if named.trainer["optimizer"] == "adam" and named.trainer["weight_decay"]:
        raise trainer.error("has a weight_decay with the optimizer adam; allowed is adamw, or 0")


def _check_names(node: Node, found: dict[str, Node], named: NamedConfig) -> None:
    """The names of the program's own configurations keep their meaning."""
    for known in CONFIGS.values():
        for part in NAMED_PARTS:
            name = getattr(named, part)[part]
            if name == getattr(known, part)[part] and _content(named, part) != _content(known, part):
                raise found.get(part, node).error(
                    f"names {name!r}, which stands for other values of {part}; choose another name, or none"
                )
        pair = [(one.core["core"], one.readout["readout"]) for one in (named, known)]
        if named.config == known.config and pair[0] != pair[1] and "config" not in found:
            part = "core" if pair[0][0] != pair[1][0] else "readout"
            raise found.get(part, node).error(
                "has another name for what the base has; change something in it, or leave the name out"
            )
        if named.config == known.config and pair[0] != pair[1]:
            raise found.get("config", node).error(
                f"is {named.config!r}, which is the name of another configuration; choose another name, or none"
            )


def _check_labels(models: Node, points: list[Point]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for node, point in zip(models.sequence("models"), points, strict=True):
        first = seen.setdefault((point.series, point.label), node.line)
        if first != node.line:
            raise node.error(f"has the label {point.label!r} in {point.series!r}, as the model in line {first} has it")
