"""Structure of the code: import contracts, sizes, what no module may do. Each check is shown to fail."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "adaptive"
SOURCES = sorted(PACKAGE.rglob("*.py"))
CODE = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "scripts").rglob("*.py"))]

MAX_FILE = 400
MAX_FUNCTION = 60

PLANTS = {
    "adaptive/rng.py": "import adaptive.simulate.drivers",
    "adaptive/analysis.py": "import adaptive.scenario.truth",
    "adaptive/design/rules.py": "import adaptive.data",
    "adaptive/survival.py": "import pandas",
    "adaptive/io/store.py": "import hydra",
    "adaptive/interim/state.py": "import arviz",
    "adaptive/oc/metrics.py": "import matplotlib",
    "adaptive/report/memo.py": "import adaptive.codes",
}
"""One forbidden import per contract of .importlinter, in the order of that file."""

CORE = [
    "analysis",
    "data",
    "design.decide",
    "models",
    "montecarlo",
    "posterior.laplace",
    "scenario.estimand",
    "simulate.drivers",
]
BLOCKED = ["arviz", "hydra", "jinja2", "matplotlib", "omegaconf", "pandas", "pyarrow"]


def lint(folder: Path) -> subprocess.CompletedProcess:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {program}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def contract_names() -> list[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return [parser[s]["name"] for s in parser.sections() if s.startswith("importlinter:contract:")]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "adaptive", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_import_contracts_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_can_fail(copy: Path):
    names = contract_names()
    assert len(PLANTS) == len(names)
    for path, line in PLANTS.items():
        target = copy / path
        target.write_text(f"{target.read_text()}\n{line}\n")
    done = lint(copy)
    assert done.returncode != 0
    broken = re.findall(r"^(.+) BROKEN", done.stdout, flags=re.MULTILINE)
    assert broken == names, done.stdout


def test_every_module_has_its_layer():
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    layers = re.findall(r"adaptive\.(\w+)", parser["importlinter:contract:layers"]["layers"])
    found = {p.stem for p in PACKAGE.glob("*.py")} | {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert found - {"__init__", "__main__"} <= set(layers)


def long_files(sources: list[Path]) -> list[str]:
    lengths = ((path, path.read_text().count("\n")) for path in sources)
    return [f"{path.name}: {lines} lines" for path, lines in lengths if lines > MAX_FILE]


def functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of_code(node: ast.FunctionDef) -> int:
    """Lines of a function without its docstring, which is to be as long as it needs."""
    documented = ast.get_docstring(node, clean=False) is not None
    docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - docstring


def long_functions(sources: list[Path]) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.name}: {lines_of_code(node)} lines"
        for path in sources
        for node in functions(path)
        if lines_of_code(node) > MAX_FUNCTION
    ]


def matches(pattern: str, sources: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(path.parents[1])}:{number}: {line.strip()}"
        for path in sources
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(pattern, line)
    ]


GLOBAL_CONFIG = r"\bconfig\.update\(|\bjax\.config\.\w+\s*=|jax_enable_x64"
GLOBAL_RANDOM = r"np\.random\.(seed|rand|randn|normal|uniform|choice|shuffle|permutation)\("
# Split so that this file does not find itself.
LEFT_OPEN = r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImpl" r"ementedError"


def test_files_and_functions_are_short():
    assert long_files(CODE) == []
    assert long_functions(CODE) == []


def test_global_jax_configuration_is_the_command_lines_alone():
    edge = {PACKAGE / "cli.py", *(PACKAGE / "commands").rglob("*.py")}
    assert matches(GLOBAL_CONFIG, [path for path in SOURCES if path not in edge]) == []


def test_no_global_random_state():
    assert matches(GLOBAL_RANDOM, CODE) == []


def test_nothing_is_left_open():
    assert matches(LEFT_OPEN, CODE) == []


def test_text_checks_find_what_they_look_for(tmp_path: Path):
    body = "\n".join(f"    x = {i}" for i in range(MAX_FUNCTION))
    planted = tmp_path / "planted.py"
    planted.write_text(
        "jax.config.update('jax_enable_x64', True)\nnp.random." + "seed(0)\n# TO" + "DO later\n"
        f"def long():\n{body}\n" + "\n" * MAX_FILE
    )
    assert long_files([planted]) and long_functions([planted])
    for pattern in (GLOBAL_CONFIG, GLOBAL_RANDOM, LEFT_OPEN):
        assert len(matches(pattern, [planted])) == 1


def test_core_imports_without_the_edges():
    program = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ImportError(f"blocked: {{name}}")
sys.meta_path.insert(0, Block())
import importlib
for name in {CORE!r}:
    importlib.import_module("adaptive." + name)
try:
    import pandas
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "blocked: pandas"


def test_package_is_typed_and_carries_its_licence():
    assert (PACKAGE / "py.typed").exists()
    assert "Apache License" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", ["requirements-build.lock", "requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_names_versions_and_hashes_only(name: str):
    package = r"[a-z0-9][a-z0-9._-]*==[0-9][\w.!+-]*( ; [^/\\]+)?"
    entry = re.compile(rf"({package}|    --hash=sha256:[0-9a-f]{{64}})( \\)?")
    lines = (ROOT / name).read_text().splitlines()
    assert [line for line in lines if not entry.fullmatch(line)] == []
    assert not entry.fullmatch("--index-url https://example.org/simple")


def test_runtime_and_development_locks_agree():
    def pins(name: str) -> set[str]:
        return {line.rstrip(" \\") for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for wanted, lock in (
        (project["dependencies"], "requirements.lock"),
        (project["optional-dependencies"]["dev"], "requirements-dev.lock"),
    ):
        locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), flags=re.MULTILINE))
        assert {re.match(r"[\w.-]+", line)[0].lower() for line in wanted} <= locked
