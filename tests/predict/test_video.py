import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tf_ssd.errors import ConfigError, ImageError
from tf_ssd.predict import video
from tf_ssd.predict.video import Frame, is_video, opened, write_video

RATE = Fraction(25)
COLORS = np.uint8([[200, 40, 30], [20, 180, 60], [30, 60, 210]])


def colored(number: int, size=(64, 48)) -> np.ndarray:
    """The upper half in a colour of the frame's own, the lower half black."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[: size[1] // 2] = COLORS[number % 3]
    return pixels


def make(path: Path, frames: int = 12, *, size=(64, 48), codec="libx264", rotation=0, draw=colored) -> Path:
    """A clip of coloured frames, not made by the code under test."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(number, size))))
        container.mux(stream.encode())
    return path


def noisy(number: int, size) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)


def read(path: Path) -> list[Frame]:
    with opened(path) as clip:
        return list(clip.frames)


def noise(frames: int) -> list[Frame]:
    return [Frame(noisy(number, (64, 48)), number / 25) for number in range(frames)]


# Reading


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.MOV", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_the_frames_of_a_clip(tmp_path, name, codec):
    with opened(make(tmp_path / name, codec=codec)) as clip:
        frames = list(clip.frames)
        assert (clip.rate, clip.length) == (RATE, 12)
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(12) / 25, abs=1e-3)
    for number, frame in enumerate(frames):
        assert frame.pixels.shape == (48, 64, 3)
        np.testing.assert_allclose(frame.pixels[10, 10], COLORS[number % 3], atol=12)


@pytest.mark.parametrize(("rotation", "place"), [(90, (20, 10)), (180, (40, 20)), (-90, (20, 40))])
def test_frames_are_turned_as_players_turn_them(tmp_path, rotation, place):
    """Counter-clockwise: the top comes to the left, the bottom, the right."""
    [frame] = read(make(tmp_path / "a.mp4", 1, rotation=rotation))
    assert frame.pixels.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    np.testing.assert_allclose(frame.pixels[place], COLORS[0], atol=12)
    np.testing.assert_allclose(frame.pixels[::-1, ::-1][place], 0, atol=12)


def test_a_clip_that_is_cut_off_or_damaged(tmp_path):
    write_video(tmp_path / "a.mp4", noise(30), RATE)  # with its table of contents at the front
    encoded = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(encoded[: len(encoded) * 6 // 10])
    damaged = bytearray(make(tmp_path / "b.avi", codec="mpeg4", draw=noisy).read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 200] = bytes(200)
    (tmp_path / "b.avi").write_bytes(damaged)
    for name in ("a.mp4", "b.avi"):
        with pytest.raises(
            ImageError, match=rf"{name}: cannot be read as a video \(damaged after 0\.\d\d s\); replace or remove it"
        ):
            read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"no video" * 1000, b"ffconcat version 1.0\nfile whole.mp4\n", b"#EXTM3U\nwhole.mp4\n"])
def test_files_that_are_no_video(tmp_path, content):
    """Such as playlists, which would open other files."""
    make(tmp_path / "whole.mp4")
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.mp4: cannot be read as a video"):
        read(tmp_path / "a.mp4")


def test_sound_alone(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ImageError, match="there are no pictures in it"):
        read(tmp_path / "a.mp4")


def test_a_name_that_looks_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "whole.mp4").rename(tmp_path / "http:a.mp4")
    assert len(read(Path("http:a.mp4"))) == 12


def test_what_is_a_video():
    assert all(is_video(Path(name)) for name in ("a.mp4", "b/A.MOV", "a.avi", "a.mkv", "a.webm", "camera:0", "/dev/null"))
    assert not any(is_video(Path(name)) for name in ("a.jpg", "mp4", "a.gif", "camera"))


# Cameras


def test_a_camera_that_is_not_there():
    with pytest.raises(
        ImageError, match=r"camera:99: cannot be read as a video \(No such file or directory\); is it there, and free"
    ):
        read(Path("camera:99"))


