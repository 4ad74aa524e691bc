"""Operations of PyTorch written down as they run, those of autograd's way back too, to be repeated without autograd."""

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode

UNREPEATABLE = (torch.Tag.nondeterministic_seeded, torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


class Unrepeatable(Exception):
    """What is done depends on the numbers, on chance, or on a tensor from elsewhere."""


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What is run in its context, as a graph, from the tensors that it was told of."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = Graph()
        self._nodes: dict[int, Node] = {}
        self._tensors: list[Tensor] = []  # kept, for their ids to stay theirs

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return that nothing has to be kept from torch.compile here: to keep it away imports it, for a second."""
        return False

    def take(self, tensors: Iterable[Tensor]) -> list[Node]:
        """Name the tensors that what follows may read."""
        return [self._enter(tensor, self.graph.placeholder(f"given_{len(self._nodes)}")) for tensor in tensors]

    def nodes(self, tensors: Iterable[Tensor | None]) -> list[Node | None]:
        """Return where tensors come from; None stays None."""
        return [None if tensor is None else self.node(tensor) for tensor in tensors]

    def node(self, tensor: Tensor) -> Node:
        """Return where a tensor comes from. Raises Unrepeatable for one from elsewhere."""
        try:
            return self._nodes[id(tensor)]
        except KeyError:
            raise Unrepeatable("a tensor that is no input of a step") from None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation, below autograd, and write it down."""
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten.detach.default:
            self._enter(result, self.node(args[0]))
            return result
        if function._schema.is_mutable or any(tag in function.tags for tag in UNREPEATABLE):
            raise Unrepeatable(str(function))
        named = map_aggregate((tuple(args), dict(kwargs or {})), self._named)
        node = self.graph.call_function(binding(function), *named)
        if isinstance(result, Tensor):
            self._enter(result, node)
        else:
            for number, part in enumerate(result):
                self._enter(part, self.graph.call_function(operator.getitem, (node, number)))
        return result

    def _named(self, value: Any) -> Any:
        return self.node(value) if isinstance(value, Tensor) else value

    def _enter(self, tensor: Tensor, node: Node) -> Node:
        self._tensors.append(tensor)
        self._nodes[id(tensor)] = node
        return node


def binding(function: Any) -> Callable[..., Any]:
    """Return what calls an operation soonest: PyTorch's own binding, which takes half a microsecond less, if any."""
    name = function._schema.name.removeprefix("aten::")
    return getattr(torch._C._VariableFunctions, name, function)


def function_of(given: Sequence[Node], wanted: Sequence[Node | None]) -> Callable[..., tuple[Any, ...]]:
    """Return the function of the given nodes' values that computes the wanted ones', and nothing besides."""
    graph = Graph()
    copies = {node: graph.placeholder(node.name) for node in given}
    for node in behind(wanted, given).between:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(tuple(None if node is None else copies[node] for node in wanted))
    function: Callable[..., tuple[Any, ...]] = GraphModule(torch.nn.Module(), graph).forward
    return function


class Behind(NamedTuple):
    """What nodes are computed from: the nodes between, in order, and those of the ends at which they begin."""

    between: list[Node]
    ends: list[Node]


def behind(wanted: Iterable[Node | None], ends: Collection[Node]) -> Behind:
    """Return what the wanted nodes are computed from, as far as the ends."""
    ends, found = set(ends), set()
    ahead = [node for node in wanted if node is not None]
    while ahead:
        node = ahead.pop()
        if node not in found:
            found.add(node)
            ahead += () if node in ends else node.all_input_nodes
    order = [node for node in (next(iter(found)).graph.nodes if found else ()) if node in found]
    return Behind([node for node in order if node not in ends], [node for node in order if node in ends])


def constant(graph: Graph, changing: Iterable[Node]) -> set[Node]:
    """Return the nodes of a graph that depend on none of those that change."""
    depending = set(changing)
    for node in graph.nodes:
        if any(before in depending for before in node.all_input_nodes):
            depending.add(node)
    return set(graph.nodes) - depending
