"""How many workers train together, and which of them this is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_ssd.errors import TrainingError
from tf_ssd.train.cluster import Cluster, read_cluster, wait_for_all

# What TensorFlow raises when a worker does not answer.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)


class Workers(NamedTuple):
    """The processes of a run.

    Attributes:
        strategy: what the model is made and trained under.
        number: of this process, from 0; the first one writes the run's files.
        total: how many there are.
    """

    strategy: tf.distribute.Strategy
    number: int
    total: int

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.number == 0

    def barrier(self) -> None:
        """Wait until all processes are here."""
        self.any_of(lambda: False)()

    def any_of(self, wish: Callable[[], bool]) -> Callable[[], bool]:
        """A function that says whether any process has this wish. It waits for all: every process must call it equally often."""
        if self.total == 1:
            return wish
        total = self._totals()
        return lambda: bool(total(np.array(float(wish()))) > 0)

    def values_of_all(self, own: int) -> list[int]:
        """The value of each process in the order of their numbers, this one's being `own`; waits for all."""
        if self.total == 1:
            return [own]
        column = np.where(np.arange(self.total) == self.number, float(own), 0.0)
        replicas = self.strategy.num_replicas_in_sync // self.total  # each adds what its process gives
        return (self._totals()(column) / replicas).astype(int).tolist()

    def _totals(self) -> Callable[[np.ndarray], np.ndarray]:
        """A function that adds up what each replica of each process gives, arrays of one shape."""
        total = tf.function(lambda own: self.strategy.run(_sum, (own,)), autograph=False)
        return lambda own: self.strategy.experimental_local_results(total(tf.constant(own)))[0].numpy()

    @contextmanager
    def losses_reported(self) -> Iterator[None]:
        """Inside, the loss of another worker raises a TrainingError that says what to do."""
        try:
            yield
        except LOST as error:
            if self.total == 1:
                raise
            message = f"worker {self.number} of {self.total} has lost the others ({type(error).__name__}: {_reason(error)})"
            raise TrainingError(
                f"{message}; start all of them again with the same commands, to go on from the last checkpoint"
            ) from error


def find_workers() -> Workers:
    """The processes that the environment variable TF_CONFIG names; if it names no others, all GPUs of this process.

    To be called before anything else of TensorFlow is used.

    Raises:
        ConfigError: TF_CONFIG cannot be used, or the other workers cannot be reached.
    """
    cluster = read_cluster()
    if cluster.addresses:
        return Workers(_joined(cluster), cluster.number, len(cluster.addresses))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return Workers(tf.distribute.MirroredStrategy(), 0, 1)
    return Workers(tf.distribute.get_strategy(), 0, 1)


def _joined(cluster: Cluster) -> tf.distribute.Strategy:
    """The strategy of all workers, made when all of them can be reached. To TensorFlow the chief is a worker like the others."""
    wait_for_all(cluster, lambda text: print(text, file=sys.stderr, flush=True))
    spec = tf.train.ClusterSpec({"worker": list(cluster.addresses)})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        spec, task_type="worker", task_id=cluster.number, rpc_layer="grpc"
    )
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)


def _reason(error: Exception) -> str:
    """The line that gives the reason in a message of TensorFlow; the lines above it give the place in the graph."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Graph execution error", "Detected at", "File ", "<"))]
    return telling[0] if telling else "no reason is known"


def _sum(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(value))  # inputs of a function have no device
