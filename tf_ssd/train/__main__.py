"""Train an SSD and show what it learned.

# generated pictures, a few minutes on two cores
python -m tf_ssd.train
# photos of one's own, from a published detector
python -m tf_ssd.train --data VOCdevkit/VOC2007 --recipe finetune --weights coco.keras --output runs/voc
"""

import signal
import sys
from collections.abc import Sequence
from itertools import product

from tf_ssd import cli
from tf_ssd.config import TrainConfig
from tf_ssd.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(train, TrainConfig, arguments, first=check)


def check(config: TrainConfig) -> TrainConfig:
    """Find whatever can be wrong with paths without reading annotations or loading weights; raises as `train`.

    Returns:
        The settings, with the layout of the data.
    """
    from tf_ssd.data.class_weights import read_class_weights
    from tf_ssd.data.classes import read_class_names
    from tf_ssd.data.recognise import recognised
    from tf_ssd.data.sources import check_there
    from tf_ssd.train.output import check_usable
    from tf_ssd.train.stretches import planned
    from tf_ssd.weights.places import model_file

    if config.replay is not None:
        if not config.replay.is_file():
            raise ConfigError(f"--replay {config.replay}: no such file")
        return config
    if config.weights is not None:
        model_file(config.weights, last=config.weights.is_dir())
    if config.classes is not None:
        read_class_names(config.classes)
    if config.class_weights is not None:
        read_class_weights(config.class_weights)
    parts = [*product(config.data, config.split), *product(config.held_out_folders, config.eval_split)]
    config = recognised(config, parts, lambda text: None if config.quiet else print(text))
    check_there(config.dataset, config.data, config.split)
    check_there(config.dataset, config.held_out_folders, config.eval_split)
    if config.output is not None:
        check_usable(config.output)
        if config.extend is not None:
            planned(config.output, config.settings().steps, config.extend)
    return config


def train(config: TrainConfig) -> None:
    """Train, measure average precision on the held-out split, and leave everything in the output folder.

    A run that was stopped is continued. SIGTERM or Ctrl-C stops it: it writes a checkpoint and returns. A second Ctrl-C ends the
    process at once.

    Raises:
        ConfigError: the output folder holds another run, or settings do not go together.
        DatasetError: the dataset cannot be used.
        TrainingError: the loss is not finite, a checkpoint cannot be written, or another worker is gone.
        WeightsError: the weights to start from cannot be used.
    """
    # Everything heavy is imported here, so that --help answers at once.
    if config.replay is not None:
        from tf_ssd.train.replay import failure_report

        print("\n".join(failure_report(config.replay)))
        return
    import tensorflow as tf

    from tf_ssd.system.signals import stop_requests
    from tf_ssd.train.loop import complete
    from tf_ssd.train.run import Run, precision
    from tf_ssd.train.workers import find_workers

    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    workers = find_workers()
    answer = "" if config.quiet else "Stopping as soon as the run can go on from there; Ctrl-C again leaves at once."
    asked_to_stop = stop_requests(signal.SIGTERM, signal.SIGINT, answer=answer)
    with workers.strategy.scope(), precision(config), workers.losses_reported(), asked_to_stop as stop:
        complete(Run(config, workers), stop)
        workers.barrier()


if __name__ == "__main__":
    sys.exit(main())
