import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests import shallow
from tf_ssd import detect, loss, matcher, scores
from tf_ssd.config import VOC300, DefaultBoxesConfig, LossConfig, ModelConfig
from tf_ssd.default_boxes import default_boxes
from tf_ssd.errors import ConfigError
from tf_ssd.model import SSD300, ssd300

SMALL = ModelConfig(num_classes=4, width=0.0625)
CELLS, BOXES = (38, 19, 10, 5, 3, 1), (4, 6, 6, 6, 4, 4)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ssd300(SMALL)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 300, 300, 3)).astype(np.float32)


def outputs(model, images, *names):
    """What the named layers give, as NumPy arrays."""
    results = keras.Model(model.input, {name: model.get_layer(name).output for name in names})(images)
    return [results[name].numpy() for name in names]


def built_with(policy, config):
    """A network built under another dtype policy."""
    keras.config.set_dtype_policy(policy)
    try:
        return ssd300(config)
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_papers_parameters():
    """The number that the Caffe and PyTorch models for VOC have, and where it comes from, layer by layer."""
    network = ssd300(ModelConfig())
    assert network.count_params() == 26_285_486
    heads = sum(
        (9 * channels + 1) * boxes * (21 + 4) for channels, boxes in zip((512, 1024, 512, 256, 256, 256), BOXES, strict=True)
    )
    vgg16 = keras.applications.VGG16(weights=None, include_top=False).count_params()
    fc6, fc7 = (9 * 512 + 1) * 1024, (1024 + 1) * 1024
    extras = 1025 * 256 + 2305 * 512 + 513 * 128 + 1153 * 256 + 2 * (257 * 128 + 1153 * 256)
    assert vgg16 + fc6 + fc7 + extras + 512 + heads == 26_285_486
    assert {name: tuple(output.shape) for name, output in network.output.items()} == {
        "offsets": (None, 8732, 4),
        "logits": (None, 8732, 21),
    }


def test_feature_maps(model):
    sources = ["conv4_3_norm", "fc7_relu", "conv8_2_relu", "conv9_2_relu", "conv10_2_relu", "conv11_2_relu"]
    assert tuple(model.get_layer(name).output.shape[1] for name in sources) == CELLS
    assert model.get_layer("pool3").output.shape[1] == 38
    assert model.get_layer("fc6").get_config()["dilation_rate"] == (6, 6)


@pytest.mark.parametrize("output", ["offsets", "logits"])
def test_heads_emit_row_column_box(model, images, output):
    """Each cell of each head's convolution, cut into its boxes, stands where the default boxes of that cell stand."""
    whole = model(images)[output]
    first = 0
    for level, (cells, boxes) in enumerate(zip(CELLS, BOXES, strict=True)):
        (grid,) = outputs(model, images, f"{output}_{level}")
        grid = grid[0].reshape(cells, cells, -1)
        for row, column in {(0, 0), (0, cells - 1), (cells // 2, cells - 1), (cells - 1, 0)}:
            start = first + (row * cells + column) * boxes
            np.testing.assert_array_equal(whole[0, start : start + boxes], grid[row, column].reshape(boxes, whole.shape[-1]))
        first += cells * cells * boxes
    assert first == 8732


def test_a_bright_spot_moves_the_default_boxes_around_it(model):
    """Only default boxes whose receptive field sees the spot may answer differently: x from the column, y from the row."""
    blank = np.full((1, 300, 300, 3), 120, np.float32)
    spot = blank.copy()
    spot[0, 40:44, 200:204] = 255
    change = np.abs(model(spot)["logits"] - model(blank)["logits"]).sum(-1)[0, :5776]
    changed = default_boxes(VOC300).numpy()[:5776][change > 1e-4 * change.max()] * 300
    assert np.abs(changed[:, 0] - 202).max() < 75
    assert np.abs(changed[:, 1] - 42).max() < 75


def test_stride_2_pads_both_sides(model, images):
    before, after = outputs(model, images, "conv8_1_relu", "conv8_2")
    kernel, bias = model.get_layer("conv8_2").get_weights()
    expected = tf.nn.conv2d(before, kernel, strides=2, padding=[[0, 0], [1, 1], [1, 1], [0, 0]]) + bias
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-5)


def test_pool3_keeps_the_last_row_and_column(model, images):
    before, after = outputs(model, images, "conv3_3", "pool3")
    assert before.shape[1] == 75
    np.testing.assert_array_equal(after[:, -1, -1], np.maximum(before[:, -1, -1], 0))


def test_the_mean_is_subtracted_inside(model):
    mean = np.tile(np.float32([123, 117, 104]), (1, 300, 300, 1))
    (subtracted,) = outputs(model, mean, "scale_pixels")
    assert not subtracted.any()


def test_first_losses_are_small(images):
    """Heads start near 0, so the logits say "all alike": cross entropy about ln 4 although conv4_3 enters with length 20."""
    network = ssd300(dataclasses.replace(SMALL, batch_norm=True))
    logits = np.asarray(network(images, training=True)["logits"])
    entropy = scores.cross_entropy(tf.constant(logits), tf.zeros(logits.shape[:2], tf.int32))
    assert float(tf.reduce_mean(entropy)) == pytest.approx(np.log(4), abs=0.2)


def test_batch_norm_and_width():
    network = ssd300(dataclasses.replace(SMALL, batch_norm=True, width=0.125))
    assert network.get_layer("conv1_1").kernel.shape == (3, 3, 3, 8)
    assert not network.get_layer("conv1_1").use_bias
    assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers) == 23
    assert network.output["logits"].shape == (None, 8732, 4)


