"""The recipes of docs/clusters.md, as they stand there but for their sizes, with stand-ins for Slurm and PBS.

A stand-in starts a job's script at once, on this machine, and cancels it by a signal; all else is the recipe's own:
dask-jobqueue's scripts, the Dask workers that they start, the shards of an array.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gradsuite.runs.store import Run

from tests.docs.blocks import ROOT, blocks
from tests.throwaway import ended, environment, install
from tests.tiny import TINY

RECIPES = {block.title: block.text for block in blocks(ROOT / "docs" / "clusters.md") if block.title}
SIZES = {  # of the page, and of this test
    "cores=16": "cores=1",
    'memory="64GB"': 'memory="1GB"',
    "scale(jobs=8)": "scale(jobs=2)",
    'run(preset="standard"': 'run("tiny", backend="numpy", preset="quick"',
    "run --preset standard": "run tiny --backend numpy --preset quick",
    "1-16": "1-2",
    '/16"': '/2"',
}
COMMAND = """#!{python}
{source}"""
SUBMIT = '''"""Start the script of a job, or each job of an array, in a process group of its own; say its number."""
import os, re, subprocess, sys
from pathlib import Path

script, jobs = Path(sys.argv[1]).read_text(), Path(os.environ["JOBS"])
array = re.search(r"^#(?:SBATCH --array=|PBS -J )(\\d+)-(\\d+)", script, re.MULTILINE)
slurm = Path(sys.argv[0]).name == "sbatch"
place = Path.cwd() if slurm else Path.home()
for index in range(int(array[1]), int(array[2]) + 1) if array else [0]:
    number = f"{len(list(jobs.glob('*.sh')))}"
    file = jobs / f"{number}.sh"
    file.write_text(script)
    more = {"SLURM_ARRAY_TASK_ID": str(index)} if slurm else {"PBS_ARRAY_INDEX": str(index)}
    more |= {} if slurm else {"PBS_O_WORKDIR": str(Path.cwd())}
    with file.with_suffix(".out").open("w") as output:
        job = subprocess.Popen(
            ["bash", file], cwd=place, env=os.environ | more, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )
    file.with_suffix(".pid").write_text(str(job.pid))
print(f"Submitted batch job {number}" if slurm else f"{number}.server")
'''
CANCEL = '''"""End a job, as Slurm and PBS do: by SIGTERM."""
import os, signal, sys
from pathlib import Path

pid = int((Path(os.environ["JOBS"]) / f"{sys.argv[1]}.pid").read_text())
(Path(os.environ["JOBS"]) / f"{sys.argv[1]}.cancelled").touch()
os.killpg(pid, signal.SIGTERM)
'''


def smaller(recipe: str) -> str:
    """Return a recipe with sizes for this machine."""
    for size, small in SIZES.items():
        recipe = recipe.replace(size, small)
    assert "16" not in recipe.replace("ncpus=16", "")
    return recipe


class Queue:
    """A folder with the stand-ins, the jobs that were submitted to them, and an experiment that takes no time."""

    def __init__(self, folder: Path) -> None:
        install(folder, "tiny", TINY)
        self.folder, self.jobs, commands = folder, folder / "jobs", folder / "bin"
        for place in (self.jobs, commands, folder / "home", folder / "work"):
            place.mkdir()
        gradsuite = "from gradsuite.__main__ import command\ncommand()\n"
        sources = {"sbatch": SUBMIT, "qsub": SUBMIT, "scancel": CANCEL, "qdel": CANCEL, "gradsuite": gradsuite}
        for name, source in sources.items():
            (commands / name).write_text(COMMAND.format(python=sys.executable, source=source))
            (commands / name).chmod(0o700)
        self.environment = environment(
            folder,
            JOBS=str(self.jobs),
            HOME=str(folder / "home"),
            PATH=os.pathsep.join([str(commands), os.environ["PATH"]]),
        )

    def type(self, *words: str, **more: str) -> None:
        """Type a command where somebody would; it must end well."""
        done = subprocess.run(
            words, cwd=self.folder / "work", env=self.environment | more, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr + self.said()

    def write(self, title: str) -> str:
        """Write a recipe into a file, with sizes for this machine, and return its name."""
        (self.folder / "work" / title).write_text(smaller(RECIPES[title]))
        return title

    def wait(self) -> None:
        """Wait for the end of all jobs."""
        assert all(ended(int(file.read_text())) for file in self.jobs.glob("*.pid"))

    def said(self) -> str:
        """Return what the jobs have written."""
        return "".join(file.read_text() for file in sorted(self.jobs.glob("*.out")))

    def scripts(self) -> list[str]:
        """Return the scripts that were submitted."""
        return [file.read_text() for file in sorted(self.jobs.glob("*.sh"))]

    def run(self, name: str) -> Run:
        """Open a run among the results."""
        return Run.open(self.folder / "work" / "results" / name)


@pytest.fixture
def queue(tmp_path):
    """A place with the stand-ins in it; whatever was started there has ended when it is left."""
    queue = Queue(tmp_path)
    yield queue
    queue.wait()


def numbers(run):
    """The trials of a run by the number that each was asked for."""
    assert set(run.trials()["status"]) == {"ok"}
    return sorted(run.frame("tiny").query("index == 0")["number"])


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        ("slurm.py", ["-p compute", "-n 1", "--cpus-per-task=1", "--mem=954M", "-t 08:00:00", "--exclusive"]),
        ("pbs.py", ["-q compute", "-l select=1:ncpus=16:mem=64gb", "-l walltime=08:00:00", "-l place=exclhost"]),
    ],
)
def test_a_scheduler_starts_the_dask_workers_and_ends_them(queue, recipe, asked):
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    queue.type(sys.executable, queue.write(recipe))
    (run,) = (queue.folder / "work" / "results").glob("*-quick-1")
    assert numbers(Run.open(run)) == [1.0, 2.0]
    assert len(queue.scripts()) == 2
    for script in queue.scripts():
        directives = [line.split(maxsplit=1)[1] for line in script.splitlines() if line.startswith(("#SBATCH", "#PBS"))]
        assert set(directives) >= set(asked)
        assert "-m distributed.cli.dask_worker tcp://" in script
    assert len(list(queue.jobs.glob("*.cancelled"))) == 2


@pytest.mark.parametrize(("recipe", "command"), [("array.sh", "sbatch"), ("array-pbs.sh", "qsub")])
def test_an_array_measures_its_shards_goes_on_with_them_and_is_merged(queue, recipe, command):
    queue.type(command, queue.write(recipe))
    queue.wait()
    parts = [numbers(queue.run(f"part-{number}")) for number in (1, 2)]
    assert sorted(parts) == [[1.0], [2.0]]
    queue.type("bash", queue.write("merge.sh"))
    assert numbers(queue.run("whole")) == [1.0, 2.0]
    queue.type(command, recipe)
    queue.wait()
    assert queue.said().count("0 of 1 trials to measure") == 2


def test_the_pods_of_a_job_measure_its_shards(queue):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load(RECIPES["shards.yaml"])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["completions"] == 16
    (mount,) = container["volumeMounts"]
    assert container["workingDir"] == mount["mountPath"]
    script = (
        container["args"][0].replace('/16"', '/2"').replace("--preset standard", SIZES["run --preset standard"][4:])
    )
    for index in (0, 1):
        queue.type(*container["command"], script, JOB_COMPLETION_INDEX=str(index))
    assert sorted(numbers(queue.run(f"part-{number}")) for number in (1, 2)) == [[1.0], [2.0]]


def test_a_job_of_shards_has_the_fields_that_kubernetes_knows():
    client = pytest.importorskip("kubernetes.client", reason="kubernetes is not installed")
    yaml = pytest.importorskip("yaml")
    manifest = yaml.safe_load(RECIPES["shards.yaml"])
    api = client.ApiClient()
    job = api.deserialize(json.dumps(manifest), "V1Job", "application/json")
    assert api.sanitize_for_serialization(job) == manifest


def test_dask_kubernetes_is_given_the_cluster_that_the_page_says(monkeypatch):
    operator = pytest.importorskip("dask_kubernetes.operator", reason="dask-kubernetes is not installed")
    made = []

    class Made(Exception):
        pass

    def cluster(**arguments):
        made.append(arguments)
        raise Made

    monkeypatch.setattr(operator, "KubeCluster", cluster)
    with pytest.raises(Made):
        exec(RECIPES["kubernetes.py"], {})
    (spec,) = (arguments["custom_cluster_spec"] for arguments in made)
    pods = {role: spec["spec"][role]["spec"] for role in ("worker", "scheduler")}
    sizes = {role: pod["containers"][0]["resources"]["limits"] for role, pod in pods.items()}
    assert sizes == {"worker": {"cpu": "16", "memory": "64Gi"}, "scheduler": {"cpu": "1", "memory": "2Gi"}}
    assert {pod["containers"][0]["image"] for pod in pods.values()} == {"registry.example.org/gradsuite:latest"}
    assert spec["spec"]["worker"]["replicas"] == 8
    assert set(pods["worker"]["affinity"]) == {"podAntiAffinity"}
