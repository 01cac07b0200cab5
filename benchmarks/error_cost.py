"""Error against cost of the fast engine's alternatives, and of NUTS, on the grid of stored posteriors.

Every static option of ``LaplaceEngine`` is halved and doubled, alone and all together; the options are read
from the class. ``--table`` prints the result as Markdown, ``--figure`` draws it; both read the stored file.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from measuring import RESULTS, ROOT, repeated, run, within
from posterior_speed import BASE, program, tables

from adaptive.models import FullPooling, NoPooling, PartialPooling
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.records import EventTable

GRID = ROOT / "tests" / "data" / "posterior_grid" / "grid.json"
FIGURE = ROOT / "docs" / "images" / "error_cost.svg"
MODELS = {"partial_pooling": PartialPooling, "no_pooling": NoPooling, "full_pooling": FullPooling}
NUTS_DRAWS = (100, 400, 1600)


def options_of(engine) -> dict:
    """Return the whole-number and yes-or-no options of an engine that are static."""
    fields = dataclasses.fields(engine)
    values = {f.name: getattr(engine, f.name) for f in fields if f.metadata.get("static")}
    return {name: value for name, value in values.items() if isinstance(value, int)}


def other_values(value) -> list:
    """Return what to try instead: the other answer, or about half and double; odd numbers stay odd."""
    if isinstance(value, bool):
        return [not value]
    if value % 2 and value > 1:
        return [(value - 1) // 2 | 1, 2 * value - 1]
    return sorted({value // 2, 2 * value or 1})


def alternatives(engine) -> dict:
    """Return engines by label: the default, one option changed, and every number halved or doubled."""
    options = options_of(engine)
    numbers = {n: other_values(v) for n, v in options.items() if not isinstance(v, bool)}
    changes = {f"{n}={v}": {n: v} for n, value in options.items() for v in other_values(value)}
    changes["all halved"] = {n: max(v[0], 1) for n, v in numbers.items()}
    changes["all doubled"] = {n: v[-1] for n, v in numbers.items()}
    made = {label: dataclasses.replace(engine, **change) for label, change in changes.items()}
    return {"default": engine, **made}


def stored_tables(quick: bool) -> list[dict]:
    """Return the tables to fit: those of the two most common shapes, 4 subgroups with 1 or 2 arms."""
    entries = json.loads(GRID.read_text(encoding="utf-8"))["tables"]
    common = [(4, 2, 4)] if quick else [(4, 2, 4), (4, 3, 4)]
    few = [e for e in entries if np.shape(e["events"]) in common and e["model"] == "partial_pooling"]
    return few[:3] if quick else few


def errors(engine, entries: list[dict]) -> dict:
    """Return the largest error of each table's probabilities, by whether it has 100 events."""
    margins = jnp.log(jnp.asarray([1.0, 0.8]))

    @jax.jit
    def answers(key, model, table):
        posterior = engine.fit(key, model, table)
        return {"p_below": posterior.p_below(margins), "p_best": posterior.p_best()}

    found = {"below 100 events": [], "100 events or more": []}
    for index, entry in enumerate(entries):
        model = MODELS[entry["model"]](**{k: jnp.asarray(v) for k, v in entry["prior"].items()})
        table = EventTable(jnp.asarray(entry["events"], float), jnp.asarray(entry["exposure"], float))
        got, stored = answers(jax.random.key(index), model, table), entry["reference"]["answers"]
        gaps = [np.abs(got[name] - np.array(stored[name]["value"])).ravel() for name in got]
        found["below 100 events" if entry["n_events"] < 100 else "100 events or more"].append(
            np.concatenate(gaps)
        )
    return {size: summary(gaps) for size, gaps in found.items() if gaps}


def summary(gaps: list) -> dict:
    """Return the largest error and the 95th percentile over all probabilities."""
    each = np.concatenate(gaps)
    return {
        "tables": len(gaps),
        "probabilities": each.size,
        "max": each.max(),
        "p95": np.quantile(each, 0.95),
    }


def cost(engine, batch: int, repeats: int) -> float:
    """Return CPU microseconds per posterior of the base size, every summary of a look included."""
    events, exposure = map(jnp.asarray, tables(batch, *BASE))
    arguments = (jax.random.split(jax.random.key(0), batch), events, exposure)
    compiled = program(engine, PartialPooling(1.0, 0.5, 0.1, 1.0))
    work = lambda: jax.block_until_ready(compiled(*arguments))  # noqa: E731
    work()
    return 1e6 * repeated(work, repeats)["cpu_seconds"]["median"] / batch


def one_row(label: str, family: str, engine, entries, batch: int, repeats: int) -> dict:
    """Return the row of one alternative, or what it was refused for."""
    row = {"label": label, "family": family, "options": options_of(engine)}
    try:
        spent = cost(engine, batch, repeats)
        return {**row, "cpu_microseconds": spent, **errors(engine, entries)}
    except (ValueError, TypeError, ZeroDivisionError, IndexError) as error:
        return {**row, "refused": str(error).splitlines()[0]}


def main(options, report):
    start, quick = time.perf_counter(), options.quick
    batch, repeats = (64, 2) if quick else (2048, 5)
    engines = list(alternatives(LaplaceEngine()).items())
    for label, engine in engines[:3] if quick else engines:
        if within(start, options.seconds):
            report.add(**_plain(one_row(label, "laplace", engine, stored_tables(quick), batch, repeats)))
    for draws in NUTS_DRAWS[:1] if quick else NUTS_DRAWS:
        engine = NutsEngine(chains=1, warmup=100 if quick else 400, draws=draws)
        if within(start, options.seconds):
            entries = stored_tables(quick)
            report.add(**_plain(one_row(f"{draws} draws", "nuts", engine, entries, 4 if quick else 16, 2)))


def _plain(row):
    """Turn NumPy numbers into Python's."""
    return json.loads(json.dumps(row, default=float))


def table(path: Path) -> str:
    """Return the stored result as a Markdown table."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        "| engine | CPU µs each | largest error below 100 events | 95% | largest from 100 events | 95% |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in stored["rows"]:
        if "refused" not in row:
            cells = [row.get(size, {}).get(k) for size in SIZES for k in ("max", "p95")]
            numbers = " | ".join("" if x is None else f"{x:.4f}" for x in cells)
            lines.append(f"| {row['family']}, {row['label']} | {row['cpu_microseconds']:.1f} | {numbers} |")
    machine = stored["machine"]
    return "\n".join(
        [*lines, "", f"{machine['processor']}, {machine['cores']} cores, {machine['platform']}."]
    )


SIZES = ("below 100 events", "100 events or more")


def add_options(parser):
    parser.add_argument("--seconds", type=float, help="start no further alternative after this long")
    parser.add_argument(
        "--table", action="store_true", help="print the stored result as Markdown, and no more"
    )
    parser.add_argument("--figure", action="store_true", help="draw the stored result, and no more")


def show() -> None:
    """Print or draw the stored result."""
    given = sys.argv[sys.argv.index("--out") + 1] if "--out" in sys.argv else RESULTS / "error_cost.json"
    if "--table" in sys.argv:
        print(table(Path(given)))
    else:
        from error_cost_figure import draw

        print(draw(json.loads(Path(given).read_text(encoding="utf-8")), FIGURE))


if __name__ == "__main__":
    if {"--table", "--figure"} & set(sys.argv):
        show()
    else:
        run("error_cost", __doc__.splitlines()[0], main, add_options)
