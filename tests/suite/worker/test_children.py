"""What a backend starts inside of its worker: other processes work there as anywhere, and end with it."""

import os
import sys

import pytest
from gradsuite.worker.process import Process

from tests import throwaway

PLUGIN = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from gradsuite import hookimpl
from gradsuite.backend import Backend, BackendInfo
from gradsuite.experiment import Experiment
from gradsuite.rows import Measurement

class Parent(Backend):
    name = "parent"
    def describe(self):
        return BackendInfo(self.name, {"parent": "1.0"}, ("cpu",), ("float64",), ())
    def build(self, model, parameters, **options):
        raise NotImplementedError

def squares(count):
    return sum(k * k for k in range(count))

def put(queue, count):
    queue.put(squares(count))

def pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        return sum(workers.map(squares, [3, 5]))

def executor(method):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as workers:
        return sum(workers.map(squares, [3, 5]))

def single(method):
    context = multiprocessing.get_context(method)
    queue, children = context.Queue(), []
    for count in (3, 5):
        children.append(context.Process(target=put, args=(queue, count)))
        children[-1].start()
    total = sum(queue.get() for _ in children)
    for child in children:
        child.join()
    return total

def loader(workers):
    import torch
    data = torch.utils.data.TensorDataset(torch.arange(6.0))
    return sum(float(batch.sum()) for (batch,) in torch.utils.data.DataLoader(data, 2, num_workers=int(workers))) + 20

class Children(Experiment):
    name = "children"
    question = "Does this work?"
    settings = ()
    presets = {"quick": {}}
    def measure(self, backend, device, settings):
        yield [Measurement("total", globals()[settings["how"]](settings["method"]))]

@hookimpl
def register_backends(register):
    register(Parent)

@hookimpl
def register_experiments(register):
    register(Children)
"""
TOTAL = (0 + 1 + 4) + (0 + 1 + 4 + 9 + 16)


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("children")
    throwaway.install(folder, "children", PLUGIN)
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    process = Process("parent", {**os.environ, "PYTHONPATH": path, "GRADSUITE_DISABLE_PLUGINS": "torch,jax,peers"})
    yield process
    process.close()


@pytest.mark.parametrize("how", ["pool", "executor", "single"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_works_inside_a_worker(process, how, method):
    request = {"do": "start", "experiment": "children", "device": "cpu", "settings": {"how": how, "method": method}}
    reply = process.ask(request, 300)
    assert (reply["status"], reply.get("reason", "")) == ("ok", "")
    assert [row.value for row in reply["measurements"]] == [TOTAL]
    assert process.ask({"do": "resume"}, 60)["done"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_pytorchs_data_loader_works_inside_a_worker(process, workers):
    pytest.importorskip("torch")
    settings = {"how": "loader", "method": workers}
    reply = process.ask({"do": "start", "experiment": "children", "device": "cpu", "settings": settings}, 300)
    assert (reply["status"], reply.get("reason", "")) == ("ok", "")
    assert [row.value for row in reply["measurements"]] == [TOTAL]
