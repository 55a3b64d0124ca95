"""How costs grow with images, rows, default boxes, classes and the size of a dataset: python -m benchmarks.scaling.

One size is varied at a time. Costs are relative to that of the smallest size. Exponents are fitted to the larger half of the sizes,
where fixed costs matter least, and stand beside what the documentation states.
"""

import argparse
import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import parity_tests  # noqa: F401  imports torchvision before TensorFlow

import tensorflow as tf  # isort: skip
from rich.console import Console

from benchmarks import datasets
from benchmarks.arguments import new_file
from benchmarks.exponents import Curve, as_json, table
from benchmarks.loss import tensorflow_step
from benchmarks.matching import tensorflow_targets
from benchmarks.problems import Size, draw_problem
from benchmarks.scaling_plot import scaling_png
from benchmarks.timing import interleaved
from tf_ssd.coder import VARIANCES
from tf_ssd.config import COCO300, DefaultBoxesConfig
from tf_ssd.matcher import Strategy, Targets
from tf_ssd.predict.compiled import selection

BASE = Size(images=16, rows=16)
SIZES = {"images": (1, 4, 8, 16, 32, 64), "rows": (1, 8, 32, 64, 128, 256), "classes": (2, 6, 21, 51, 101, 201)}
CELLS = (10, 19, 27, 38, 54, 76)  # a side of the largest feature map; 38 is SSD300's
JUDGED, READ = (250, 500, 1000, 2000, 4000, 8000), (1000, 2000, 4000, 8000, 16000, 32000)
NAMES = {"images": "B, images", "rows": "G, rows", "boxes": "K, default boxes", "classes": "C, classes"}

Operation = Callable[[Size], Callable[[], object]]


class Experiment(NamedTuple):
    """One operation at several sizes of one variable; `make` prepares it for one of them, `stated` is the largest exponent."""

    operation: str
    variable: str
    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], object]]
    stated: float


def grid(cells: int) -> DefaultBoxesConfig:
    """The default boxes of SSD300 on coarser or finer feature maps."""
    feature_maps = (*(-(-cells // 2**level) for level in range(5)), 1)
    return replace(COCO300, feature_maps=feature_maps, steps=tuple(COCO300.image_size / side for side in feature_maps))


GRIDS = {grid(cells).num_boxes: grid(cells) for cells in CELLS}


def matching(size: Size, *, strategy: Strategy) -> Callable[[], Targets]:
    """Matching, from ground truth to offsets and labels."""
    return tensorflow_targets(draw_problem(size, seed=0), strategy, GRIDS[size.boxes])


def matching_loss_gradient(size: Size) -> Callable[[], object]:
    """A training step without the network; bipartite."""
    return tensorflow_step(draw_problem(size, seed=0), "bipartite", GRIDS[size.boxes])


def postprocessing(size: Size) -> Callable[[], object]:
    """Detections from random predictions, which are candidates nearly everywhere."""
    problem = draw_problem(size, seed=0)
    select = tf.function(selection(GRIDS[size.boxes], VARIANCES, scores="softmax"), autograph=False)
    inputs = tf.constant(problem["offsets"]), tf.constant(problem["logits"])
    return lambda: select(*inputs).count.numpy()  # noqa: PLW0108  it is the call that is timed


# Operations, with the largest exponent that is stated for each variable: bipartite matching may read a row for every pair of rows.
OPERATIONS: dict[str, tuple[Operation, dict[str, float]]] = {
    "matching, bipartite": (partial(matching, strategy="bipartite"), {"images": 1, "rows": 2, "boxes": 1}),
    "matching, argmax": (partial(matching, strategy="argmax"), {"images": 1, "rows": 1, "boxes": 1}),
    "matching, loss, gradient": (matching_loss_gradient, {"images": 1, "rows": 2, "boxes": 1, "classes": 1}),
    "post-processing": (postprocessing, {"images": 1, "boxes": 1, "classes": 1}),
}
OF_DATASETS = (
    Experiment("average precision, VOC", "images evaluated", JUDGED, partial(datasets.judged, metric="voc12"), 1),
    Experiment("average precision, COCO", "images evaluated", JUDGED, partial(datasets.judged, metric="coco"), 1),
    Experiment("reading COCO JSON", "images in the file", READ, datasets.read, 1),
)


def experiments() -> Iterator[Experiment]:
    """All experiments."""
    sizes = {**SIZES, "boxes": tuple(GRIDS)}
    for operation, (make, stated) in OPERATIONS.items():
        for variable, bound in stated.items():
            yield Experiment(operation, NAMES[variable], sizes[variable], partial(_at, make, variable), bound)
    yield from OF_DATASETS


def _at(make: Operation, variable: str, value: int) -> Callable[[], object]:
    return make(BASE._replace(**{variable: value}))


def run(experiment: Experiment, *, repeats: int) -> Curve:
    """All sizes take turns. The fastest turn of each counts, because other work on the machine only ever adds time."""
    candidates = {str(size): experiment.make(size) for size in experiment.sizes}
    gc.disable()  # as timeit does: a collection would go through all that the other sizes hold
    times = interleaved(candidates, repeats=repeats, warmup=1)
    gc.enable()
    fastest = [min(seconds) for seconds in times.values()]
    costs = tuple(seconds / fastest[0] for seconds in fastest)
    return Curve(experiment.operation, experiment.variable, experiment.sizes, costs, experiment.stated)


def main() -> None:
    """Print the exponents and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="operations with this in their names")
    parser.add_argument("--output", type=Path, default=Path("docs/scaling.png"), help="the picture")
    parser.add_argument("--json", type=new_file, help="write all relative costs and exponents to this file")
    arguments = parser.parse_args()
    console, curves = Console(highlight=False), []
    for experiment in experiments():
        if arguments.only in experiment.operation:
            curves.append(run(experiment, repeats=arguments.repeats))
            console.print(f"{experiment.operation} against {experiment.variable}: {curves[-1].exponent:.2f}")
    console.print(table(curves))
    arguments.output.write_bytes(scaling_png(curves))
    if arguments.json:
        arguments.json.write_text(json.dumps([as_json(curve) for curve in curves], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
