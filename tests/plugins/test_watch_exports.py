"""What a watch sees in TensorBoard's files and MLflow's store, read back with their own readers."""

import subprocess
import sys

import gradsuite
import pytest
from gradsuite.errors import UserError

torch = pytest.importorskip("torch")
NAMES = {"horizon/lstm.0", "rate/lstm.0", "gradient_norm", "gradient_norm/lstm.0", "forget_gate/lstm.0"}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(2, 4)

    def forward(self, x):
        return self.lstm(x)[0][-1]


def watched(**options):
    """Train for five steps under watch and return it."""
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gradsuite.watch(model, every=2, **options) as watch:
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.randn(12, 3, 2)).square().mean().backward()
            optimizer.step()
    return watch


def expected(watch, name):
    """Return (step, value) of one series, as the frame has it."""
    metric, _, where = name.partition("/")
    module, _, layer = where.partition(".")
    frame = watch.frame
    rows = frame[(frame["metric"] == metric) & (frame["module"] == module) & (frame["layer"] == int(layer or -1))]
    return list(zip(rows["step"], rows["value"], strict=True))


def scalars(folder):
    """Return (step, value) of every series in TensorBoard's files."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}


def same(found, watch):
    assert set(found) >= NAMES
    for name in NAMES:
        steps, values = zip(*expected(watch, name), strict=True)
        assert [step for step, _ in found[name]] == list(steps) == [1, 2, 4]
        # TensorBoard keeps float32: half a unit in the last of 24 bits.
        assert [value for _, value in found[name]] == pytest.approx(values, rel=2**-24)


def test_tensorboard_has_every_look_while_it_is_watched(tmp_path):
    pytest.importorskip("tensorboard")
    watch = watched(tensorboard=tmp_path)
    same(scalars(tmp_path), watch)


def test_tensorboard_can_have_them_later_through_one_s_own_writer(tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    watch = watched()
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("mine", 1.0, 0)
        watch.to_tensorboard(writer)
        writer.add_scalar("mine", 2.0, 1)  # it was not closed
    found = scalars(tmp_path)
    same(found, watch)
    assert found["mine"] == [(0, 1.0), (1, 2.0)]


def test_what_is_no_writer_is_refused():
    with pytest.raises(UserError, match="tensorboard takes a SummaryWriter or a folder, not 'int'"):
        watched().to_tensorboard(3)


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    found = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)  # MLflow keeps files beside a database in the working folder
    found.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield found
    found.set_tracking_uri("")


def stored(mlflow, run_id):
    client = mlflow.tracking.MlflowClient()
    return {
        name: [(metric.step, metric.value) for metric in client.get_metric_history(run_id, name)]
        for name in client.get_run(run_id).data.metrics
    }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what MLflow leaves open
def test_mlflow_has_every_look_while_it_is_watched_and_later(mlflow):
    with mlflow.start_run() as active:
        watch = watched(mlflow=True)
    same(stored(mlflow, active.info.run_id), watch)

    with mlflow.start_run() as other:
        pass
    watch.to_mlflow(other.info.run_id)
    same(stored(mlflow, other.info.run_id), watch)

    with pytest.raises(UserError, match=r"no run of MLflow's is active: begin one with mlflow\.start_run"):
        watch.to_mlflow()


def test_one_s_own_function_has_every_look():
    told = {}
    watch = watched(log=lambda step, values: told.update({step: values}))
    same({name: [(step, values[name]) for step, values in told.items()] for name in told[1]}, watch)


def test_watching_imports_neither_of_them():
    code = (
        "import sys, torch, gradsuite\n"
        "with gradsuite.watch(torch.nn.LSTM(2, 3)): pass\n"
        "assert not {'tensorboard', 'mlflow', 'matplotlib', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
