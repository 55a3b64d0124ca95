"""Sums of tensors that do not depend on which of them is computed first."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial


@contextmanager
def ordered_sums() -> Iterator[None]:
    """Inside, `tf.function`s add up several tensors in the same order in every call and every process, for the same bits.

    In a graph that needs more than some 200 MB, TensorFlow's memory optimizer (Grappler's SchedulingPass) lets each term of an AddN
    of three or more be added as soon as it is there. Gradients of a feature map with three consumers then differ in the last bits
    from call to call, under `enable_op_determinism` too. Only the options of a call can switch that optimizer off, and they must be
    set in the calling thread for every call, not just for the first.

    The options are not part of TensorFlow's public interface. Where a version does not have them, one warning says what is lost,
    and calls inside are like all others.
    """
    with ExitStack() as stack:
        try:
            stack.callback(_switch_off_memory_optimizer())
        except (ImportError, AttributeError, TypeError) as error:
            _warn_once(str(error))
        yield


def _switch_off_memory_optimizer() -> Callable[[], None]:
    """Switch it off for calls from this thread; returns what restores their options."""
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
    from tensorflow.python.eager import context

    eager = context.context()
    before = eager.function_call_options
    options = ConfigProto.FromString(before.config_proto_serialized)
    options.graph_options.rewrite_options.memory_optimization = RewriterConfig.NO_MEM_OPT
    eager.function_call_options = context.FunctionCallOptions(before.executor_type, options)
    return partial(setattr, eager, "function_call_options", before)


@cache
def _warn_once(reason: str) -> None:
    lost = "gradients of large networks may differ in their last bits from run to run"
    warnings.warn(f"this TensorFlow's memory optimizer cannot be switched off ({reason}): {lost}", stacklevel=2)
