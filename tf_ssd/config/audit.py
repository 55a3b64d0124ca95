"""`python -m tf_ssd.audit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tf_ssd.config.network import ScoreKind
from tf_ssd.config.rules import flag, require, require_new

Framework = Literal["auto", "tensorflow", "torch", "jax", "numpy"]


@dataclass(frozen=True)
class AuditConfig:
    """Audit an SSD loss, also where nobody looks: run a catalogue of edge cases with known answers.

    Audited are tf_ssd, what is named with --impl, and reference_torch and torchvision if they are installed. The exit code is 1 if
    tf_ssd or an --impl breaks a rule. To follow another published convention is a difference, which breaks no rule.
    """

    impl: tuple[str, ...] = ()
    """Code to audit as well: package.module:function, or package.module with functions loss, match, encode or decode. The names
    of the parameters say what a function takes; tf_ssd.audit.examples has some, such as tf_ssd.audit.examples.naive_loss:loss."""
    framework: Framework = "auto"
    """Framework whose tensors --impl takes; by default the one that it imports."""
    dtype: Literal["float32", "float64"] = "float32"
    """Type of the predictions and annotations, for all but reference_torch, which always computes in float64."""
    scores: ScoreKind = "softmax"
    """Class scores that the loss is for: one softmax over all slots, or a sigmoid for each (TensorFlow's Object Detection API).
    An --impl with a parameter of this name is told; torchvision, which has no sigmoids, is left out of their audit."""
    accepted: Path | None = None
    """Cases that an --impl is known to fail, as a .toml file lists them with the reason. They do not count for the exit code; one
    that does not fail any more does."""
    case: str | None = None
    """Explain this case in detail, with its boxes and numbers."""
    time_limit: float = 20.0
    """Seconds that an --impl may take for a case, after which it is stopped. What stands beside it, tf_ssd too, has a minute at
    least."""
    all: bool = False
    """Show the cases that are right, too, and what the witnesses do otherwise."""
    format: Literal["text", "junit", "github"] = "text"
    """What is printed: tables and a conclusion, JUnit's XML, or annotations for a workflow of GitHub."""
    json: Path | None = None
    """Write every answer and verdict to this .json file."""
    report: Path | None = None
    """Write a page with pictures of every case to this .html file; it needs no network."""
    export: Path | None = None
    """Write the cases with their expected values into this new folder, for implementations that Python cannot run: those for
    softmax, or with --scores sigmoid those for sigmoids. Nothing is audited then."""

    specification: bool = False
    """Print the numbered rules that the cases stand for, as Markdown. Nothing is audited then."""

    def __post_init__(self) -> None:
        require(self.time_limit > 0, "--time-limit", self.time_limit, "must be positive")
        repeated = sorted({name for name in self.impl if self.impl.count(name) > 1})
        require(not repeated, "--impl", repeated, "name each implementation once")
        other = [flag(name) for name in ("export", "json", "report") if getattr(self, name) is not None]
        require(not (self.specification and other), "--specification", True, f"writes no files; leave out {', '.join(other)}")
        alone = self.export is None or other == ["--export"]
        require(alone, "--export", str(self.export), f"audits nothing; leave out {', '.join(other[1:])}")
        require_new(self, json=".json", report=".html", export="")
