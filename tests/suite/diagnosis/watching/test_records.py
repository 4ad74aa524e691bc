"""Records thin themselves, and keep what they keep whole."""

from gradsuite.diagnosis.watching.records import KEPT, Reading, Records


def filled(looks):
    records = Records()
    for look in range(looks):
        records.add(10 * look, [Reading("horizon", look / 2, "lstm", 0), Reading("gradient_norm", float(look))])
    return records


def test_every_look_is_kept_while_there_are_few():
    frame = filled(KEPT - 1).frame()
    assert list(frame.columns) == ["step", "module", "layer", "metric", "value"]
    horizon = frame[frame["metric"] == "horizon"]
    assert horizon["step"].tolist() == [10 * look for look in range(KEPT - 1)]
    assert horizon["value"].tolist() == [look / 2 for look in range(KEPT - 1)]
    assert set(horizon["module"]) == {"lstm"}
    assert set(horizon["layer"]) == {0}


def test_a_long_training_takes_no_more_memory_than_a_short_one():
    records = filled(20 * KEPT)
    frame = records.frame()
    assert records.looks == 20 * KEPT
    assert KEPT / 2 <= frame["step"].nunique() < KEPT
    assert frame["step"].tolist() == sorted(frame["step"])
    steps = frame["step"].unique()
    assert set(steps[1:] - steps[:-1]) == {10 * records.stride}  # evenly, from the first on
    assert steps[0] == 0
    assert steps[-1] >= 10 * (20 * KEPT - records.stride)
    norms = frame[frame["metric"] == "gradient_norm"]
    assert (norms["value"] * 10 == norms["step"]).all()


def test_names_say_metric_module_and_layer():
    assert Reading("horizon", 1.0, "encoder.lstm", 1).name == "horizon/encoder.lstm.1"
    assert Reading("horizon", 1.0, "", 0).name == "horizon/0"
    assert Reading("gradient_norm", 1.0).name == "gradient_norm"
    assert Reading("horizon", 1.0, "", 1).place == "the module, layer 1"
