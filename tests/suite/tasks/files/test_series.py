"""Series of one's own: windows against a plain loop, no look ahead, how files are read, and simple forecasts."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.plugins import Plugins
from gradsuite.tasks import register_tasks
from gradsuite.tasks.files.rows import Rows
from gradsuite.tasks.task import SPLITS
from hypothesis import given
from hypothesis import strategies as st


class BuiltIn:
    register_tasks = staticmethod(register_tasks)


PLUGINS = Plugins({"tasks": BuiltIn})
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=90), "b": RNG.normal(size=90) * 3 + 2, "c": RNG.normal(size=90)})


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("series"))
        FRAME.to_csv("frame.csv", index=False)
        yield


def series(text, query="target=a"):
    with open("data.csv", "wb") as file:  # noqa: PTH123  in the folder that is worked in
        file.write(text if isinstance(text, bytes) else text.encode())
    return PLUGINS.task(f"csv:data.csv?{query}")


def column(task, name="a"):
    return task.table.rows.read()[:, task.table.names.index(name)]


def everything(task, split, *, length, size=7):
    batches = list(task.evaluation_batches(split, task.model("rnn", 3), size=size, length=length))
    return [
        np.concatenate(parts, axis)
        for parts, axis in (([b.inputs for b in batches], 1), ([b.targets for b in batches], 0))
    ]


@pytest.mark.parametrize("standardise", [False, True])
@given(length=st.integers(1, 40), horizon=st.integers(1, 9), shares=st.sampled_from([".7;.15;.15", ".6;0;.4", "1;0;0"]))
def test_windows_are_those_of_a_plain_loop(standardise, length, horizon, shares):
    flag = "&standardise=yes" if standardise else ""
    task = PLUGINS.task(f"csv:frame.csv?target=b&inputs=c;a&horizon={horizon}&split={shares}{flag}")
    values = FRAME.to_numpy()
    train, validation, _ = (float(share) for share in shares.split(";"))
    stops = [0, round(train * 90), round((train + validation) * 90), 90]
    if standardise:
        known = values[: stops[1]]
        values = (values - known.mean(axis=0)) / known.std(axis=0)
    for split, start, stop in zip(SPLITS, stops, stops[1:], strict=False):
        windows, targets = [], []
        for last in range(90):  # the window's last row
            if last - length + 1 >= 0 and start <= last + horizon < stop:
                windows.append(values[last - length + 1 : last + 1][:, [2, 0]])
                targets.append([values[last + horizon, 1]])
        assert task.count(split, length=length) == len(windows)
        if windows:
            inputs, wanted = everything(task, split, length=length)
            # Means and deviations are summed in another order than NumPy's: a few roundings apart.
            np.testing.assert_allclose(inputs, np.stack(windows, axis=1), rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose(wanted, targets, rtol=1e-13, atol=1e-13)


@given(size=st.integers(1, 9), length=st.integers(1, 40), step=st.integers(0, 99), cell=st.sampled_from(["gru", "mlp"]))
def test_a_batch_is_what_its_model_reads(size, length, step, cell):
    task = PLUGINS.task("csv:frame.csv?target=b&horizon=2")
    model = task.model(cell, 4, length=length)
    batch = task.training_batch(3, step, model, size=size, length=length)
    assert batch.inputs.shape == (length, size, 3)
    assert batch.targets.shape == (size, 1)
    again = task.training_batch(3, step, model, size=size, length=length)
    np.testing.assert_array_equal(batch.inputs, again.inputs)


def test_nothing_that_training_sees_depends_on_what_comes_after_it():
    later = FRAME.copy()
    later.iloc[63:] = RNG.normal(size=(27, 3)) * 100  # round(.7 x 90): the targets of validation and test
    later.to_csv("later.csv", index=False)
    query = "target=a&standardise=yes&horizon=3"
    tasks = [PLUGINS.task(f"csv:{name}.csv?{query}") for name in ("frame", "later")]
    first, second = (everything(task, "train", length=8) for task in tasks)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(tasks[0].scaling.mean, tasks[1].scaling.mean)
    assert not np.array_equal(*(everything(task, "test", length=8)[1] for task in tasks))


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a;b\n1,5;2\n-2,25;4\n3;3\n", "semicolons between columns, decimal commas"),
        ("a;b\n1.001,5;2\n-2,25;4\n3;3\n", "decimal commas, thousands in groups (1.234)"),
        ("a;b\n1001,5;1.250\n-2,25;4\n3;3\n", "decimal commas, thousands in groups (1.234)"),
        ('a,b\n"1,001.5",2\n-2.25,4\n3,3\n', "thousands in groups (1,234)"),
        ("a\tb\n1.5\t2\n-2.25\t4\n3\t3\n", "tabs between columns"),
        ("a|b\n1.5|2\n-2.25|4\n3|3\n", "bars between columns"),
        ('"a","b"\n"1.5","2"\n"-2.25","4"\n"3","3"\n', ""),
        ("a, b\n 1.5 , 2\n -225e-2, 4\n 3, 3\n", ""),
        ("\n a,b\r\n1.5,2\r\n-2.25,4\r\n3,3\r\n\r\n", ""),
        ("\ufeffa,b\n1.5,2\n-2.25,4\n3,3\n", ""),
        ("a,b\n1.5,2\n-2.25,4\n3,3\n".encode("utf-16"), "UTF-16"),
        ("a,Größe\n1.5,2\n-2.25,4\n3,3\n".encode("cp1252"), "Windows-1252, for it is not UTF-8"),
    ],
)
def test_a_file_is_read_as_it_is_written(text, note):
    task = series(text, "target=a&split=1;0;0")
    grouped = "1001" in str(text) or "1.001" in str(text) or "1,001" in str(text)
    np.testing.assert_array_equal(column(task), [1001.5 if grouped else 1.5, -2.25, 3.0])
    said = [one for one in task.notes() if "read with" in one]
    assert said == ([one for one in said if note in one] if note else [])
    assert bool(said) == bool(note)


def test_a_decimal_sign_that_was_asked_for_decides():
    text = 'a,b\n"1,234",1\n"2,500",2\n"2,750",4\n'
    assert column(series(text, "target=a&decimal=comma&split=1;0;0")).tolist() == [1.234, 2.5, 2.75]
    assert column(series(text, "target=a&decimal=point&split=1;0;0")).tolist() == [1234.0, 2500.0, 2750.0]


def test_what_is_no_input_is_left_out_and_said():
    days = pd.date_range("2024-01-01", periods=60).strftime("%d.%m.%Y")
    rows = "".join(f"{k},{day},{k * k % 11},7,{k % 2 == 0},Oslo,,{k % 13}\n" for k, day in enumerate(days))
    task = series(f",day,a,k,flag,city,empty,b\n{rows}")
    assert [task.table.names[place] for place in task.table.inputs] == ["a", "flag", "b"]
    np.testing.assert_array_equal(column(task, "flag"), np.arange(60) % 2 == 0)
    said = " ".join(task.notes())
    for note in (
        "column 'column 1' only counts the rows: left out",
        "column 'day' is dates, in order; it is no input",
        "column 'k' is constant (7): left out",
        "column 'city' is text ('Oslo' in row 1): left out",
        "column 'empty' has no values: left out",
    ):
        assert note in said


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M", "%Y%m%d", "%d %b %Y"]
)
def test_rows_that_run_backwards_in_time_are_turned(form):
    days = pd.date_range("2024-01-01", periods=60).strftime(form)[::-1]
    rows = "".join(f"{day},{value}\n" for day, value in zip(days, FRAME["a"], strict=False))
    task = series(f"date,a\n{rows}")
    np.testing.assert_allclose(column(task), FRAME["a"][:60][::-1], rtol=1e-15)
    assert "newest first: read from the end" in " ".join(task.notes())


def test_missing_values_are_dropped_or_filled_from_the_row_before_alone():
    text = "a,b\n,1\n1,2\n,3\n?,\n5,6\n6,NA\n7,8\n"
    dropped = series(text, "target=a&missing=drop&split=1;0;0")
    assert (column(dropped).tolist(), column(dropped, "b").tolist()) == ([1, 5, 7], [2, 6, 8])
    assert "('a' 3, 'b' 2): 4 rows were left out" in " ".join(dropped.notes())
    filled = series(text, "target=a&missing=forward&split=1;0;0")
    assert column(filled).tolist() == [1, 1, 1, 5, 6, 7]
    assert column(filled, "b").tolist() == [2, 3, 3, 6, 6, 8]
    assert "1 rows at the start have none before them" in " ".join(filled.notes())


def test_of_rows_that_run_backwards_gaps_are_filled_from_the_earlier_date():
    days = ["2024-01-04", "2024-01-03", "2024-01-02", "2024-01-01"]
    rows = "".join(f"{day},{value}\n" for day, value in zip(days, ["4", "", "2", "1"], strict=True))
    task = series(f"date,a\n{rows}", "target=a&missing=forward&split=1;0;0")
    assert column(task).tolist() == [1, 2, 2, 4]


def test_a_target_of_text_is_a_class():
    words = ["up", "down", "flat", "down"] * 15
    task = series("a,move\n" + "".join(f"{k * k % 7},{word}\n" for k, word in enumerate(words)), "target=move")
    assert (task.loss, task.output_size, task.score.name) == ("cross_entropy", 3, "accuracy")
    names = ["down", "flat", "up"]
    targets = everything(task, "test", length=5)[1]
    assert [names[one] for one in targets] == words[51:]
    assert "one of 3 classes: down, flat, up" in " ".join(task.notes())
    last = np.mean([words[k] == words[k - 1] for k in range(51, 60)])
    frequent = np.mean([words[k] == "down" for k in range(51, 60)])
    assert task.baselines(length=5) == pytest.approx({"most frequent class": frequent, "last class": last})


@pytest.mark.parametrize(("length", "horizon", "standardise"), [(3, 1, "no"), (20, 2, "yes")])
def test_baselines_are_those_of_a_plain_regression(length, horizon, standardise):
    task = PLUGINS.task(f"csv:frame.csv?target=b&horizon={horizon}&standardise={standardise}")
    values, train, lags = FRAME["b"].to_numpy(), 63, min(length, 12)
    scale = values[:train].std() if standardise == "yes" else 1.0
    rows = range(lags - 1 + horizon, train)
    past = [[1, *values[row - horizon - lags + 1 : row - horizon + 1]] for row in rows]
    weights = np.linalg.lstsq(np.array(past), values[list(rows)], rcond=None)[0]
    test = range(round(0.85 * 90), 90)
    foretold = [[1, *values[row - horizon - lags + 1 : row - horizon + 1]] @ weights for row in test]
    expected = {
        "mean": np.mean((values[76:] - values[:train].mean()) ** 2) / scale**2,
        "last value": np.mean([(values[row] - values[row - horizon]) ** 2 for row in test]) / scale**2,
        f"AR({lags})": np.mean((values[76:] - foretold) ** 2) / scale**2,
    }
    # Sums of products square the condition number, below 100 for white noise of 50 rows: 1e4 roundings at most.
    assert task.baselines(length=length) == pytest.approx(expected, rel=1e-11)


def test_a_long_split_is_judged_on_windows_evenly_spaced(monkeypatch):
    monkeypatch.setattr("gradsuite.tasks.files.series.JUDGED", 5)
    task = PLUGINS.task("csv:frame.csv?target=a&split=.5;0;.5")
    assert task.judged("test", length=3).tolist() == [0, 9, 18, 27, 36]
    assert everything(task, "test", length=3)[1].shape == (5, 1)


def test_a_file_that_has_changed_is_read_again():
    first = column(series("a,b\n1,2\n2,3\n4,4\n", "target=a&split=1;0;0")).tolist()
    assert first == [1, 2, 4]
    assert column(series("a,b\n1,2\n2,3\n44,4\n", "target=a&split=1;0;0")).tolist() == [1, 2, 44]


def test_a_window_that_is_too_long_is_an_error_that_says_what_fits():
    task = PLUGINS.task("csv:frame.csv?target=a&horizon=4")
    task.check_length(59)
    with pytest.raises(UserError, match=r"63 rows for training.*60 time steps.*at most 59 steps fit"):
        task.check_length(60)


def test_a_window_in_the_name_is_the_only_length():
    task = PLUGINS.task("csv:frame.csv?target=a&window=12")
    assert task.only_length == 12
    assert everything(task, "test", length=12)[0].shape == (12, 14, 3)
    with pytest.raises(UserError, match=r"windows of 12 rows: length must be that, not 9"):
        task.batch(np.random.default_rng(0), task.model("rnn", 3), size=4, length=9)


@given(counts=st.lists(st.integers(0, 5), max_size=6), width=st.integers(1, 3))
def test_rows_on_disk_are_the_chunks_that_were_written(counts, width):
    chunks = [RNG.normal(size=(count, width)) for count in counts]
    rows = Rows(chunks, width)
    whole = np.concatenate([*chunks, np.empty((0, width))])
    np.testing.assert_array_equal(rows.read(), whole)
    np.testing.assert_array_equal(rows.turned().read(), whole[::-1])
    assert rows.read().flags.writeable is False or not len(rows)


def test_numbers_are_read_as_pandas_reads_them():
    text = FRAME.to_csv(index=False)
    np.testing.assert_array_equal(column(PLUGINS.task("csv:frame.csv?target=a")), pd.read_csv(StringIO(text))["a"])
