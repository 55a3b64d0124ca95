"""JPEG files to augmented, padded batches of 32 at 300 x 300: tf_ssd against torchvision's pipeline for its SSD in the same run.

    python -m benchmarks.pipeline

A ratio above 1 means that tf_ssd is faster. torchvision runs the transforms of its references/detection for SSD and resizes, in a
`DataLoader` with a worker for each core, on tensors or on Pillow's images, whichever is faster for it. Each side lives in a process
of its own, on the same cores; they take turns, and nothing runs while the other does.
"""

import argparse
import itertools
import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.photos import PHOTOS, Photos
from benchmarks.timing import ratio

BATCH, IMAGE_SIZE, MEAN_RGB = 32, 300, (123, 117, 104)
UNTIMED = 4  # batches at the beginning, while workers start and buffers fill
SIZES = ((320, 240), (640, 480), (1280, 960), (2560, 1920))
ORDINARY = (640, 480)

Pipeline = Callable[[Photos, int], Iterator[object]]
Turn = Callable[[], tuple[float, float]]
Measured = dict[str, tuple[list[float], float]]


def tensorflow_batches(photos: Photos, cores: int) -> Iterator[object]:
    """The batches of `python -m tf_ssd.train`; TensorFlow itself finds the cores that the process may use."""
    from tf_ssd.cli import quiet_start

    with quiet_start():
        from tf_ssd.data.generator import TrainingBatches

    return TrainingBatches(photos, batch_size=BATCH, image_size=IMAGE_SIZE, seed=0).batches(0, 10**9)


def torchvision_batches(photos: Photos, cores: int, *, pillow: bool) -> Iterator[object]:
    """Those of torchvision's references/detection."""
    from torch.utils.data import DataLoader

    examples: Any = TorchvisionExamples(photos, pillow=pillow)  # it has what a map-style dataset needs
    return iter(DataLoader(examples, batch_size=BATCH, num_workers=cores, collate_fn=_padded))


class TorchvisionExamples:
    """An endless dataset for PyTorch: item i is the i-th photo, after the last the first again."""

    def __init__(self, photos: Photos, *, pillow: bool) -> None:
        import torch
        from torchvision.transforms import v2

        self._photos, self._pillow = photos, pillow
        self._transforms = v2.Compose(
            [
                v2.RandomPhotometricDistort(),
                v2.RandomZoomOut(fill=list(MEAN_RGB)),
                v2.RandomIoUCrop(),
                v2.RandomHorizontalFlip(),
                v2.Resize((IMAGE_SIZE, IMAGE_SIZE)),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.SanitizeBoundingBoxes(),
            ]
        )

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        import torch
        from PIL import Image
        from torchvision import tv_tensors
        from torchvision.io import ImageReadMode, decode_jpeg, read_file

        record, (width, height) = self._photos[index % PHOTOS], self._photos.size
        if self._pillow:
            image = Image.open(record.image).convert("RGB")
        else:
            image = tv_tensors.Image(decode_jpeg(read_file(str(record.image)), mode=ImageReadMode.RGB))
        boxes_px = torch.from_numpy(record.boxes) * torch.tensor([width, height, width, height])
        boxes = tv_tensors.BoundingBoxes(boxes_px, format="XYXY", canvas_size=(height, width))
        return self._transforms(image, {"boxes": boxes, "labels": torch.from_numpy(record.labels)})


def _padded(examples: list[tuple[Any, dict[str, Any]]]) -> tuple[Any, ...]:
    """Images (B, 3, S, S), boxes (B, G, 4) and labels (B, G)."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    images, targets = zip(*examples, strict=True)
    return torch.stack(images), *(
        pad_sequence([target[name] for target in targets], batch_first=True) for name in ("boxes", "labels")
    )


PIPELINES: dict[str, Pipeline] = {
    "tf_ssd": tensorflow_batches,
    "torchvision, tensors": partial(torchvision_batches, pillow=False),
    "torchvision, Pillow": partial(torchvision_batches, pillow=True),
}


def serve(pipeline: Pipeline, photos: Photos, cores: int, batches: int, connection: Connection) -> None:
    """Whenever asked, send the seconds that some batches take, and the megabytes that are held then."""
    os.setpgrp()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # before any library starts its threads
    stream = pipeline(photos, cores)
    connection.send("ready")
    while connection.recv() == "go":
        for _ in itertools.islice(stream, UNTIMED):
            pass
        start = time.perf_counter()
        for _ in itertools.islice(stream, batches):
            pass
        connection.send((time.perf_counter() - start, _megabytes()))


def _megabytes() -> float:
    """Of memory that this process and its children hold, what they share counted once, without code and other mapped files."""
    processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    texts = [Path(f"/proc/{process}/smaps_rollup").read_text() for process in processes]
    lines = [line for text in texts for line in text.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(int(line.split()[1]) for line in lines) / 1000


@contextmanager
def server(name: str, photos: Photos, *, cores: int, batches: int) -> Iterator[Turn]:
    """A process with a pipeline, which is stopped, with all its threads and workers, when it is not its turn."""
    context = multiprocessing.get_context("spawn")
    connection, remote = context.Pipe()
    process = context.Process(target=serve, args=(PIPELINES[name], photos, cores, batches, remote))
    process.start()
    group = process.pid
    assert group is not None

    def turn() -> tuple[float, float]:
        os.killpg(group, signal.SIGCONT)
        connection.send("go")
        result = connection.recv()
        os.killpg(group, signal.SIGSTOP)
        return result

    try:
        connection.recv()  # until it is ready
        yield turn
    finally:
        os.killpg(group, signal.SIGKILL)


def measure(turns: dict[str, Turn], *, rounds: int) -> Measured:
    """For each pipeline the seconds of every round, after one to warm up, and the largest number of megabytes."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
    names = list(turns)
    for number in range(rounds + 1):
        for name in names if number % 2 else names[::-1]:
            results[name].append(turns[name]())
    return {name: ([seconds for seconds, _ in each[1:]], max(held for _, held in each)) for name, each in results.items()}


def report(results: Measured, *, images: int, cores: int) -> None:
    """Print images/s and memory of each pipeline, and how many times faster tf_ssd is than torchvision's faster one."""
    rates = {name: images / statistics.median(seconds) for name, (seconds, _) in results.items()}
    for name, (_, held) in results.items():
        print(f"    {name:20} {rates[name]:7.1f} images/s  {rates[name] / cores:7.1f} per core  {held:6.0f} MB")
    fastest = max(results.keys() - {"tf_ssd"}, key=lambda name: rates[name])
    print(f"    {ratio(results[fastest][0], results['tf_ssd'][0])} against {fastest}", flush=True)


def main() -> None:
    """Print the ratio for each size of photo, and for one core and two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=8, help="timed in each round")
    arguments = parser.parse_args()
    print(f"batch {BATCH}, load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores")
    with tempfile.TemporaryDirectory() as folder:
        for number, (size, cores) in enumerate(itertools.chain(((size, 2) for size in SIZES), [(ORDINARY, 1)])):
            photos = Photos(Path(folder, str(number)), size)
            print(f"{size[0]} x {size[1]}, {photos.kilobytes:.0f} KB a file, cores: {cores}")
            with ExitStack() as stack:
                servers = {name: server(name, photos, cores=cores, batches=arguments.batches) for name in PIPELINES}
                turns = {name: stack.enter_context(each) for name, each in servers.items()}
                report(measure(turns, rounds=arguments.rounds), images=BATCH * arguments.batches, cores=cores)


if __name__ == "__main__":
    main()
