"""``adaptive search``: designs compared on the same patients, and the front of those that no other beats."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from adaptive.commands.arguments import Arguments, split_arguments
from adaptive.commands.calibrate import with_nulls
from adaptive.commands.declaring import first_config, scenario_configs
from adaptive.config.compose import compose_one
from adaptive.config.schema_commands import SearchingDesigns
from adaptive.errors import BadInput

NAME = "search"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    arguments = split_arguments(argv)
    config = first_config(NAME, arguments)
    from adaptive.config.build_declared import own_settings
    from adaptive.oc.search_store import table_of, told, write_search

    asked = own_settings(config, SearchingDesigns)
    bench = _Bench(arguments, asked)
    designs = bench.run()
    frame = table_of(designs, bench.judging)
    print("\n".join(told(frame, bench.judging)))
    figure = _figure(frame, bench.judging.objectives)
    folder = write_search(asked.output, designs, frame, bench.judging, figure, config)
    print(f"search: {folder}")
    return 0


def _figure(frame: Any, objectives: Sequence[str]) -> str:
    from adaptive.oc.labels import METRICS
    from adaptive.report.figures_search import pareto_figure

    labels = {name: f"{METRICS[name][0]} ({METRICS[name][1]})" for name in objectives}
    return pareto_figure(frame, objectives, labels).svg


class _Bench:
    """Everything that designs are judged with; composes, judges and stores one design after another."""

    def __init__(self, arguments: Arguments, asked: SearchingDesigns):
        from adaptive.config.build_declared import build_declared
        from adaptive.oc.search import check_judging
        from adaptive.oc.search_space import read_parameters

        self.arguments, self.asked = arguments, asked
        self.parameters = read_parameters(asked.over)
        _check_keys(asked.over)
        null_configs = scenario_configs(NAME, arguments, asked.nulls, "nulls")
        same = asked.alternatives is None and asked.nulls is None
        configs = (
            null_configs if same else scenario_configs(NAME, arguments, asked.alternatives, "alternatives")
        )
        null = build_declared(null_configs)
        other = null if same else build_declared(configs)
        offered = np.asarray(null.design.eligible)
        self.nulls = with_nulls(null.scenarios, asked.nulls is not None)
        self.alternatives = [
            item
            for item in other.scenarios
            if asked.alternatives is not None or (offered & ~item.is_null).any()
        ]
        check_judging(self.nulls, self.alternatives, asked.objectives)
        self.rules = null.rules
        self.truths = [item["scenario"] for item in (*null_configs, *configs)]
        self.judging = _judging(asked, float(null_configs[0]["design"]["horizon_months"]))

    def run(self) -> list[Any]:
        """Judge every design, the configuration as it is first."""
        designs = [self.judged({})]
        if self.asked.method == "nsga2":
            return designs + self._evolved()
        from adaptive.oc.search_space import planned

        points = planned(self.parameters, self.asked.method, self.asked.n_points, self.asked.seed)
        self._check(points)
        bar = tqdm(points, desc="designs", unit="design", file=sys.stderr, disable=not sys.stderr.isatty())
        return designs + [self.judged(point) for point in bar]

    def _evolved(self) -> list[Any]:
        from adaptive.oc.search_front import score
        from adaptive.oc.search_space import nsga2

        found: dict[str, Any] = {}

        def evaluate(values: dict[str, Any]) -> tuple[list[float], float]:
            judged = self.judged(values)
            found.setdefault(json.dumps(values, sort_keys=True), judged)
            missed = judged.error.lower if self.judging.calibration else judged.upper(self.judging.gamma)
            return [score(judged, name) for name in self.judging.objectives], missed - self.judging.target

        points = nsga2(
            self.parameters, self.asked.n_points, self.asked.seed, len(self.judging.objectives), evaluate
        )
        bar = tqdm(total=self.asked.n_points, desc="designs", unit="design", disable=not sys.stderr.isatty())
        for _ in points:
            bar.update()
        bar.close()
        return list(found.values())

    def _check(self, points: Sequence[dict[str, Any]]) -> None:
        """Build every design before the first is simulated."""
        from adaptive.config.build import build_design

        faults: list[str] = []
        for point in points:
            try:
                build_design(self._composed(point))
            except BadInput as error:
                faults += [f"{fault} (with {' '.join(_overrides(point))})" for fault in error.faults]
        if faults:
            raise BadInput(list(dict.fromkeys(faults)))

    def _composed(self, values: dict[str, Any]) -> dict[str, Any]:
        overrides = [*self.arguments.overrides, *_overrides(values)]
        return compose_one(NAME, overrides, self.arguments.config_dir)

    def judged(self, values: dict[str, Any]) -> Any:
        """Return one design's judgement, stored or new."""
        from adaptive.config.build import PARTS, build_design
        from adaptive.io.hashing import sha256_data
        from adaptive.io.manifest import code_state
        from adaptive.oc.calibrate_rules import find_rule
        from adaptive.oc.search import judge
        from adaptive.oc.search_store import keep_point, kept_point

        config = self._composed(values)
        own = {key: config[key] for key in PARTS}
        unused = set(_UNUSED) - ({"target"} if self.asked.calibrate else set())
        settings = {key: value for key, value in vars(self.asked).items() if key not in unused}
        identity = [values, sha256_data(own), sha256_data(self.truths), settings, code_state()["sha256"]]
        folder = Path(self.asked.output)
        stored = kept_point(folder, identity)
        if stored is not None:
            return stored
        design = build_design(config)
        place = find_rule(design, tuple(config["rules"]), self.asked.rule) if self.asked.calibrate else None
        judged = judge(values, design, place, self.nulls, self.alternatives, self.judging)
        keep_point(folder, identity, judged)
        return judged


def _check_keys(over: Mapping[str, Any]) -> None:
    """Refuse parameters that change what is true or what counts as an error."""
    faults = [
        f"over.{key}: a search compares designs in the same truths; vary the protocol, not this"
        for key in over
        if key.startswith(_FIXED)
    ]
    if faults:
        raise BadInput(faults)


_FIXED = (
    "scenario",
    "design.eligible",
    "design.endpoint",
    "design.horizon",
    "design.arms",
    "design.subgroups",
)
_UNUSED = ("over", "method", "n_points", "output", "study", "benchmark", "nulls", "alternatives", "target")
"""Settings that do not change how one design does; the target does where designs are calibrated."""


def _judging(asked: SearchingDesigns, horizon: float) -> Any:
    from adaptive.oc.calibrate import Request
    from adaptive.oc.calibrate_errors import Plan
    from adaptive.oc.calibrate_found import Aim
    from adaptive.oc.search import Judging

    request = None
    if asked.calibrate:
        aim = Aim(asked.target, asked.error, conservative=True, gamma=asked.gamma)
        request = Request(aim, asked.shape, asked.information)
    return Judging(
        objectives=tuple(asked.objectives),
        calibration=request,
        target=asked.target,
        error=asked.error,
        gamma=asked.gamma,
        nulls=Plan((asked.seed + 1) % 2**32, asked.n_null),
        alternatives=Plan(asked.seed, asked.n_trials),
        calibrating=Plan((asked.seed + 2) % 2**32, asked.n_calibrate) if asked.calibrate else None,
        horizon=horizon,
    )


def _overrides(values: dict[str, Any]) -> list[str]:
    """Return the parameters as overrides."""
    return [f"{key}={_text(value)}" for key, value in values.items()]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value).replace(" ", "")
