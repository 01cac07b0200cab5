"""``adaptive nulls``: the largest error over a declared space of nulls, found in two stages."""

import shlex
import sys
from collections.abc import Sequence

from adaptive.commands.arguments import split_arguments
from adaptive.commands.declaring import first_config

NAME = "nulls"


def main(argv: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    config = first_config(NAME, split_arguments(argv))
    from adaptive.config.build_declared import build_declared, own_settings
    from adaptive.config.schema_commands import SearchingNulls
    from adaptive.oc.null_space import Box, null_patterns, read_factors
    from adaptive.oc.null_space_search import Stages, search_nulls
    from adaptive.oc.null_space_store import told, write_nulls

    asked = own_settings(config, SearchingNulls)
    declared = build_declared([config])
    design, base = declared.design, declared.scenarios[0].scenario
    factors = read_factors(asked.box, base, design.endpoint)
    box = Box(factors, null_patterns(design, asked.partial), asked.drift_months)
    second = (asked.seed + 1) % 2**32 if asked.second_seed is None else asked.second_seed
    stages = Stages(
        error=asked.error,
        n_points=asked.n_points,
        n_first=asked.n_first,
        n_second=asked.n_second,
        n_worst=asked.n_worst,
        gamma=asked.gamma,
        seed=asked.seed,
        second_seed=second,
    )
    searched = search_nulls(design, base, box, stages, progress=sys.stderr.isatty())
    print("\n".join(told(design, box, stages, searched, asked.target)))
    command = shlex.join(["adaptive", "nulls", *argv])
    folder = write_nulls(asked.output, design, box, stages, searched, asked.target, config, command)
    print(f"nulls: {folder}")
    return 0
