"""`python -m tf_ssd.train`."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Literal

from tf_ssd.config.augment import AUGMENTATIONS, Augmentation, AugmentConfig, augmentation_of
from tf_ssd.config.boxes import PRESETS, Preset, presets_like
from tf_ssd.config.data import DataConfig, OnBadImage, Unlabelled
from tf_ssd.config.network import ModelConfig
from tf_ssd.config.networks import DEFAULT_NETWORK, SMALL, NetworkName, network_named
from tf_ssd.config.recipes import RECIPES, OptimizerName, Recipe, RecipeName
from tf_ssd.config.rules import flag, require, require_seed, require_share, seconds_in

Precision = Literal["float32", "float16", "bfloat16"]
Difficult = Literal["train", "ignore"]
# What moving statistics keep in a step. The 0.9997 of the Object Detection API is for millions of steps: after 400 it leaves nine
# tenths of the first statistics. Its short recipes take 0.97.
LONGEST_MOMENTUM, SHORT_MOMENTUM = 0.99, 0.97


@dataclass(frozen=True)
class TrainConfig(DataConfig):
    """Train an SSD. Without arguments: a small network on generated pictures, a few minutes on a laptop.

    The same command with the same --output continues a run that was stopped, exactly.
    """

    eval_data: tuple[Path, ...] = ()
    """Folders that the held-out splits are in. Default: those of --data."""
    eval_split: tuple[str, ...] = ("val",)
    """Held-out splits that the average precision is measured on."""
    unlabelled: Unlabelled = "keep"
    """keep: train on images without labels too; drop: leave them out of training (never of evaluation)."""
    difficult: Difficult = "train"
    """train: objects marked difficult are trained on like others, and crowds left out, so that they count as background; ignore:
    default boxes that overlap one of either most, by 0.5 or more, are trained neither to find something nor to find nothing. The
    average precision leaves both out."""
    balance: float | None = None
    """Show images with rare classes more often: an image with a class that less than this share of the images have, such as 0.1,
    comes sqrt(0.1 / share of the class) times in an epoch (Gupta et al. 2019). See python -m tf_ssd.check --balance."""
    class_weights: Path | None = None
    """JSON file of factors on the confidence loss of classes, {"name": 2.0}; of others, and of background, 1."""
    on_bad_image: OnBadImage = "error"
    """error: an image that cannot be decoded stops the run; skip: the next one of the epoch takes its place, and the bad one is
    named and counted."""
    output: Path | None = None
    """Folder for the run. Default: runs/DATASET-TIME."""
    recipe: RecipeName = "quick"
    """Values of all settings that are not given: quick, a small network from random weights; voc and coco, the published
    settings of Caffe SSD; ssdlite, torchvision's for MobileNetV3; od_api, the Object Detection API's for MobileNetV1; finetune, for
    --weights. Each may train any network."""
    steps: int | None = None
    """Training steps. quick: 400, voc: 120000, coco: 400000, ssdlite: 402600, od_api: 20000, finetune: 2000."""
    batch_size: int | None = None
    """Images per step, of all workers together. quick and finetune: 8, voc and coco: 32, ssdlite: 192, od_api: 1024."""
    optimizer: Literal[OptimizerName, None] = None  # of a union, "OptimizerName | None", tyro lists the choices in any order
    """adam (quick), or Caffe's SGD: momentum 0.9, coupled weight decay, biases at twice the rate."""
    learning_rate: float | None = None
    """Peak rate, after a linear warm-up of a tenth of the steps, at most 500. quick: 0.003, finetune: 0.00025, voc
    and coco: 0.001, ssdlite: 0.15, od_api: 0.9."""
    base_rate: float | None = None
    """Factor on the learning rate of the body, such as 0.1 where it is pre-trained and the heads are new. Default: 1."""
    drops: tuple[float, ...] | None = None
    """Shares of the steps after which the rate falls to a tenth. quick, ssdlite, od_api, and with nothing after it: none, the rate
    follows a cosine to 0."""
    weight_decay: float | None = None
    """Weight decay of kernels, for sgd alone. ssdlite and od_api: 0.00004, others: 0.0005."""
    network: Literal[NetworkName, None] = None
    """Which network to train. Default: that of --weights, else ssd300_vgg16."""
    width: float | None = None
    """Factor on the channels of every layer but the heads; 1 is the published network. quick: 0.125 for VGG, 0.35 for MobileNets,
    others: 1."""
    batch_norm: bool | None = None
    """Batch normalisation; needed to train from random weights in few steps. quick: yes; others: as published."""
    default_boxes: Literal[Preset, None] = None
    """Sizes of the default boxes. Default: coco and voc: those of that name; others: those of --weights, else the network's."""
    box_sizes: tuple[float, ...] | None = None
    """Ascending sizes of default boxes in pixels of the network's input, one more than it has feature maps, in place of a preset's:
    those that `python -m tf_ssd.check` fits."""
    frozen_blocks: int | None = None
    """How many blocks of the body, from the first, are not trained; the run names them. VGG has 5, MobileNetV1 14, V2 18, V3 16.
    finetune: 2."""
    weights: Path | None = None
    """What to start from, a .keras file (`python -m tf_ssd.weights`) or the folder of an earlier run: its body and, for the same
    classes, its heads. The network is then that one; only new heads may have other default boxes."""
    augmentation: Literal[Augmentation, None] = None
    """ssd: colours, expansion, crops and flips as in the paper; ssdlite: crops and flips; flip: flips alone; none: images as they
    are. quick: flip, ssdlite and od_api: ssdlite, others: ssd."""
    vertical_flip: bool = False
    """Mirror top and bottom too, half the time: for pictures in which up and down do not matter."""
    min_negatives: int = 0
    """Least number of hard negatives to train on in each image: all of those of an image without labels, and in a labelled one
    those beyond three for each positive."""
    clip_norm: float | None = None
    """Limit on the norm of the gradient."""
    ema: float | None = None
    """Decay of a moving average of the weights, such as 0.999, which is then what is evaluated and saved."""
    micro_batches: int = 1
    """Parts that a batch is computed in one after another, to need less memory; the result is the same without batch norm."""
    precision: Precision = "float32"
    """Type that the network computes in; weights and loss are always float32. With float16 the loss is scaled."""
    deterministic: bool = False
    """Compute the same bits in each run on a GPU too, more slowly; on a CPU they are always the same."""
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    eval_every: int | None = None
    """Steps between evaluations; the best model is kept as best.keras. Default: only at the end."""
    patience: int | None = None
    """End the run after so many evaluations (--eval-every) without a better held-out average precision."""
    until: str | None = None
    """End the run after a time, such as 90s, 30m, 1h30m or 2d, of all starts together, with evaluation and results as at the end.
    The learning rate follows --steps all the same. What a killed run had not saved yet is not counted."""
    extend: int | None = None
    """Go on with the finished run in --output for so many steps beyond its end, all extensions together. They follow the schedule
    of the learning rate anew, from the warm-up on; --patience and --until count anew too."""
    seed: int = 0
    """Seed of weights, data order and augmentation."""
    overfit_one_batch: bool = False
    """Train on the first batch alone, without augmentation, and fail unless the loss falls below 0.5: does everything work?"""
    replay: Path | None = None
    """Explain a step that failed, from the file that it left (failed-step-N.safetensors), and do nothing else."""
    quiet: bool = False
    """Print nothing but warnings and errors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe = self.settings()
        for name in ("steps", "batch_size"):
            require(getattr(recipe, name) >= 1, flag(name), getattr(recipe, name), "must be at least 1")
        for name in ("checkpoint_every", "micro_batches", "eval_every", "patience", "extend"):
            require(getattr(self, name) is None or getattr(self, name) >= 1, flag(name), getattr(self, name), "must be at least 1")
        divides = recipe.batch_size % self.micro_batches == 0
        require(divides, "--micro-batches", self.micro_batches, f"must divide the batch size, {recipe.batch_size}")
        require(0 < recipe.learning_rate < 10, "--learning-rate", recipe.learning_rate, "must be above 0 and below 10")
        require(0 < recipe.base_rate <= 1, "--base-rate", recipe.base_rate, "must be above 0, up to 1; --frozen-blocks trains less")
        require(all(0 < drop < 1 for drop in recipe.drops), "--drops", recipe.drops, "must be shares between 0 and 1")
        require(recipe.frozen_blocks >= 0, "--frozen-blocks", recipe.frozen_blocks, "must not be negative")
        require(0 <= recipe.weight_decay < 1, "--weight-decay", recipe.weight_decay, "must be from 0 to below 1")
        limit = self.clip_norm
        require(limit is None or 0 < limit < inf, "--clip-norm", limit, "must be positive; leave it out for no limit")
        require(self.ema is None or 0 < self.ema < 1, "--ema", self.ema, "must be between 0 and 1")
        require_seed(self.seed)
        require_share(self.balance)
        rule = "generated pictures are balanced, and none of their objects is difficult"
        for name, default in (("balance", None), ("difficult", "train")):
            value = getattr(self, name)
            require(self.dataset != "synthetic" or value == default, flag(name), value, rule)
        self._check_end()
        require(self.dataset != "synthetic" or not self.eval_data, "--eval-data", self.eval_data, "generated pictures need none")
        decays = recipe.optimizer == "sgd" or self.weight_decay is None
        require(decays, "--weight-decay", self.weight_decay, "adam has none; leave it out, or give --optimizer sgd")
        needs_weights = self.recipe == "finetune" and self.weights is None
        require(not needs_weights, "--recipe", self.recipe, "fine-tuning starts from --weights FILE.keras")
        if self.weights is None:  # else the network is known when they are read
            self.model(num_classes=2)

    def _check_end(self) -> None:
        """Raise ConfigError unless what says when to stop goes together."""
        evaluates = self.patience is None or self.eval_every is not None
        require(
            evaluates, "--patience", self.patience, "counts evaluations; say with --eval-every after how many steps to make them"
        )
        require(self.extend is None or self.output is not None, "--extend", self.extend, "name the folder of the run with --output")
        for name in ("patience", "until", "extend"):
            rule = "--overfit-one-batch makes all of its steps, and no more; leave one of the two out"
            require(not self.overfit_one_batch or getattr(self, name) is None, flag(name), getattr(self, name), rule)
        assert self.seconds is None or self.seconds > 0

    @property
    def seconds(self) -> int | None:
        """Those of `--until`; raises ConfigError if it is no duration."""
        return None if self.until is None else seconds_in("--until", self.until)

    def settings(self) -> Recipe:
        """The recipe, with all settings that were given in place of its own."""
        given = {field.name: getattr(self, field.name, None) for field in fields(Recipe)}
        return replace(RECIPES[self.recipe], **{name: value for name, value in given.items() if value is not None})

    @property
    def held_out_folders(self) -> tuple[Path, ...]:
        """Where the held-out data lie."""
        return self.eval_data or self.data

    def model(
        self, *, num_classes: int, start: ModelConfig | None = None, class_weights: tuple[float, ...] | None = None
    ) -> ModelConfig:
        """The network that this run trains.

        Args:
            num_classes: C, background included.
            start: the network of `--weights`.
            class_weights: C, those in the file `--class-weights`.

        Raises:
            ConfigError: `--network`, `--width` or `--batch-norm` is given and not that of `start`; the network has not so many
                blocks to freeze, or cannot have such default boxes.
        """
        if start is None:
            start = self._new_network()
        for name, theirs in (("network", start.name), ("width", start.width), ("batch_norm", start.batch_norm)):
            value = getattr(self, name)
            verb = "is" if name == "network" else "has"
            require(value in (None, theirs), flag(name), value, f"the network of --weights {verb} {theirs}; leave {flag(name)} out")
        start.architecture.first_blocks(self.settings().frozen_blocks)
        architecture = start.architecture
        if architecture.norm_momentum > LONGEST_MOMENTUM:
            architecture = replace(architecture, norm_momentum=SHORT_MOMENTUM)
        loss = replace(start.loss, min_negatives=self.min_negatives, class_weights=class_weights)
        return self._with_boxes(replace(start, num_classes=num_classes, loss=loss, architecture=architecture))

    def _new_network(self) -> ModelConfig:
        """The network from random weights, with its own default boxes."""
        recipe, named = self.settings(), network_named(self.network or DEFAULT_NETWORK)
        width = SMALL[named.architecture.base] if recipe.width is None else recipe.width
        batch_norm = named.batch_norm if recipe.batch_norm is None else recipe.batch_norm
        return replace(named, width=width, batch_norm=batch_norm)

    def _with_boxes(self, start: ModelConfig) -> ModelConfig:
        """A network with other default boxes, if flags or recipe ask for some."""
        if self.box_sizes is not None:
            return start.with_box_sizes(self.box_sizes)
        known = presets_like(start.boxes)
        preset: str | None = self.default_boxes or next((name for name in known if name[:-3] == self.settings().boxes_of), None)
        if preset is None:
            return start
        require(preset in known, "--default-boxes", preset, f"is not for {start.name}, which may have {', '.join(known)}")
        return replace(start, boxes=replace(start.boxes, shapes=PRESETS[preset].shapes))

    def augment(self, network: ModelConfig) -> AugmentConfig:
        """What is done to training images of a network."""
        if self.overfit_one_batch:
            return AUGMENTATIONS["none"]
        chosen = augmentation_of(self.settings().augmentation, network.architecture.pixel_mean)
        return replace(chosen, vertical_flip_probability=0.5 if self.vertical_flip else 0.0)

    def output_folder(self, *, now: datetime) -> Path:
        """The folder that was asked for, or one named after dataset and time."""
        return self.output or Path("runs") / f"{self.dataset}-{now:%Y%m%d-%H%M%S}"
