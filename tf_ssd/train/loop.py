"""The steps of a run, and what is written along the way and at the end."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path

from tf_ssd.data.batches.generator import Batch
from tf_ssd.drawing.series import read_columns
from tf_ssd.errors import TrainingError
from tf_ssd.evaluate.over_dataset import Evaluation
from tf_ssd.evaluate.tables import shown
from tf_ssd.system.files import unwritable, write_bytes
from tf_ssd.system.signals import Stopped
from tf_ssd.system.words import counted
from tf_ssd.train.curves import curves_png
from tf_ssd.train.ending import ended_by
from tf_ssd.train.folder import claimed
from tf_ssd.train.held_out import HeldOut
from tf_ssd.train.output import CURVES, FAILED, REPORT
from tf_ssd.train.progress import Waiting, with_progress
from tf_ssd.train.replay import keep_failure
from tf_ssd.train.report import write_report
from tf_ssd.train.run import Run
from tf_ssd.train.tensorboard import TensorBoard
from tf_ssd.train.trainer.diagnosis import diagnose
from tf_ssd.train.trainer.history import History
from tf_ssd.train.trainer.trainer import NotFiniteError, StepResult
from tf_ssd.weights import save_model
from tf_ssd.weights.places import BEST, EVALUATIONS, LOSS, MODEL

OVERFITTED = 0.5  # trained on one batch alone, a working network reaches a loss below this


def complete(run: Run, stop: Callable[[], bool]) -> None:
    """Make the steps that are left, evaluate, and write the results; or, if `stop` says so, write a checkpoint and leave.

    Raises:
        ConfigError: another process is training in the same folder.
        DatasetError: a record cannot be used.
        TrainingError: a loss is not finite, one batch is not learned, or a file cannot be written.
    """
    try:
        with claimed(run.folder, run.notices.warn) if run.workers.is_first else nullcontext():
            _complete(run, stop)
    except OSError as error:
        advice = "make room and give the same command again, to go on from the last checkpoint"
        raise TrainingError(unwritable(error.filename or run.folder, error, advice=advice)) from error
    finally:
        run.close()


def _complete(run: Run, stop: Callable[[], bool]) -> None:
    if run.is_finished:
        message = f"The run in {run.folder} is finished; nothing is left to do, unless --extend asks for more steps."
        run.console.print(message, soft_wrap=True, markup=False)
        return
    _copy_evaluations(run)
    anyone = run.workers.any_of(stop)  # every worker must ask equally often; all evaluate the same images
    with (
        closing(_held_out(run, anyone)) as held_out,
        closing(TensorBoard(run.scratch / "tensorboard")) as board,
    ):
        try:
            last = _make_steps(run, held_out, board, stop)
            if run.config.overfit_one_batch:
                _check_overfitted(run, last)
            else:
                _finish(run, held_out, board)
        except Stopped:
            _draw_curves(run)
            run.console.print(f"Stopped after step {run.trainer.step}; the same command goes on from there.")
        run.notices.report(*held_out.notes, last=True)


def _held_out(run: Run, stop: Callable[[], bool]) -> HeldOut:
    return HeldOut(run.held_out, run.config, run.scratch, step=run.trainer.step, stretch=run.stretch, stop=stop)


def _copy_evaluations(run: Run) -> None:
    """Copy the list of evaluations to the other workers: all must make the same ones, since they wait for each other in each."""
    made = run.folder / EVALUATIONS
    if not run.workers.is_first and made.exists():
        shutil.copy(made, run.scratch)


def _make_steps(run: Run, held_out: HeldOut, board: TensorBoard, stop: Callable[[], bool]) -> StepResult | None:
    """Make the steps that are left, until something ends the run. Returns the last one, if there was any.

    Raises Stopped, after a checkpoint, if some remain.
    """
    steps, result = run.stretch.last, None
    over = ended_by(run, held_out)
    history = History(run.scratch / LOSS, StepResult._fields, step=run.trainer.step)
    data = Waiting(_announced(run, stop))
    results = run.trainer.train(data, stop=stop)
    if run.trainer.step == steps:
        run.console.print(f"No step of {steps} is left.")
    shown = with_progress(results, data, first=run.trainer.step, steps=steps, batch_size=run.recipe.batch_size, console=run.console)
    try:
        _evaluate_if_due(run, held_out, board)  # a run may be stopped during an evaluation, after its step
        ended = over()
        for result in () if ended else shown:
            history.append(result)
            board.step(result, batch_size=run.recipe.batch_size)
            if result.step % run.config.checkpoint_every == 0:
                _save(run, history, result)
            _evaluate_if_due(run, held_out, board)
            ended = over()
            if ended:
                break
        if result and (ended or result.step % run.config.checkpoint_every):
            # Whoever goes on from here sees by the seconds that the time is over.
            _save(run, history, result, seconds=max(run.seconds, run.config.seconds or 0) if ended else None)
        if not ended and run.trainer.step < steps:
            raise Stopped
    except NotFiniteError as error:
        raise TrainingError(_explained(run, error)) from None
    finally:
        history.close()
    return result


def _announced(run: Run, stop: Callable[[], bool]) -> Iterator[Batch]:
    """The batches. The first of each shape is announced, because TensorFlow then compiles the step for that shape.

    A request to stop ends the batches here: before the first one for any number of workers, later for a single worker only. Several
    workers agree on the last step within the step itself.
    """
    if run.workers.any_of(stop)():
        return
    compiled = set()
    for batch in run.batches():
        if run.workers.total == 1 and stop():
            return
        rows = batch.labels.shape[1]
        if rows not in compiled:
            compiled.add(rows)
            run.notices.report()
            run.console.print(f"Compiling the training step for up to {counted(rows, 'object')} an image: up to a minute.")
        yield batch


def _save(run: Run, history: History, result: StepResult, *, seconds: float | None = None) -> None:
    history.sync()
    run.trainer.save(seconds=run.seconds if seconds is None else seconds)
    parts = f"box {result.localization:6.3f} + class {result.confidence:6.3f}"
    run.console.print(f"step {result.step:6d}   loss {result.total:7.3f} = {parts}   checkpoint saved")
    run.notices.report()


def _evaluate_if_due(run: Run, held_out: HeldOut, board: TensorBoard) -> None:
    if not held_out.is_due(run.trainer.step):
        return
    try:
        evaluation = _evaluated(run, held_out, board)
    except Stopped:
        return  # the evaluation is made when the run goes on
    run.console.print(f"step {run.trainer.step:6d}   held-out AP50 {shown(evaluation.average_precision.mean)}")


def _evaluated(run: Run, held_out: HeldOut, board: TensorBoard) -> Evaluation:
    """The evaluation of the model as it is; if it is made now, it is written for TensorBoard."""
    before, step = held_out.last, run.trainer.step
    with run.trainer.averaged() as model:
        evaluation = held_out.evaluate(model, step)
    if evaluation is not before:
        board.evaluation(step, evaluation, run.held_out.class_names, held_out.picture(evaluation))
    return evaluation


def _finish(run: Run, held_out: HeldOut, board: TensorBoard) -> None:
    with run.trainer.averaged() as model:
        save_model(model, run.scratch / MODEL)
    with run.console.status(f"Detecting in {counted(len(run.held_out), 'held-out image')}"):
        evaluation = _evaluated(run, held_out, board)
    _draw_curves(run)
    if run.workers.is_first:
        write_report(run, evaluation)
    # The last, because its file says that the run is finished.
    held_out.report(evaluation, run.trainer.step, held_out.picture(evaluation), run.console)
    step, best = held_out.best
    if step not in (0, run.trainer.step):
        message = f"{BEST} is of step {step}, with a held-out AP50 of {best:.3f}; {MODEL} of step {run.trainer.step}."
        run.console.print(message, soft_wrap=True)
    message = f"\nWeights, checkpoints, loss history and pictures are in {run.folder}"
    if (run.folder / REPORT).exists():
        message += f"\nWhat the model gets wrong, with pictures: open {run.folder / REPORT} in a browser"
    run.console.print(message, soft_wrap=True, markup=False)


def _draw_curves(run: Run) -> None:
    """A picture of what the run has written down so far, if it has made a step."""
    losses, evaluations = (read_columns(run.scratch / name) for name in (LOSS, EVALUATIONS))
    if len(losses["step"]):
        write_bytes(run.scratch / CURVES, curves_png(losses, evaluations, title=f"Training run {run.folder.name}"))


def _check_overfitted(run: Run, last: StepResult | None) -> None:
    """Raise TrainingError unless the loss of the last step is small; it may have been made by an earlier process."""
    losses = [last.total] if last else read_columns(run.folder / LOSS)["total"].tolist()
    if not losses:
        raise TrainingError(f"{run.folder / LOSS}: the losses of this run are missing; choose another --output")
    if losses[-1] >= OVERFITTED:
        raise TrainingError(
            f"the loss on one batch is {losses[-1]:.3f} after {counted(run.recipe.steps, 'step')}, not below {OVERFITTED}"
        )
    run.console.print(f"One batch is learned: the loss is {losses[-1]:.3f}, below {OVERFITTED}.")


def _explained(run: Run, error: NotFiniteError) -> str:
    """Keep a step that failed in a file for --replay, and say what went wrong in it."""
    names = [run.training[int(index)].id for index in error.batch.index.numpy()]
    folder = run.folder if run.workers.is_first else Path(tempfile.mkdtemp(prefix="tf_ssd-worker-"))
    kept = folder / f"{FAILED}{error.step}.safetensors"
    keep_failure(kept, run.trainer.model, error.batch, names, error.step)
    cause, *effects = diagnose(run.trainer.model, error.batch, names) or ["everything is finite when computed again"]
    boxes = [fault for fault in (cause, *effects) if "default box" in fault]
    shown = "; ".join(dict.fromkeys((cause, *boxes[:1])))
    return f"{error}, on images {', '.join(names)}: {shown}. See more with python -m tf_ssd.train --replay {kept}"
