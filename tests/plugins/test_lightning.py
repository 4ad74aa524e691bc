"""A watch as a callback of Lightning's own Trainer."""

from importlib.util import find_spec

import gradsuite
import pytest

if find_spec("lightning") is None:  # imported by a test, it is not by every process that collects them
    pytest.skip("Lightning is not installed: pip install gradsuite[lightning]", allow_module_level=True)
torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"),
    pytest.mark.filterwarnings("ignore:.*`isinstance\\(treespec, LeafSpec\\)`"),  # Lightning's, of torch.utils._pytree
]


def module(broken_at=None, clip=0.0):
    from lightning.pytorch import LightningModule

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(2, 4, batch_first=True)
            self.readout = torch.nn.Linear(4, 1)

        def forward(self, x):
            return self.readout(self.lstm(x)[0][:, -1])

        def training_step(self, batch, number):
            if number == broken_at:
                raise ZeroDivisionError
            x, y = batch
            return torch.nn.functional.mse_loss(self(x), y)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.01)

    torch.manual_seed(0)
    return Module()


def fitted(model, folder, *callbacks, logger=False, **options):
    from lightning.pytorch import Trainer

    source = torch.Generator().manual_seed(1)
    data = torch.utils.data.TensorDataset(
        torch.randn(24, 15, 2, generator=source), torch.randn(24, 1, generator=source)
    )
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=logger, callbacks=list(callbacks), default_root_dir=folder,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
        **options,
    )  # fmt: skip
    trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=4))
    return trainer


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_a_fit_is_watched_and_stays_the_same_to_the_bit(tmp_path):
    from gradsuite_lightning import WatchCallback

    callback = WatchCallback(every=5, report=tmp_path / "watch.html")
    watched, alone = module(), module()
    fitted(watched, tmp_path, callback, gradient_clip_val=0.01)
    fitted(alone, tmp_path, gradient_clip_val=0.01)
    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))
    assert callback.watch.steps == 12
    frame = callback.watch.frame
    assert frame["step"].unique().tolist() == [1, 5, 10]
    assert {"loss", "horizon", "forget_gate", "gradient_norm"} <= set(frame["metric"])
    norms = frame[(frame["metric"] == "gradient_norm") & (frame["module"] == "")]["value"]
    assert (norms > 0.01).all()  # before clipping
    assert hooks(watched) == 0
    assert "Module in training" in (tmp_path / "watch.html").read_text(encoding="utf-8")


def test_the_trainer_s_loggers_have_what_was_seen(tmp_path):
    from gradsuite_lightning import WatchCallback
    from lightning.pytorch.loggers import CSVLogger

    callback, logger = WatchCallback(every=5), CSVLogger(tmp_path)
    fitted(module(), tmp_path, callback, logger=logger)
    logger.save()
    import pandas as pd

    rows = pd.read_csv(f"{logger.log_dir}/metrics.csv").dropna(subset="horizon/lstm.0")
    frame = callback.watch.frame
    assert rows["step"].tolist() == [1, 5, 10]
    assert rows["horizon/lstm.0"].tolist() == pytest.approx(frame[frame["metric"] == "horizon"]["value"].tolist())


def test_hooks_are_gone_after_an_exception(tmp_path):
    from gradsuite_lightning import WatchCallback

    callback, model = WatchCallback(every=1, report=tmp_path / "watch.html"), module(broken_at=3)
    with pytest.raises(ZeroDivisionError):
        fitted(model, tmp_path, callback)
    assert hooks(model) == 0
    assert callback.watch.steps == 3
    assert (tmp_path / "watch.html").exists()


def test_a_part_can_be_watched(tmp_path):
    from gradsuite_lightning import WatchCallback

    callback = WatchCallback(part="lstm", every=5)
    fitted(module(), tmp_path, callback)
    assert isinstance(callback.watch, gradsuite.Watch)
    assert callback.watch.steps == 12
    assert set(callback.watch.frame["module"]) == {""}
