"""Train SSD300 and show what it learned.

python -m tf_ssd.train                                            generated pictures, a few minutes on two cores
python -m tf_ssd.train --dataset voc --data VOCdevkit/VOC2007     a folder in the layout of PASCAL VOC
"""

import signal
import sys
from collections.abc import Sequence

from tf_ssd import cli
from tf_ssd.config import TrainConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return cli.run(train, TrainConfig, arguments)


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
    asked_to_stop = stop_requests(signal.SIGTERM, signal.SIGINT)
    with workers.strategy.scope(), precision(config), workers.losses_reported(), asked_to_stop as stop:
        complete(Run(config, workers), stop)
        workers.barrier()


if __name__ == "__main__":
    sys.exit(main())
