"""A watch as a callback of Hugging Face's own Trainer, over a tiny model that starts from random numbers."""

from importlib.util import find_spec

import pytest

for package in ("transformers", "accelerate"):  # imported by a test, it is not by every process that collects them
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install gradsuite[transformers]", allow_module_level=True)
torch = pytest.importorskip("torch")

LAYERS = 4


def model():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=17, n_positions=8, n_embd=8, n_layer=LAYERS, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return GPT2LMHeadModel(config)


def trained(network, folder, *callbacks, **options):
    from transformers import Trainer, TrainingArguments

    source = torch.Generator().manual_seed(1)
    texts = torch.randint(17, (24, 8), generator=source)
    data = [{"input_ids": text, "labels": text} for text in texts]
    arguments = TrainingArguments(
        str(folder), per_device_train_batch_size=4, num_train_epochs=2, report_to=[], use_cpu=True, save_strategy="no",
        logging_strategy="no", disable_tqdm=True, seed=0, **options,
    )  # fmt: skip
    Trainer(network, arguments, train_dataset=data, callbacks=list(callbacks)).train()


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def test_a_training_is_watched_and_stays_the_same_to_the_bit(tmp_path):
    from gradsuite_transformers import WatchCallback

    callback = WatchCallback(every=5, report=tmp_path / "watch.html")
    watched, alone = model(), model()
    before = hooks(watched)
    trained(watched, tmp_path, callback)
    trained(alone, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))
    assert callback.watch.steps == 12
    frame = callback.watch.frame
    assert frame["step"].unique().tolist() == [1, 5, 10]
    blocks = frame[(frame["metric"] == "block_gradient") & (frame["module"] == "transformer.h") & (frame["step"] == 10)]
    assert blocks["layer"].tolist() == list(range(LAYERS))
    assert (blocks["value"] > 0).all()
    assert hooks(watched) == before
    assert "GPT2LMHeadModel in training" in (tmp_path / "watch.html").read_text(encoding="utf-8")


def test_accumulated_gradients_are_one_step(tmp_path):
    from gradsuite_transformers import WatchCallback

    callback = WatchCallback(every=1)
    trained(model(), tmp_path, callback, gradient_accumulation_steps=3)
    assert callback.watch.steps == 4
    assert callback.watch.alarms == []


def test_close_removes_the_hooks_of_a_training_that_failed(tmp_path):
    from gradsuite_transformers import WatchCallback
    from transformers import TrainerCallback

    class Fails(TrainerCallback):
        def on_step_end(self, args, state, control, **known):
            raise ZeroDivisionError

    callback, network = WatchCallback(every=1), model()
    before = hooks(network)
    with pytest.raises(ZeroDivisionError):
        trained(network, tmp_path, callback, Fails())
    assert hooks(network) > before
    callback.close()
    assert hooks(network) == before
