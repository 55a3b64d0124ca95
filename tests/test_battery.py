"""What users do with a network, done with every network of the table, at a small width: whoever adds one has it tested."""

from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python.schema_py_generated import BuiltinOperator, TensorType
from tensorflow.lite.tools import flatbuffer_utils

from parity_tests.network import dtype_policy
from tf_ssd.config import NETWORKS, ExportConfig, ModelConfig, TrainConfig
from tf_ssd.data.batches.generator import Batch
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.synthetic import CLASS_NAMES, SyntheticDataset
from tf_ssd.default_boxes import default_boxes
from tf_ssd.evaluate.over_dataset import evaluate
from tf_ssd.export import litert, onnx, saved_model
from tf_ssd.export.agreement import LIMITS, compare_heads
from tf_ssd.export.inference import by_artefact, by_tensorflow
from tf_ssd.export.serving import input_spec, serving_function
from tf_ssd.loss import MultiboxLoss
from tf_ssd.model import SSD, ssd
from tf_ssd.predict.detector import Detector
from tf_ssd.predict.explain import explain
from tf_ssd.predict.explain_plot import explanation_png
from tf_ssd.train.run import Run
from tf_ssd.train.trainer.step import Outcome
from tf_ssd.train.workers import Workers

WIDTH = 1 / 16  # the least at which parts that differ in channels still do
ONE = Workers(tf.distribute.get_strategy(), 0, 1)
PIPELINES_ARE_GRAPHS = "ignore:Even though the .tf.config.experimental_run_functions_eagerly"


@pytest.fixture(scope="class")
def config(request) -> ModelConfig:
    return replace(request.cls.network, num_classes=1 + len(CLASS_NAMES), width=WIDTH)


@pytest.fixture(scope="class")
def model(config) -> SSD:
    keras.utils.set_random_seed(0)
    return ssd(config)


@pytest.fixture(scope="class")
def batch(config) -> Batch:
    """Noise: an image with a large object and a smaller one, and one without any."""
    side = config.boxes.image_size
    images = np.random.default_rng(0).uniform(0, 255, (2, side, side, 3)).astype(np.float32)
    boxes, labels = np.zeros((2, 8, 4), np.float32), np.zeros((2, 8), np.int32)
    boxes[0, :2], labels[0, :2] = [(0.1, 0.1, 0.6, 0.7), (0.5, 0.6, 0.7, 0.8)], (1, 2)
    return Batch(*map(tf.constant, (images, boxes, labels, labels > 5, labels > 5, np.arange(2))))


@pytest.fixture(scope="class")
def one(batch) -> Batch:
    """The image with objects alone: processors are slow at float16."""
    return Batch(*(column[:1] for column in batch))


@pytest.fixture(scope="class")
def loss_in_float32(model, one) -> MultiboxLoss:
    return model.multibox_loss(one.boxes, one.labels, model(one.images, training=True))


@pytest.fixture(scope="class")
def fitted(request, config, batch) -> SSD:
    """Trained by Keras, three steps: in a graph for the first network of a body, as the runs are."""
    keras.utils.set_random_seed(0)
    network = ssd(config)
    # Far less is traced of it than of Adam; without a limit a network of many layers and no normalisation diverges.
    network.compile(keras.optimizers.SGD(1e-3, global_clipnorm=10.0), run_eagerly=not request.cls.is_first)
    network.fit(batch.images, {"boxes": batch.boxes, "labels": batch.labels}, batch_size=2, epochs=3, verbose=0)
    return network


