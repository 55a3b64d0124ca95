"""What ends a run before all of its steps are made: its patience, or its time."""

from collections.abc import Callable

from tf_ssd.system.words import counted
from tf_ssd.train.held_out import HeldOut
from tf_ssd.train.run import Run


def ended_by(run: Run, held_out: HeldOut) -> Callable[[], bool]:
    """A function that says, after a step, whether something ends the run there, and prints what it is.

    It follows from the evaluations and the seconds that are written down, so that a run that was killed ends after the same step.
    Several workers ask equally often, and end together.
    """
    if run.config.patience is None and run.config.seconds is None:
        return lambda: False
    asked = run.workers.any_of(lambda: bool(_reason_to_end(run, held_out)))

    def over() -> bool:
        if run.trainer.step >= run.stretch.last or not asked():
            return False
        why = _reason_to_end(run, held_out) or "another worker's time is over"
        run.console.print(f"The run ends after step {run.trainer.step} of {run.stretch.last}: {why}.", soft_wrap=True)
        return True

    return over


def _reason_to_end(run: Run, held_out: HeldOut) -> str:
    """Why the run is to end now; empty if there is no reason."""
    config, (step, best) = run.config, held_out.best
    if config.seconds is not None and run.seconds >= config.seconds:
        return f"the {config.until} of --until are over"
    if config.patience is not None and held_out.without_better >= config.patience:
        better = f"is better than {best:.3f}, of step {step}" if step else "is defined: there is nothing to be found"
        return f"none of the last {counted(held_out.without_better, 'evaluation')} {better}"
    return ""
