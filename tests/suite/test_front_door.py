"""What `import gradsuite` gives: every name in the table, and nothing heavy before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import gradsuite
import numpy as np
import pytest
from gradsuite.errors import UserError


def in_a_new_process(code):
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", gradsuite.__all__)
def test_every_name_resolves_and_is_listed(name):
    assert getattr(gradsuite, name) is not None
    assert name in dir(gradsuite)


def test_names_come_from_where_the_table_says():
    for name, target in gradsuite.FRONT_DOOR.items():
        value, (module, _, attribute) = getattr(gradsuite, name), target.partition(":")
        assert value is (getattr(sys.modules[module], attribute) if attribute else sys.modules[module])


def test_type_checkers_see_the_same_table():
    tree = ast.parse(Path(gradsuite.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.asname: f"{node.module}:{alias.name}" for node in imports for alias in node.names}
    defined = {node.name: "gradsuite.backend:" for node in block.body if isinstance(node, ast.FunctionDef)}
    assert imported | defined == gradsuite.FRONT_DOOR


@pytest.mark.parametrize(("name", "nearest"), [("Modell", "Model"), ("laod", "load"), ("optimiser", "optimizer")])
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; did you mean '{nearest}'"):
        getattr(gradsuite, name)


def test_a_name_like_no_other_is_refused():
    with pytest.raises(AttributeError, match=r"has no attribute 'xyzzy'$"):
        gradsuite.xyzzy  # noqa: B018


def test_the_import_is_light():
    in_a_new_process(
        "import sys, gradsuite\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'click', 'pluggy', 'rich', 'difflib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "gradsuite.hookimpl, gradsuite.UserError\n"
        "assert 'numpy' not in sys.modules"
    )


def test_what_an_experiment_s_author_imports_brings_neither_matplotlib_nor_pandas():
    in_a_new_process(
        "import sys\n"
        "from gradsuite import Claim, Experiment, Figure, Measurement, Model, Setting, Source, Table, Trial\n"
        "heavy = {'pandas', 'matplotlib', 'seaborn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )


@pytest.mark.parametrize(
    "imports",
    [
        "import gradsuite",
        "import gradsuite; from gradsuite.backend import Batch",
        "import gradsuite.backend, gradsuite",
        "from gradsuite import backend; import gradsuite",
    ],
)
def test_backend_is_a_module_and_a_function_in_every_order_of_imports(imports):
    in_a_new_process(
        f"{imports}\n"
        "backend = gradsuite.backend('numpy')\n"
        "from gradsuite.backend import Backend\n"
        "assert isinstance(backend, Backend)\n"
        "assert gradsuite.backend is __import__('sys').modules['gradsuite.backend']"
    )


def test_a_backend_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="unknown backend 'nunpy'; did you mean 'numpy'"):
        gradsuite.backend("nunpy")


def test_a_network_is_built_in_a_few_lines():
    model = gradsuite.Model("rnn", input_size=2, hidden_size=4, output_size=1)
    network = gradsuite.backend("numpy").build(model, gradsuite.initialise(model, seed=0), dtype="float64")
    batch = network.put(gradsuite.Batch(np.ones((5, 3, 2)), np.zeros((3, 1))))
    gradients = network.fetch_gradients(network.backward(network.forward(batch, states=True)))
    assert gradients.states.shape == (5, 1, 3, 4)