@pytest.fixture(scope="class")
def lively(fitted, batch) -> SSD:
    """As after long training: with statistics of the images, and scores and boxes that differ."""
    norms = [layer for layer in fitted.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    fitted(batch.images, training=True)
    for output, values in fitted(batch.images).items():
        for level in range(len(fitted.config.boxes.feature_maps)):
            kernel = fitted.get_layer(f"{output}_{level}").kernel
            kernel.assign(kernel / tf.math.reduce_std(values))
    return fitted


@pytest.fixture(scope="class")
def settings(config, tmp_path_factory) -> TrainConfig:
    """Of a run of two steps of four pictures, computed in two parts as two workers would."""
    few = {"width": WIDTH, "steps": 2, "batch_size": 4, "micro_batches": 2, "optimizer": "sgd"}
    return TrainConfig(network=config.name, output=tmp_path_factory.mktemp("run"), quiet=True, **few)


@pytest.fixture(scope="class")
def run(settings) -> Run:
    return Run(settings, ONE)


@contextmanager
def steps(*, as_graphs: bool):
    """Graphs for the first network of a body; to trace another takes longer than to compute its few steps without."""
    tf.config.run_functions_eagerly(not as_graphs)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


class FirstStep(NamedTuple):
    """What a run found in its first step, and what is found of the same weights and batch without its trainer."""

    outcome: Outcome
    losses: MultiboxLoss
    gradients: list[tf.Tensor]


@pytest.fixture(scope="class")
def first_step(request, run) -> FirstStep:
    """The first step of the run is made, and a checkpoint written."""
    trainer, outcomes = run.trainer, []
    compute = trainer._training_step.outcome

    def kept(*given, **how):
        outcomes.append(compute(*given, **how))
        return outcomes[-1]

    (batch,) = islice(run.batches(), 1)
    _, losses, gradients = loss_and_gradients(trainer.model, tf.split(batch.images, 2), batch)
    with pytest.MonkeyPatch.context() as patch, steps(as_graphs=request.cls.is_first):
        patch.setattr(trainer._training_step, "outcome", kept)
        list(trainer.train(iter([batch])))
    trainer.save()
    (outcome,) = outcomes
    return FirstStep(outcome, losses, gradients)


@pytest.fixture(scope="class")
def pictures(config) -> SyntheticDataset:
    return SyntheticDataset(2, seed=0, image_size=config.boxes.image_size + 20)


def float_operations(path, *kinds) -> list[str]:
    """The operations of these kinds in a .tflite file whose results are not in eight bits, by the tensors that they make."""
    codes = {number: name for name, number in vars(BuiltinOperator).items()}
    model = flatbuffer_utils.read_model(str(path))
    (graph,) = model.subgraphs
    of_kinds = [part for part in graph.operators if codes[model.operatorCodes[part.opcodeIndex].builtinCode] in kinds]
    assert of_kinds
    made = [graph.tensors[part.outputs[0]] for part in of_kinds]
    return [tensor.name.decode() for tensor in made if tensor.type != TensorType.INT8]


def state(trainer) -> dict[str, np.ndarray]:
    return {name: np.array(variable) for name, variable in trainer._state().items()}


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def loss_and_gradients(model, parts, batch):
    """Predictions for the parts of a batch, its loss, and the gradient, as they are computed without any graph."""
    with tf.GradientTape() as tape:
        of_parts = [model(images, training=True) for images in parts]
        predictions = {name: tf.concat([part[name] for part in of_parts], 0) for name in of_parts[0]}
        losses = model.multibox_loss(batch.boxes, batch.labels, predictions)
    return predictions, losses, tape.gradient(losses.total, model.trainable_variables)


class Battery:
    """The tests; `network` is what the table says, `is_first` whether no network before it has its body."""

    network: ModelConfig
    is_first: bool

    def test_shapes_and_names(self, config, model, fitted):
        boxes = config.boxes.num_boxes
        assert {name: tuple(output.shape) for name, output in model.output.items()} == {
            "offsets": (None, boxes, 4),
            "logits": (None, boxes, config.num_classes),
        }
        assert default_boxes(config.boxes).shape == (boxes, 4)
        paths = [variable.path for variable in model.weights]
        assert len(set(paths)) == len(paths)
        assert [variable.path for variable in fitted.weights] == paths  # by which checkpoints know those of another of its kind

    def test_loss_and_gradient_are_finite(self, model, batch):
        predictions, losses, gradients = loss_and_gradients(model, [batch.images], batch)
        assert int(losses.num_positives) > 0
        for value in (*predictions.values(), losses.total, *gradients):
            assert np.isfinite(value).all()

    def test_fit(self, model, fitted):
        """Not compiled by XLA, which takes ten times as long for depthwise convolutions."""
        losses = fitted.history.history["loss"]
        model.compile()
        assert not model.jit_compile
        assert len(losses) == 3
        assert losses[-1] < losses[0]

    @pytest.mark.filterwarnings("ignore")  # Keras calls .h5 a legacy format
    def test_files_and_clones_are_the_network(self, config, fitted, batch, tmp_path):
        expected = fitted(batch.images)
        for suffix in ("keras", "h5"):
            fitted.save(tmp_path / f"model.{suffix}")
            loaded = keras.saving.load_model(tmp_path / f"model.{suffix}")
            assert (type(loaded), loaded.config, loaded.name) == (SSD, config, config.name)
            assert_equal(loaded(batch.images), expected)
        clone = keras.models.clone_model(fitted)
        assert (type(clone), clone.config, clone.name) == (SSD, config, config.name)
        clone.set_weights(fitted.get_weights())
        assert_equal(clone(batch.images), expected)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision(self, config, model, one, loss_in_float32, policy):
        with dtype_policy(policy):
            network = ssd(config)
        network.set_weights(model.get_weights())
        predictions, losses, gradients = loss_and_gradients(network, [one.images], one)
        values = (*predictions.values(), losses.total, *gradients)
        assert {value.dtype for value in values} == {tf.float32}
        assert all(np.isfinite(value).all() for value in values)
        np.testing.assert_allclose(losses.total, loss_in_float32.total, rtol=0.03)

    @pytest.mark.usefixtures("first_step")
    @pytest.mark.filterwarnings(PIPELINES_ARE_GRAPHS)
    def test_a_run_that_is_resumed_goes_on_to_the_bit(self, run, settings):
        trainer, saved = run.trainer, state(run.trainer)
        with steps(as_graphs=self.is_first):
            results = list(trainer.train(run.batches()))
            expected = state(trainer)
            assert trainer.restore(pytest.fail)
            assert list(trainer.train(run.batches())) == results
        assert_equal(state(trainer), expected)
        again = Run(settings, ONE)  # as the last, since it sets a seed, after which TensorFlow prepares all graphs anew
        assert again.trainer.step == 1
        assert_equal(state(again.trainer), saved)

    @pytest.mark.filterwarnings(PIPELINES_ARE_GRAPHS)
    def test_a_batch_in_shares_is_the_batch(self, first_step):
        """As workers share it: losses and gradients of parts, with statistics of their own, add up to those of the whole."""
        outcome, losses, gradients = first_step
        np.testing.assert_allclose(outcome.losses, losses, rtol=1e-4)
        apart = tf.linalg.global_norm([ours - theirs for ours, theirs in zip(outcome.gradients, gradients, strict=True)])
        assert apart < 1e-3 * tf.linalg.global_norm(gradients)

    def test_predict_explain_and_evaluate(self, config, lively, pictures):
        picture, settings = read_image(pictures[0]), config.detection
        detector = Detector(lively, CLASS_NAMES, settings=settings)
        found = detector(picture)
        assert 0 < len(found) <= settings.max_detections
        assert (found.boxes_px >= 0).all()
        assert (found.boxes_px <= picture.shape[0]).all()
        evaluation = evaluate(lively, pictures, batch_size=1)
        np.testing.assert_array_equal(evaluation.detections[0].labels, found.labels)
        np.testing.assert_allclose(evaluation.detections[0].boxes_px, found.boxes_px, atol=0.01)
        explained = explain(*detector.heads(picture), config, settings)
        assert [cells.shape for cells in explained.cell_scores] == [(side, side) for side in config.boxes.feature_maps]
        assert len(explained.suppression.kept.labels) == len(found)
        assert explanation_png(picture, explained, config.boxes, CLASS_NAMES, title="a", settings=settings)

    @pytest.mark.filterwarnings("ignore")  # converters have warnings of their own
    def test_export(self, lively, pictures, tmp_path):
        """Boxes and scores before suppression, which knows no network. How much eight bits cost random weights says nothing."""
        picture = read_image(pictures[0])
        config = ExportConfig(tmp_path, "tflite", tmp_path / "new.tflite", raw_heads=True, image_size=picture.shape[:2])
        serve, spec, expected = serving_function(lively, config), input_spec(config), by_tensorflow(lively, config)(picture)

        def faults(runner):
            found = by_artefact(runner, config)(picture)
            return compare_heads([expected], [found], LIMITS["none"]).faults(LIMITS["none"])

        folder, tflite, onnx_file = (tmp_path / name for name in ("saved_model", "model.tflite", "model.onnx"))
        saved_model.write(serve, spec, folder)
        assert faults(saved_model.Runner(folder)) == []
        if self.is_first:
            onnx.write(serve, spec, onnx_file)
            assert faults(onnx.Runner(onnx_file)) == []
            litert.write(folder, tflite)
            assert faults(litert.Runner(tflite)) == []
            litert.quantize(tflite, "int8", [read_image(each)[None] for each in pictures])
            assert np.isfinite(litert.Runner(tflite)(picture[None])["scores"]).all()
            assert float_operations(tflite, "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D") == []


# A class for each network, so that xdist can give them to several workers. What takes long, to convert a network and to trace its
# training step, meets other operations only in another body: it is done with the first network of each.
FIRST_OF = {network.architecture.base: name for name, network in reversed(NETWORKS.items())}
for network_name, described in NETWORKS.items():
    attributes = {"network": described, "is_first": network_name in FIRST_OF.values()}
    globals()[f"Test_{network_name}"] = type(f"Test_{network_name}", (Battery,), attributes)
