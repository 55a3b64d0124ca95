"""The page of what a run's last model gets wrong in held-out images."""

from tf_ssd.errors import ResourceError
from tf_ssd.evaluate.over_dataset import Evaluation
from tf_ssd.evaluate.report.album import Images
from tf_ssd.evaluate.report.evaluated import known_sizes, sizes_of
from tf_ssd.evaluate.report.html_report import Evaluated, html_report
from tf_ssd.evaluate.report.training import training_curves
from tf_ssd.system.files import write_bytes
from tf_ssd.system.names import printable
from tf_ssd.system.words import counted
from tf_ssd.train.output import REPORT
from tf_ssd.train.run import Run
from tf_ssd.weights.places import MODEL


def write_report(run: Run, evaluation: Evaluation) -> None:
    """Write the page into the run's folder, unless nothing is detected, or there is nothing to be found.

    Pictures that cannot be read do not end a run: the page names them. A page of before an extension does not stay.
    """
    judged, file = evaluation.errors.judged, run.scratch / REPORT
    file.unlink(missing_ok=True)
    if judged.ground_truth.counted.any() and len(judged.detections.scores):
        try:
            write_bytes(file, html_report(_about(run, evaluation)).encode())
        except ResourceError as error:
            run.notices.warn(f"{REPORT} is not written: {error}")


def _about(run: Run, evaluation: Evaluation) -> Evaluated:
    config, held_out = run.config, run.held_out
    data = "generated pictures" if config.dataset == "synthetic" else f"held-out split {', '.join(config.eval_split)}"
    return Evaluated(
        title=printable(f"{run.folder / MODEL}, step {run.trainer.step}"),
        facts=(data, counted(len(held_out), "image"), *sizes_of(evaluation.errors)),
        rule="held-out average precision at IoU 0.5",
        class_names=held_out.class_names,
        scores=evaluation.average_precision,
        errors=evaluation.errors,
        images=Images(held_out, range(len(held_out)), config.exif),
        image_sizes=known_sizes(evaluation.sizes),
        boxes=run.trainer.model.config.boxes,
        training=training_curves(run.scratch),
    )
