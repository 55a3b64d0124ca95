"""The learning rate of a run."""

from collections.abc import Sequence
from dataclasses import replace

from tf_ssd.config import Recipe
from tf_ssd.optimizer import Restarted, WarmupAndCosine, WarmupAndDrops
from tf_ssd.train.stretches import Stretch


def rate_of(recipe: Recipe, stretches: Sequence[Stretch]) -> WarmupAndDrops | WarmupAndCosine | Restarted:
    """The schedule of a recipe over each stretch of a run."""
    schedules = [schedule_of(replace(recipe, steps=stretch.steps)) for stretch in stretches]
    return schedules[0] if len(schedules) == 1 else Restarted(schedules, restarts=[stretch.first for stretch in stretches[1:]])


def schedule_of(recipe: Recipe) -> WarmupAndDrops | WarmupAndCosine:
    """The learning rate of a recipe over its steps."""
    if recipe.drops:
        drops = tuple(round(share * recipe.steps) for share in recipe.drops)
        return WarmupAndDrops(recipe.learning_rate, drops=drops, warmup=recipe.warmup)
    return WarmupAndCosine(recipe.learning_rate, steps=recipe.steps, warmup=recipe.warmup)
