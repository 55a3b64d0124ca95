from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, arg

from tf_ssd.cli.arguments import parsed
from tf_ssd.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """Of each kind one."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    kind: Annotated[Literal["cat", "dog"], arg(name="from")]
    batch_size: int | Literal["dynamic"] | None = None
    size: tuple[int, int] | None = None
    shares: tuple[float, ...] | None = None
    colours: Literal["bgr", "rgb", None] = None
    split: tuple[str, ...] = ("train",)
    norm: bool | None = None
    last: bool = False


GIVEN = ["a.pth", "--from", "cat"]
EVERYTHING = [
    "--batch_size",
    "3",
    "--size",
    "4",
    "5",
    "--shares",
    "--colours=rgb",
    "--split",
    "train",
    "val",
    "--norm=False",
    "--last",
]


def test_every_kind_is_read():
    assert parsed(Settings, GIVEN, "prog") == Settings(Path("a.pth"), "cat")
    everything = Settings(Path("a.pth"), "cat", 3, (4, 5), (), "rgb", ("train", "val"), False, True)
    assert parsed(Settings, [*EVERYTHING, *GIVEN], "prog") == everything
    assert parsed(Settings, ["a.pth", "--from=dog", "--batch-size=dynamic"], "prog").batch_size == "dynamic"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*GIVEN, "--spilt", "val"], "--spilt: there is no such option; did you mean --split?"),
        ([*GIVEN, "--batch_siz=3"], "--batch-siz: there is no such option; did you mean --batch-size?"),
        ([*GIVEN, "-last"], "-last: there is no such option; did you mean --last?"),
        ([*GIVEN, "--xyz"], "--xyz: there is no such option; prog --help lists them"),
        (["a.pth", "--from", "do"], "--from do: must be one of cat, dog; did you mean dog?"),
        ([*GIVEN, "--colours", "x"], "--colours x: must be one of bgr, rgb"),
        ([*GIVEN, "--norm", "yes"], "--norm yes: must be one of True, False"),
        ([*GIVEN, "--batch-size", "3.5"], "--batch-size 3.5: must be a whole number or dynamic"),
        ([*GIVEN, "--shares", "0.5", "x"], "--shares x: must be a number"),
        ([*GIVEN, "--size", "3"], "--size 3: takes 2 values, INT INT"),
        ([*GIVEN, "--batch-size"], "--batch-size: nothing stands after it; give it a value, or leave it out"),
        ([*GIVEN, "--split"], "--split: nothing stands after it; give it a value, or leave it out"),
        ([], "FILE, --from {cat,dog}: must be given; prog --help says what they are"),
        (["--from", "cat"], "FILE: must be given; prog --help says what it is"),
        (["a.pth", "b.pth", "--from", "cat"], "b.pth: belongs to no option; prog --help lists them"),
        ([*GIVEN, "--last", "--norm", "True", "b.pth"], "b.pth: belongs to no option; prog --help lists them"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_sentence(arguments, message, capsys):
    with pytest.raises(ConfigError) as error:
        parsed(Settings, arguments, "prog")
    assert str(error.value) == message
    assert capsys.readouterr().err == ""


def test_completion_of_the_shell_is_printed(capsys):
    with pytest.raises(SystemExit, match=r"^$"):
        parsed(Settings, ["--tyro-print-completion", "bash"], "prog")
    assert "prog" in capsys.readouterr().out