def test_a_device_that_is_no_camera():
    with pytest.raises(ImageError, match="/dev/null: cannot be read as a video"):
        read(Path("/dev/null"))


def test_an_interrupt_ends_what_a_camera_sees(tmp_path, monkeypatch):
    """A file in the place of a camera."""
    clip = make(tmp_path / "a.mp4")
    monkeypatch.setattr(video, "_open_camera", lambda av, _: av.open(str(clip)))
    before = signal.getsignal(signal.SIGINT)
    seen = 0
    with opened(Path("camera:0")) as camera:
        for _ in camera.frames:
            seen += 1
            if seen == 3:
                os.kill(os.getpid(), signal.SIGINT)
    assert seen == 3
    assert signal.getsignal(signal.SIGINT) == before


def test_a_camera_can_be_read_in_any_thread(tmp_path, monkeypatch):
    """Where Ctrl-C cannot be noticed."""
    clip = make(tmp_path / "a.mp4")
    monkeypatch.setattr(video, "_open_camera", lambda av, _: av.open(str(clip)))
    with ThreadPoolExecutor(1) as thread:
        assert len(thread.submit(read, Path("camera:0")).result()) == len(read(clip))


# Writing


@pytest.mark.parametrize("encoders", [("libx264", "mpeg4"), ("unheard-of", "mpeg4")])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_a_copy_has_the_frames_and_their_rate(tmp_path, monkeypatch, encoders, rate):
    monkeypatch.setattr(video, "ENCODERS", encoders)
    write_video(tmp_path / "a.mp4", (Frame(colored(number), 7 + number / rate) for number in range(24)), rate)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == ("h264" if encoders[0] == "libx264" else "mpeg4")
        assert (stream.average_rate, stream.frames, stream.width, stream.height) == (rate, 24, 64, 48)
    for number, frame in enumerate(read(tmp_path / "a.mp4")):
        np.testing.assert_allclose(frame.pixels[10, 10], COLORS[number % 3], atol=12)


def test_an_odd_side_grows_by_a_pixel(tmp_path):
    pixels = np.full((47, 63, 3), COLORS[0], np.uint8)
    write_video(tmp_path / "a.mp4", [Frame(pixels, 0)], RATE)
    [frame] = read(tmp_path / "a.mp4")
    np.testing.assert_allclose(frame.pixels, np.broadcast_to(COLORS[0], (48, 64, 3)), atol=12)


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_frames_stay_when_they_were_shown(tmp_path, monkeypatch, encoder):
    """As a telephone records them, at no constant rate; and a clock that stands still, and runs backwards."""
    monkeypatch.setattr(video, "ENCODERS", (encoder,))
    shown = [0, 0.04, 0.1, 0.5, 0.5, 0.4, 0.75]
    write_video(tmp_path / "a.mp4", [Frame(colored(number), 3 + seconds) for number, seconds in enumerate(shown)], RATE)
    assert [frame.seconds for frame in read(tmp_path / "a.mp4")] == pytest.approx(np.maximum.accumulate(shown), abs=1e-4)


def test_what_fails_leaves_no_file(tmp_path):
    def frames():
        yield from noise(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "a.mp4", frames(), RATE)
    assert list(tmp_path.iterdir()) == []


def test_frames_that_cannot_be_encoded(tmp_path):
    with pytest.raises(ImageError, match=r"a\.mp4: cannot be written as a video \(.*\); are its frames too large"):
        write_video(tmp_path / "a.mp4", [Frame(np.zeros((2, 20000, 3), np.uint8), 0)], RATE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_video(tmp_path / "missing" / "a.mp4", noise(1), RATE)


def test_an_encoder_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "ENCODERS", ("unheard-of",))
    with pytest.raises(ConfigError, match="none of the encoders unheard-of"):
        write_video(tmp_path / "a.mp4", noise(1), RATE)
    assert list(tmp_path.iterdir()) == []


def test_without_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ConfigError, match=r'pip install "tf-ssd\[video\]"'):
        read(tmp_path / "a.mp4")
