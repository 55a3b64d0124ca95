"""Videos and cameras, frame by frame, with PyAV: an extra, which is imported when there is a video."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tf_ssd.data.images.decode import raise_unless_guilty
from tf_ssd.errors import ConfigError, ImageError
from tf_ssd.system.files import require_file, written_beside
from tf_ssd.system.signals import stop_requests

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
CAMERA = "camera:"  # and its number
# Not every format FFmpeg knows: a disguised playlist, for one, would open other files.
SAFE = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm", "protocol_whitelist": "file"}
ENCODERS = ("libx264", "mpeg4")  # the first that there is
MPEG4_QUALITY = 4  # quantizer, 1..31; libx264 chooses well by itself
FINEST = Fraction(1, 60000)  # unit of time in a copy: the usual rates fit, and MPEG-4 has hardly any finer
USUAL_RATE = Fraction(30)  # where a video does not say
BT601 = 6  # the colour matrix of frames made from RGB


class Frame(NamedTuple):
    """Pixels (H, W, 3) uint8 RGB, and when they are shown."""

    pixels: np.ndarray
    seconds: float


class Clip(NamedTuple):
    """An opened video: its frames, frames a second, and about how many frames there are, if anything is known of that."""

    frames: Iterator[Frame]
    rate: Fraction
    length: int | None


def is_camera(path: Path) -> bool:
    """Whether this is camera:NUMBER or a device."""
    return str(path).startswith(CAMERA) or path.is_char_device()


def is_video(path: Path) -> bool:
    """Whether this is a camera, or a file whose suffix is one of VIDEO_SUFFIXES."""
    return path.suffix.lower() in VIDEO_SUFFIXES or is_camera(path)


def import_av() -> ModuleType:
    """PyAV; raises ConfigError if it is not installed."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ConfigError('reading videos needs PyAV; install it with: pip install "tf-ssd[video]"') from error
    return av


@contextmanager
def opened(path: Path) -> Iterator[Clip]:
    """The frames of a video file, or of a camera until Ctrl-C; they are turned as players turn them.

    The frames raise ImageError where the video is damaged; what a decoder conceals is not noticed.

    Raises:
        ConfigError: PyAV is not installed.
        ImageError: there is no video, or no frames.
    """
    av = import_av()
    with _reporting(path):
        container = _open_camera(av, path) if is_camera(path) else av.open(str(require_file(path).absolute()), options=SAFE)
    with container:
        if not container.streams.video:
            raise ImageError(f"{path}: there are no pictures in it; remove it")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = stream.average_rate or stream.guessed_rate or USUAL_RATE
        frames = _frames(container, path, rate)
        length = stream.frames or round((container.duration or 0) / av.time_base * rate) or None
        yield Clip(_until_interrupted(frames) if is_camera(path) else frames, rate, length)


def write_video(path: Path, frames: Iterable[Frame], rate: Fraction, *, new: bool = False) -> None:
    """Write an MP4 without sound beside `path` and rename it when all frames are in it; an odd side grows by a pixel.

    With `new`, as for `written_beside`, a file that is there already is not replaced.

    Raises:
        ConfigError: PyAV is not installed, or has no encoder.
        ImageError: the encoder does not take such frames.
        OSError: the disk does not take it.
    """
    av = import_av()
    with (
        _reporting_unwritable(path),
        written_beside(path, new=new) as unfinished,
        av.open(str(unfinished.absolute()), "w", options={"movflags": "+faststart"}) as container,
    ):
        stream, time = None, -1
        for pixels, seconds in frames:
            picture = av.VideoFrame.from_ndarray(_even(pixels))
            if stream is None:
                stream, start = _add_stream(av, container, picture, rate), seconds
            time = max(time + 1, round((seconds - start) / FINEST))  # a broken clock must not run backwards
            picture.pts, picture.time_base = time, FINEST
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode())


def _open_camera(av: ModuleType, path: Path) -> Any:
    name = str(path)
    return av.open(name.replace(CAMERA, "/dev/video", 1) if name.startswith(CAMERA) else name, format="v4l2")


def _frames(container: Any, path: Path, rate: Fraction) -> Iterator[Frame]:
    with _reporting(path):
        seconds, size = -1 / float(rate), None
        for packet in container.demux(video=0):
            frames = packet.decode()
            if packet.is_corrupt or any(frame.is_corrupt for frame in frames):
                raise ValueError(f"damaged after {max(seconds, 0):.2f} s")
            for frame in frames:
                seconds = seconds + 1 / float(rate) if frame.time is None else frame.time
                size = size or (frame.width, frame.height)  # of all of them, should it change
                pixels = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
                yield Frame(np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90))), seconds)
        if size is None:
            raise ValueError("no frames")


def _until_interrupted(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The frames before Ctrl-C, which ends them instead of the process."""
    with stop_requests(signal.SIGINT) as stop:
        yield from takewhile(lambda _: not stop(), frames)


def _add_stream(av: ModuleType, container: Any, picture: Any, rate: Fraction) -> Any:
    name = next((name for name in ENCODERS if name in av.codecs_available), None)
    if name is None:
        raise ConfigError(f"this PyAV has none of the encoders {', '.join(ENCODERS)}; install another build of it")
    stream = container.add_stream(name, rate=rate)
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    codec = stream.codec_context
    codec.time_base, codec.colorspace = FINEST, BT601
    if name == "mpeg4":
        codec.qmin = codec.qmax = MPEG4_QUALITY
    return stream


def _even(pixels: np.ndarray) -> np.ndarray:
    """The edge once more where a side is odd, which the encoders cannot have."""
    height, width, _ = pixels.shape
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except (import_av().FFmpegError, ValueError) as error:
        raise_unless_guilty(str(path), error)
        advice = "is it there, and free?" if is_camera(path) else "replace or remove it"
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path}: cannot be read as a video ({reason}); {advice}") from error


@contextmanager
def _reporting_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except import_av().FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise ImageError(f"{path}: cannot be written as a video ({error.strerror}); are its frames too large?") from error
