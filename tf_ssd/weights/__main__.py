"""Import published weights, to detect or to train with.

# a complete detector
python -m tf_ssd.weights ssd300_vgg16_coco-b556d3b4.pth --from torchvision --output coco.keras
# a body to train from
python -m tf_ssd.weights imagenet --from keras --network ssd300_mobilenet_v2 --output body.keras
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tf_ssd import cli
from tf_ssd.config import PRESETS, DefaultBoxesConfig, WeightsConfig, require
from tf_ssd.system.files import writing, written_beside

if TYPE_CHECKING:  # everything heavy is imported when the work starts, so that --help answers at once
    from rich.table import Table

    from tf_ssd.weights.published import Imported

MANY = 6  # names, of which more are shown by how they begin
NATIVE_NOTE = (
    "note: BGR is right for weights converted from Caffe (ssd_300_VOC0712.pth); those that the port trained itself "
    "(ssd300_mAP_77.43_v2.pth) need --channels rgb"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(convert, WeightsConfig, arguments, first=check)


def check(config: WeightsConfig) -> None:
    """Raise WeightsError unless FILE can be read, as far as its name and what is installed tell, and ConfigError as `convert`."""
    from tf_ssd.weights.files import IMAGENET, check_readable
    from tf_ssd.weights.places import own_class_map

    if config.file != IMAGENET:
        check_readable(config.file)
    else:
        downloaded = config.source in ("keras", "vgg16")
        require(downloaded, "FILE", str(config.file), f"is for --from keras; --from {config.source} downloads nothing, give a file")
    names = own_class_map(config.output)
    rule = "the class map of that name exists already; choose another name, nothing was overwritten"
    require(not names.exists(), "--output", str(config.output), f"{names}: {rule}")


def convert(config: WeightsConfig) -> None:
    """Import, write the .keras file and its class map if that is known, and say what was copied and what is new.

    Raises:
        ConfigError: the file cannot be written.
        WeightsError: FILE cannot be used; nothing is then written.
    """
    import keras
    from rich.console import Console

    from tf_ssd.data.classes import write_class_names
    from tf_ssd.weights.places import own_class_map
    from tf_ssd.weights.published import import_published
    from tf_ssd.weights.saved import save_model

    keras.utils.set_random_seed(0)  # new layers are the same in every run
    imported = import_published(
        config.source, config.file, network=config.network, num_classes=config.num_classes, channels=config.channels
    )
    with writing(f"--output {config.output}"), written_beside(config.output, new=True) as unfinished:
        save_model(imported.model, unfinished)
        if imported.class_names is not None:
            write_class_names(own_class_map(config.output), imported.class_names)
    console = Console(highlight=False)
    console.print(_account(config, imported))
    console.print(f"Written to {config.output}", soft_wrap=True, markup=False)
    if imported.prefix:
        console.print(
            f'note: every name in the file begins with "{imported.prefix}", which was left out', soft_wrap=True, markup=False
        )
    if config.source == "amdegroot" and config.channels is None:
        console.print(NATIVE_NOTE, soft_wrap=True)


def _account(config: WeightsConfig, imported: "Imported") -> "Table":
    """A table of what was found, copied and made new."""
    from rich.markup import escape
    from rich.table import Column, Table

    order = "RGB, as ours" if imported.channels == "rgb" else "BGR; the first kernel was reversed, the model takes RGB"
    rows = {
        "read": f"{config.file}: {imported.table.description}",
        "network": imported.model.config.name,
        "tensors copied": str(len(imported.copied)),
        "tensors not used": ", ".join(_without_counters(imported.unused)) or "none",
        "layers made new": ", ".join(_grouped(imported.new)) or "none",
        "classes": f"{imported.model.config.num_classes}, background included",
        "their names": _names(config, imported),
        "default boxes": _preset(imported.model.config.boxes),
        "colours": order,
    }
    table = Table("", Column(overflow="fold"), show_header=False)
    for name, value in rows.items():
        table.add_row(name, escape(value))
    return table


def _grouped(names: Sequence[str]) -> list[str]:
    """The names; of many, their first words with how many begin so: "conv8_* (2)"."""
    if len(names) <= MANY:
        return list(names)
    starts = [re.sub(r"(?<=[._]).*", "*", name, count=1) for name in names]
    counts = Counter(starts)
    shown = {start: name if counts[start] == 1 else f"{start} ({counts[start]})" for name, start in zip(names, starts, strict=True)}
    return list(shown.values())


def _without_counters(names: tuple[str, ...]) -> list[str]:
    """The names of tensors, where those of the counters of batch normalisation are only counted."""
    from tf_ssd.weights.files import COUNTER

    others = [name for name in names if not name.endswith(COUNTER)]
    counters = len(names) - len(others)
    return _grouped(others) + ([f"{counters} named *.{COUNTER}"] if counters else [])


def _names(config: WeightsConfig, imported: "Imported") -> str:
    from tf_ssd.weights.places import own_class_map

    if imported.class_names is None:
        return "not known"
    return f"{imported.class_names[0]} to {imported.class_names[-1]}, in {own_class_map(config.output)}"


def _preset(boxes: DefaultBoxesConfig) -> str:
    """Name and clip rule of default boxes that come from a preset."""
    name = next(name for name, preset in PRESETS.items() if replace(preset, clip=boxes.clip) == boxes)
    return f"{name}, clip {boxes.clip!r}"


if __name__ == "__main__":
    sys.exit(main())
