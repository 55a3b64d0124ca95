"""Which tests belong to which module: those that are to notice a change of it, the fastest first."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Target(NamedTuple):
    """A module, and its tests as arguments of pytest."""

    module: str
    tests: tuple[str, ...]
    core: bool = False

    @property
    def path(self) -> Path:
        """The module's file."""
        return ROOT / f"{self.module.replace('.', '/')}.py"


def _core(name: str, *more: str) -> Target:
    own = (f"tests/test_{name}.py", f"parity_tests/test_{name}.py")
    tests = (
        *(test for test in own if (ROOT / test).exists()),
        *more,
        "parity_tests/test_constants.py",
        "parity_tests/test_options.py",
    )
    return Target(f"tf_ssd.{name}", tests, core=True)


TARGETS = (
    _core("boxes"),
    _core("default_boxes"),
    _core("coder"),
    _core("matcher", "parity_tests/test_small_worlds.py", "parity_tests/test_passing_on.py"),
    _core("scores"),
    _core("loss", "parity_tests/test_scores.py", "parity_tests/test_small_worlds.py", "parity_tests/test_passing_on.py"),
    _core("detect", "parity_tests/test_scores.py", "parity_tests/test_small_worlds.py", "parity_tests/test_passing_on.py"),
    Target("tf_ssd.boxes_px", ("tests/test_boxes_px.py",)),
    Target("tf_ssd.metrics.voc", ("tests/metrics", "parity_tests/test_relations.py")),
    Target("tf_ssd.metrics.coco", ("tests/metrics", "parity_tests/test_relations.py")),
    Target("tf_ssd.optimizer.caffe", ("tests/optimizer", "parity_tests/test_optimizer.py")),
    Target("tf_ssd.optimizer.schedules", ("tests/optimizer", "parity_tests/test_optimizer.py")),
    Target("tf_ssd.optimizer.clipping", ("tests/optimizer", "parity_tests/test_optimizer.py")),
    Target("tf_ssd.optimizer.average", ("tests/optimizer", "parity_tests/test_optimizer.py")),
    Target("tf_ssd.data.augment.geometry", ("tests/data/augment", "parity_tests/test_pipeline.py")),
    Target("tf_ssd.data.augment.windows", ("tests/data/augment", "parity_tests/test_pipeline.py")),
    Target("tf_ssd.data.augment.photometric", ("tests/data/augment", "parity_tests/test_pipeline.py")),
)


def named(modules: Sequence[str]) -> list[Target]:
    """The targets of these modules, such as `matcher` or `tf_ssd.matcher`; those of the core if none is named.

    Raises:
        ValueError: nothing is known of a module.
    """
    if not modules:
        return [target for target in TARGETS if target.core]
    known = {target.module.removeprefix("tf_ssd."): target for target in TARGETS}
    unknown = [name for name in modules if name.removeprefix("tf_ssd.") not in known]
    if unknown:
        raise ValueError(f"{unknown[0]}: no such target; there are {', '.join(known)}")
    return [known[name.removeprefix("tf_ssd.")] for name in modules]