def test_default_boxes_that_do_not_fit():
    with pytest.raises(ConfigError, match="feature_maps=\\(38, 19\\)"):
        ssd300(dataclasses.replace(SMALL, boxes=DefaultBoxesConfig((((30, 30),),) * 2, feature_maps=(38, 19), steps=(8, 16))))


def ground_truth():
    boxes = np.float32([[[0.1, 0.1, 0.5, 0.6], [0.4, 0.3, 0.9, 0.8]], [[0.2, 0.2, 0.4, 0.5], [0, 0, 0, 0]]])
    return {"boxes": boxes, "labels": np.array([[1, 2], [3, 0]])}


def test_compute_loss_is_the_multibox_loss(images):
    settings = LossConfig(match_strategy="argmax", match_threshold=0.4, negative_ratio=2, min_negatives=9, alpha=0.5)
    network = ssd300(dataclasses.replace(SMALL, loss=settings))
    predictions, truth = network(images), ground_truth()
    target = matcher.targets(
        tf.constant(truth["boxes"]), tf.constant(truth["labels"]), default_boxes(VOC300), threshold=0.4, strategy="argmax"
    )
    expected = loss.multibox_loss(
        predictions["offsets"], predictions["logits"], *target, negative_ratio=2, min_negatives=9, alpha=0.5
    )
    actual = network.compute_loss(y={key: tf.constant(value) for key, value in truth.items()}, y_pred=predictions)
    assert float(actual) == pytest.approx(float(expected.total), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y["boxes"], r'ground truth is \{"boxes": .*, not something of type'),
        (lambda y: {"bboxes": y["boxes"], "labels": y["labels"]}, "not a dictionary of 'bboxes', 'labels'"),
        (lambda y: y | {"labels": y["labels"][..., None]}, r"not boxes \(2, 2, 4\) and labels \(2, 2, 1\)"),
        (lambda y: y | {"boxes": y["boxes"][..., :3]}, r"not boxes \(2, 2, 3\)"),
        (lambda y: y | {"boxes": y["boxes"] * 300}, r"fractions of the image are expected, not pixels \(270\)"),
        (
            lambda y: y | {"boxes": y["boxes"][..., ::-1]},
            "boxes: 3 other than xmin, ymin, xmax, ymax with min up to max, the first is",
        ),
        (lambda y: y | {"boxes": y["boxes"] * np.float32("nan")}, "boxes: 3 other than xmin, .*, the first is nan, nan, nan, nan"),
        (lambda y: y | {"labels": y["labels"] + 2}, r"labels: 2 out of 0..3, the first is 4; the model has 4 classes"),
        (lambda y: y | {"labels": y["labels"] - 1}, "labels: 1 out of 0..3, the first is -1"),
    ],
)
def test_ground_truth_that_the_loss_cannot_use_is_refused_by_fit(model, images, change, message):
    """In arrays, in the first batch of a dataset, and in a batch by itself; before anything is compiled."""
    truth = change(ground_truth())
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        model.fit(images, truth, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(tf.data.Dataset.from_tensor_slices((images, truth)).batch(2), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(images, ground_truth(), validation_data=(images, truth), verbose=0)
    for method in (model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match=message):
            method(images, truth)
    with pytest.raises(ValueError, match=message):
        model.compute_loss(y=truth, y_pred=model(images))


def test_an_ignored_row_is_ground_truth(model, images):
    truth = ground_truth()
    truth["labels"][0, 1] = matcher.IGNORED
    model.compile("sgd")
    target = model.targets(*map(tf.constant, truth.values()))
    assert np.any(target.labels == matcher.IGNORED)
    assert np.isfinite(model.compute_loss(y=truth, y_pred=model(images)))


def test_export_gives_detections_or_says_how(images, tmp_path):
    with shallow.means_as_body():
        network = ssd300(shallow.settings())
    network.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    found = exported.serve(images)
    expected = detect.detect(
        *network(images).values(),
        default_boxes(network.config.boxes),
        variances=network.config.variances,
        scores=network.config.scores,
    )
    for name, values in expected._asdict().items():
        np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)
    for given in ({"format": "onnx"}, {"input_signature": []}):
        with pytest.raises(ValueError, match=r"export: writes detections, .* python -m tf_ssd\.export --checkpoint FILE\.keras"):
            network.export(tmp_path / "other", **given)
    assert not (tmp_path / "other").exists()


def test_a_dataset_of_keras_is_looked_at_too(model, images):
    class Pixels(keras.utils.PyDataset):
        num_batches = 1

        def __getitem__(self, index):
            return images, ground_truth() | {"boxes": ground_truth()["boxes"] * 300}

    model.compile("sgd")
    with pytest.raises(ValueError, match="not pixels"):
        model.fit(Pixels(), verbose=0)


@pytest.mark.parametrize("given", [{"loss": "mse"}, {"loss_weights": [1, 2]}])
def test_another_loss_is_refused(model, given):
    with pytest.raises(ValueError, match=rf"compile\({next(iter(given))}=...\): SSD has a loss of its own; leave it out"):
        model.compile("sgd", **given)


def test_sample_weights_are_refused(model):
    with pytest.raises(ValueError, match="sample weights"):
        model.compute_loss(sample_weight=tf.ones([2]))


def test_fit_evaluate_save_and_load(images, tmp_path):
    keras.utils.set_random_seed(1)
    network = ssd300(dataclasses.replace(SMALL, batch_norm=True))
    network.compile(keras.optimizers.Adam(1e-3))
    losses = network.fit(images, ground_truth(), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == network.config
    expected = network(images, training=False)
    for name, found in loaded.predict(images, verbose=0).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-4)
    total = network.compute_loss(y=tf.nest.map_structure(tf.constant, ground_truth()), y_pred=expected)
    found = loaded.evaluate(images, ground_truth(), verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(float(total), rel=1e-5)
    assert found["loss"] == pytest.approx(found["localization_loss"] + found["confidence_loss"], rel=1e-5)
    for ours, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore")  # Keras calls .h5 a legacy format
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_file_keeps_weights_configuration_and_dtype_policy(suffix, tmp_path):
    settings = dataclasses.replace(SMALL, num_classes=3, variances=(0.2, 0.3), loss=LossConfig(alpha=0.5))
    network = built_with("mixed_bfloat16", settings)
    network.save(tmp_path / f"model.{suffix}")
    loaded = keras.saving.load_model(tmp_path / f"model.{suffix}")
    assert (type(loaded), loaded.config, loaded.name) == (SSD300, settings, network.name)
    assert loaded.get_layer("conv1_1").dtype_policy.name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    for ours, theirs in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_clone_is_of_the_same_class_and_configuration(images):
    settings = dataclasses.replace(SMALL, num_classes=3, variances=(0.2, 0.3))
    network = built_with("mixed_bfloat16", settings)
    clone = keras.models.clone_model(network)
    assert (type(clone), clone.config, clone.name) == (SSD300, settings, network.name)
    assert clone.get_layer("conv1_1").dtype_policy.name == "mixed_bfloat16"
    clone.set_weights(network.get_weights())
    np.testing.assert_array_equal(clone(images[:1])["logits"], network(images[:1])["logits"])


def test_mixed_precision_gives_float32_outputs(images):
    network = built_with("mixed_bfloat16", SMALL)
    assert network.get_layer("conv1_1").compute_dtype == "bfloat16"
    assert {name: output.dtype for name, output in network(images[:1]).items()} == {
        "offsets": tf.float32,
        "logits": tf.float32,
    }


def test_float64(images):
    network = built_with("float64", SMALL)
    predictions = network(images[:1].astype(np.float64))
    assert predictions["logits"].dtype == tf.float64
    truth = {"boxes": tf.constant(ground_truth()["boxes"][:1], tf.float64), "labels": tf.constant([[1, 2]])}
    assert network.compute_loss(y=truth, y_pred=predictions).dtype == tf.float64
