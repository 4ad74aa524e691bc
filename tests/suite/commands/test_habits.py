"""What one types without thinking: short flags, lists with commas, globs, dry runs, and one word for one meaning."""

import json
from pathlib import Path

import click
import pytest
from gradsuite import __version__
from gradsuite.commands import gradsuite
from gradsuite.runs.store import Run

ECHO = ("probe", "--backend", "echo", "--preset", "quick")


def walk(command, name="gradsuite"):
    """Yield every command and subcommand by what is typed."""
    yield name, command
    if isinstance(command, click.Group):
        for one in command.list_commands(click.Context(command)):
            yield from walk(command.get_command(click.Context(command), one), f"{name} {one}")


COMMANDS = dict(walk(gradsuite))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-v", "No such option '-v'"),
        ("--vresion", "'--version'"),
        ("lsit", "unknown command 'lsit'; did you mean 'list'?"),
        ("shwo probe", "unknown command 'shwo'; did you mean 'show'?"),
        ("run -v -q", "give --verbose or --quiet, not both"),
        ("run probe --json", "--json is for --dry-run"),
        ("run probe -k prbe", "-k 'prbe' matches no experiment, backend or trial; the nearest: probe"),
        ("run probe -k gain=7", "-k 'gain=7' matches no experiment, backend or trial; the nearest: gain=0.5"),
        ("run probe -k probe -k prbe", "-k 'prbe' matches no experiment"),
        ("run probe --backend echo -k delta", "-k 'delta' matches no experiment"),
        ("run probe -k probe --exclude pro*", "no trial is left: --exclude leaves out all that was asked for"),
        ("run probe --exclude *", "no trial is left"),
        ("run probe --exclude gain=0.5", "no trial is left"),
        ("run probe -k", "Option '-k' requires an argument"),
        ("run probe --selct x", "'--select'"),
        ("run probe --exclud x", "'--exclude'"),
        ("run probe --dryrun", "'--dry-run'"),
        ("run probe --quite", "'--quiet'"),
        ("run probe --verbos", "'--verbose'"),
        ("run probe --strct", "'--strict'"),
        ("run probe --backends echo", "'--backend'"),
        ("run probe --backend echo,ehco", "unknown backend 'ehco'; did you mean 'echo'?"),
        ("run probe --backend echo,", "--backend takes NAME or NAME,NAME, not 'echo,'"),
        ("run probe --backend ,", "--backend takes NAME or NAME,NAME, not ','"),
        ("run probe --backend echo,,delta", "--backend takes NAME or NAME,NAME, not 'echo,,delta'"),
        ("run probe --backend echo,gone", "not available: gone: no_such_framework not installed"),
        ("run probe --no-plugin jax,jaxx", "unknown plugin 'jaxx'; did you mean 'jax'?"),
        ("run probe --no-plugin ,jax", "--no-plugin takes NAME or NAME,NAME, not ',jax'"),
        ("run --dry-run prbe", "unknown experiment 'prbe'; did you mean 'probe'?"),
        ("run --dry-run probe --preset qick", "unknown preset 'qick'; did you mean 'quick'?"),
        ("run --dry-run probe --set size=0", "size must be at least 1, not 0"),
        ("run --dry-run probe --backend gone", "not available: gone"),
        ("run --dry-run --resume nowhere", "unknown run 'nowhere'"),
        ("run selecting.toml", "select in 'selecting.toml' must be texts, not 3"),
        ("claims nowhere --failed", "unknown run 'nowhere'"),
        ("claims nowhere --strict", "unknown run 'nowhere'"),
        ("claims --failed", "Missing argument 'RUN'"),
        ("claims nowhere --faild", "'--failed'"),
        ("claims nowhere --strct", "'--strict'"),
        ("export nowhere --output rows.csv", "No such option '--output'"),
        ("export nowhere --out rows.xlsx", "rows.xlsx"),
        ("new-cell mine --into .", "No such option '--into'"),
        ("check echo --dtype float64,", "--dtype takes NAME or NAME,NAME, not 'float64,'"),
        ("check echo --device cpu,,cuda", "--device takes NAME or NAME,NAME, not 'cpu,,cuda'"),
        ("check ehco -v", "unknown backend 'ehco'; did you mean 'echo'?"),
        ("check echo --verbse", "'--verbose'"),
        ("doctor --backend echo,ehco", "unknown backend 'ehco'; did you mean 'echo'?"),
        ("doctor --backend ,", "--backend takes NAME or NAME,NAME, not ','"),
        ("list bakends", "unknown listing 'bakends'; did you mean 'backends'?"),
        ("list --jsn", "'--json'"),
        ("show", "Missing argument 'NAME'"),
        ("show prbe", "unknown name 'prbe'; did you mean 'probe'?"),
        ("show gone", "not available: gone: no_such_framework not installed"),
        ("show csv:nowhere.csv", "nowhere.csv"),
        ("show probe --jsn", "'--json'"),
        ("report nowhere --no-plugin ,", "--no-plugin takes NAME or NAME,NAME, not ','"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(type_in, line, fault):
    Path("selecting.toml").write_text('experiment = "probe"\nselect = 3')
    status, output, errors = type_in(*line.split())
    assert (status, output) == (2, "")
    assert errors.startswith("gradsuite: ")
    assert fault in errors
    assert errors.count("\n") == 1
    assert not Path("results").exists()


@pytest.mark.parametrize("text", ["[tool.gradsuite]\nprest = 1", "[tool.gradsuite]\npreset = 1", "[tool"])
def test_a_project_with_a_fault_is_one_line(type_in, text):
    Path("pyproject.toml").write_text(text)
    status, output, errors = type_in("run", "probe")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert "pyproject.toml" in errors


def test_short_flags(type_in):
    assert type_in("-V") == (0, f"gradsuite {__version__}\n", "")
    for name in ("", "run", "theory gates"):
        assert type_in(*name.split(), "-h") == type_in(*name.split(), "--help")


def test_options_of_one_meaning_have_one_name():
    options = {
        (name, spelling): option
        for name, command in COMMANDS.items()
        for option in command.params
        if isinstance(option, click.Option)
        for spelling in option.opts
    }
    spellings = {spelling for _, spelling in options}
    assert not spellings & {"--output", "--into", "-o", "--outdir", "--as-json", "--filter", "--dest"}
    short = {spelling: set() for spelling in spellings if not spelling.startswith("--")}
    for _, spelling in options:
        for other in options[_, spelling].opts if spelling in short else ():
            short[spelling].add(other)
    assert {spelling: sorted(others) for spelling, others in short.items() if len(others) > 2} == {}
    flags = {"--json", "--strict", "--verbose", "--quiet", "--dry-run", "--failed"}
    assert [key for key, option in options.items() if key[1] in flags and not option.is_flag] == []


def test_a_list_with_commas_is_the_option_repeated(type_in):
    _, once, _ = type_in("run", "probe", "--dry-run", "--json", "--backend", "echo,delta")
    _, twice, _ = type_in("run", "probe", "--dry-run", "--json", "--backend", "echo", "--backend", "delta")
    assert once == twice
    assert {part["backend"] for part in json.loads(once)["parts"]} == {"echo", "delta"}


def test_a_dry_run_measures_nothing_and_says_how_long_from_a_former_run(type_in):
    status, output, _ = type_in("run", *ECHO, "--dry-run")
    assert status == 0
    assert "2 trials to measure: of unknown length" in output
    assert not Path("results").exists()
    path = type_in("run", *ECHO)[1].splitlines()[-1]
    took = Run.open(path).trials()["seconds"].sum()
    found = json.loads(type_in("run", *ECHO, "--dry-run", "--json", "--set", "size=1,2,3")[1])
    assert (found["trials"], found["sources"], found["alike"], found["unknown"]) == (3, {path: 2}, 1, 0)
    assert found["parts"][0]["seconds"] == pytest.approx(1.5 * took)  # the third as the mean of the two
    resumed = json.loads(type_in("run", "--resume", path, "--dry-run", "--json")[1])
    assert resumed["trials"] == 0


def test_what_is_selected_is_stored_and_stays_so_when_resumed(type_in):
    status, output, _ = type_in("run", *ECHO, "-k", "size=2", "--exclude", "delta")
    path = output.splitlines()[-1]
    run = Run.open(path)
    assert status == 0
    assert [json.loads(text)["size"] for text in run.trials()["settings"]] == [2]
    assert run.meta["configuration"]["select"] == ["size=2"]
    status, _, errors = type_in("run", "--resume", path)
    assert status == 0
    assert "0 of 1 trials to measure" in errors
    assert "--exclude 'delta' matches no experiment, backend or trial here" in errors


def test_a_project_asks_for_what_its_pyproject_says(type_in):
    Path("pyproject.toml").write_text('[tool.gradsuite]\nbackend = "echo"\npreset = "quick"\nselect = "size=1"\n')
    status, output, errors = type_in("run", "probe")
    assert status == 0
    assert "pyproject.toml asks for: backend, preset, select" in errors
    assert len(Run.open(output.splitlines()[-1]).trials()) == 1


def test_quiet_is_the_runs_folder_and_what_went_wrong(type_in):
    status, output, errors = type_in("run", *ECHO, "-q")
    assert (status, output.count("\n"), errors.splitlines()) == (0, 1, [
        "not available: gone: no_such_framework not installed; to install it: pip install gone"
    ] if "not available" in errors else [])  # fmt: skip
    status, output, errors = type_in("run", *ECHO, "-q", "--set", "behaviour=one,raise")
    assert (status, output.count("\n")) == (0, 1)
    assert "2 error on echo: ZeroDivisionError" in errors


def test_quiet_of_a_check_is_what_failed_and_the_summary(type_in):
    status, output, _ = type_in("check", "numpy", "describe*", "-q", "--dtype", "float64")
    assert (status, output.count("\n")) == (0, 1)
    assert "0 failed" in output
    assert type_in("check", "numpy", "-q", "-v")[0] == 2


def test_quiet_of_a_training_is_silence_until_the_end(type_in):
    asked = ("train", "--task", "adding", "--cell", "rnn", "--hidden-size", "4", "--length", "5", "--steps", "20")
    loud, quiet = type_in(*asked), type_in(*asked, "-q")
    assert "step 20/20" in loud[2]
    assert quiet[0] == 0
    assert quiet[2] == ""
    assert quiet[1].splitlines()[0] == loud[1].splitlines()[0]


def test_verbose_tells_of_every_trial(type_in):
    _, _, errors = type_in("run", *ECHO, "-v", "--set", "behaviour=one,kill", "--set", "size=1")
    assert "[2/2] probe on echo" in errors
    assert ": ok, " in errors
    assert "last words" in errors


@pytest.mark.parametrize(
    ("behaviours", "strict", "status", "said"),
    [
        ("one", True, 0, ""),
        ("one,raise", False, 0, "error on echo: ZeroDivisionError"),
        ("one,raise", True, 1, "no success: 2 errors"),
        ("unsupported", False, 1, "no success: nothing was measured"),
        ("invalid", False, 1, "2 invalid on echo: size and gain do not go together"),
    ],
)
def test_an_exit_status_to_trust(type_in, behaviours, strict, status, said):
    asked = ("run", *ECHO, "--set", f"behaviour={behaviours}", *(["--strict"] if strict else []))
    ended, output, errors = type_in(*asked)
    assert ended == status
    assert said in errors
    assert Path(output.splitlines()[-1]).is_dir()


def test_lists_and_what_they_list_in_full(type_in):
    _, output, _ = type_in("list")
    assert "\n  probe " in output
    lost = next(line.split() for line in output.splitlines() if line.startswith("  gone "))
    assert " ".join(lost).startswith("gone not available: no_such_framework not installed; to install it: pip")
    assert type_in("list", "tasks") == type_in("tasks")
    assert json.loads(type_in("list", "--json")[1])["experiment"]["probe"] == "What becomes of a trial that does this?"
    shown = json.loads(type_in("show", "echo", "--json")[1])
    assert shown["backend"]["versions"] == {"echo": "1.0"}
    _, output, _ = type_in("show", "adding")
    assert output.startswith("experiment adding\n  plugin: experiments\n  question: ")
    assert "\ntask adding\n  plugin: tasks\n" in output
    assert "def step(self, xp" in type_in("show", "lstm")[1]
