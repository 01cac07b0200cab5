"""The command line. The only place that touches global JAX configuration.

Exit codes: 0 done, 2 bad input (one message per fault, no traceback), 1 our fault. ``analyse`` and
``monitor`` return 3 when diagnostics failed and the decision is withheld.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from adaptive.errors import BadInput, did_you_mean

DONE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

HELP = """\
adaptive: design, simulate and run Bayesian adaptive trials with time-to-event endpoints in subgroups.

usage: adaptive <command> [key=value ...]

commands:
  simulate     simulate a study, designs x scenarios, and write its report
  calibrate    find the thresholds of an efficacy rule for a target error, and confirm them
  nulls        search the space of nulls for the largest error
  search       sweep over designs: which trade power, patients and time best
  sensitivity  vary one assumption at a time around the cells of a study
  truth        simulate a million patients of each scenario and compare with its stored true values
  report       write the report of stored results
  verify       check a report: hashes, tables, and a sample of trials simulated again
  audit        fit a sample of stored looks with NUTS: would it have decided otherwise?
  replay       show one virtual trial of a stored result, look by look
  analyse      interim analysis of real patients: decision and memo
  monitor      replay a finished trial of real patients through every look of a design
  posterior    posterior of the log hazard ratios from a table of events and exposure

`adaptive <command> --help` shows examples. Completion in bash: eval "$(adaptive -sc install=bash)"
"""

COMMAND_HELP = {
    "simulate": """\
usage: adaptive simulate [-m] [--config-dir FOLDER] [key=value ...]

Simulates every cell (design x scenario) and writes <output>/<study>/<design>/<scenario> and the report.
An interrupted run resumes when the same command is given again.

examples:
  adaptive simulate experiment=brain_srs                      a whole study, then its report
  adaptive simulate experiment=brain_srs n_trials=100000      the same with more trials
  adaptive simulate experiment=brain_srs design=srs_rar       one of its designs
  adaptive simulate design=srs_rar scenario=srs_null          one cell
  adaptive simulate design=srs_rar allocation.floor=0.2 scenario.accrual.rate.value=[5]
  adaptive simulate -m design=srs_rar 'scenario=glob(srs_*)'  a sweep
  adaptive simulate -m design=srs_rar rules.efficacy.threshold=0.98,0.99 \\
      'design.name=srs_rar_${rules.efficacy.threshold}'       a sweep over a number
  adaptive simulate experiment=brain_srs until.metric=any_false_claim until.mcse=0.001
  adaptive simulate experiment=brain_srs hydra/launcher=submitit_slurm
  adaptive simulate design=srs_rar --cfg job                  show the configuration

settings: study, benchmark, n_trials, seed, chunk_size, driver (dropping, scan), precision (float64,
float32), keep_looks, output, until (metric, mcse, at_least, at_most, step, subgroup, arm), report.enabled,
report.output
groups: experiment, design, scenario, model, posterior, allocation, rules, looks, report
""",
    "calibrate": """\
usage: adaptive calibrate [--config-dir FOLDER] [key=value ...]

Finds the thresholds of an efficacy rule at which the one-sided error is at the target in every declared
scenario, then confirms them with fresh seeds. From one simulation without the rule where that is exact (it
says when it is not), otherwise by simulating candidates on the same trials. Errors are estimated over
the declared set.

examples:
  adaptive calibrate experiment=brain_srs design=srs_rar           over the experiment's scenarios with nulls
  adaptive calibrate design=srs_rar 'nulls=[srs_null,srs_drift]' target=0.05
  adaptive calibrate design=srs_rar scenario=srs_null shape=own    the design's thresholds, shifted together
  adaptive calibrate design=srs_rar scenario=srs_null shape=obrien_fleming \\
      'information=[0.4,0.7,0.8,0.9,0.95,1]'
  adaptive calibrate design=srs_rar scenario=srs_null conservative=false
  adaptive calibrate design=srs_rar scenario=srs_null error=per_comparison

Given the same output again, another target or shape uses the stored statistics and simulates only to confirm.
settings: nulls, target, error (any_false_claim, per_comparison), rule, shape (constant, obrien_fleming, own),
information, method (auto, stored, again), conservative, gamma, n_trials, n_confirm, seed, confirm_seed,
precision, output
""",
    "nulls": """\
usage: adaptive nulls [--config-dir FOLDER] [key=value ...]

Searches a declared box of nuisance parameters (hazards, accrual, drift, mix, dropout, effects of the cells
with a benefit) and every partial null for the largest one-sided error: Sobol points with few trials,
then the worst points again with many independent ones and a simultaneous upper bound.

examples:
  adaptive nulls design=srs_rar scenario=srs_null
  adaptive nulls design=srs_rar scenario=srs_null partial=none box.effect=null n_points=64
  adaptive nulls design=srs_rar scenario=srs_null 'partial=[subgroups,arms]'
  adaptive nulls design=srs_rar scenario=srs_null box.hazard=null 'box.hazard_in={TNBC:[0.5,2]}'
  adaptive nulls design=srs_rar 'rules.efficacy.threshold=0.995' 'box.channel={dropout:[0.5,3]}'
  adaptive nulls design=srs_rar output=results/brain_srs/nulls/srs_rar     for the report of that study

settings: box (hazard, hazard_in, channel, accrual, drift, mix, effect), partial (one or more of none,
subgroups, arms, cells), drift_months, target, error, n_points, n_first, n_worst, n_second, gamma, seed,
second_seed, precision, output
""",
    "search": """\
usage: adaptive search [--config-dir FOLDER] [key=value ...]

Simulates a family of designs on the same virtual patients and shows which trade power, patients, time and
patients on inferior arms best while the one-sided error is held. Design 0 is the configuration as it is.
An interrupted search goes on when the same command is given again.

examples:
  adaptive search experiment=brain_srs design=srs_rar 'over={rules.efficacy.threshold:[0.99,0.995,0.998]}'
  adaptive search experiment=brain_srs design=srs_rar calibrate=true 'over={allocation.power:[0,0.5,1]}'
  adaptive search design=srs_rar 'nulls=[srs_null]' 'alternatives=[srs_both]' method=sobol n_points=32 \\
      'over={rules.efficacy.threshold:{low:0.98,high:0.999},design.max_months:{low:48,high:72}}'
  adaptive search design=srs_rar 'nulls=[srs_null]' 'alternatives=[srs_both]' method=nsga2 n_points=64 ...

settings: over, method (grid, sobol, nsga2), n_points, nulls, alternatives, objectives, calibrate, target,
error, rule, shape, information, n_null, n_trials, n_calibrate, gamma, seed, precision, output
""",
    "sensitivity": """\
usage: adaptive sensitivity experiment=NAME [--config-dir FOLDER] [key=value ...]

Simulates the cells of a study again with one thing changed at a time, as declared in conf/sensitivity, on
the same virtual patients, and writes them to <output>/<study>/sensitivity, which `adaptive report` shows as
paired differences. Simulate the study first, with the same settings. An interrupted run resumes.

examples:
  adaptive sensitivity experiment=brain_srs                   every declared factor
  adaptive sensitivity experiment=brain_srs 'only=[accrual,dropout]'
  adaptive sensitivity experiment=brain_srs sensitivity=mine --config-dir FOLDER

settings: only, n_trials (per cell; cannot be changed for finished cells), and those of simulate
group: sensitivity
""",
    "truth": """\
usage: adaptive truth RESULTS [n_patients=NUMBER] [seed=NUMBER]

Simulates patients of every scenario of stored results with the generator that trials use, estimates the
hazard ratio and the cumulative incidence in every subgroup and arm, and compares them with the true values
that the results were judged by. Writes RESULTS/truth, which `adaptive report` shows.

examples:
  adaptive truth results/brain_srs
  adaptive truth results/brain_srs n_patients=4000000 seed=2
Exit code 3: a stored true value differs from what was simulated.
""",
    "report": """\
usage: adaptive report RESULTS... [output=FOLDER] [dossier=FILE] [date=YYYY-MM-DD] [--draft]

Writes report.html, report.pdf, report.json, tables/*.csv, figures/*.svg and manifest.json from stored results
alone, and from dossier and evidence if a study's folder is given. Refuses results that are altered, of other
code, too imprecise or without benchmark, and says what to do; with --draft it marks every page instead.

examples:
  adaptive report results/brain_srs
  adaptive report results/brain_srs --draft
  adaptive report results/brain_srs dossier=conf/dossier/brain_srs.yaml date=2026-12-01
  adaptive report results/brain_srs/srs_fixed results/brain_srs/srs_rar output=report
""",
    "verify": """\
usage: adaptive verify REPORT [n_trials=NUMBER|all] [seed=NUMBER] [results=FOLDER]

Checks every hash of a report and of what it was made from, makes the report again from the stored results,
and simulates a random sample of trials again, comparing every stored number. Exit code 0: nothing differs;
2: something differs, and the first differences are listed.

examples:
  adaptive verify results/brain_srs/report
  adaptive verify results/brain_srs/report n_trials=1000 seed=7
  adaptive verify report results=archive/brain_srs            the study lies elsewhere now
  adaptive verify results/brain_srs/report n_trials=all       every trial; as long as simulating them

settings: n_trials (over all cells, 64), seed (of the sample; drawn anew if not given), results
""",
    "audit": """\
usage: adaptive audit RESULT [key=value ...]

Fits looks of stored results with NUTS and compares probabilities and decisions: looks drawn at random, and
those nearest to a threshold. Writes RESULT/audit, which `adaptive report` shows. RESULT is a cell or a study.

examples:
  adaptive audit results/brain_srs
  adaptive audit results/brain_srs/srs_rar/srs_null n_random=200 n_near=100
  adaptive audit results/brain_srs posterior.draws=4000 seed=2

settings: n_random, n_near, seed, max_trials, block, workers, retries
group: posterior (nuts_audit, or nuts with its own draws)
""",
    "replay": """\
usage: adaptive replay RESULT trial=NUMBER

example:
  adaptive replay results/brain_srs/srs_rar/srs_null trial=4711
""",
    "analyse": """\
usage: adaptive analyse design=NAME data=FILE cutoff=DATE [key=value ...]

examples:
  adaptive analyse design=srs_rar data=trial.csv cutoff=2026-06-30
  adaptive analyse design=srs_rar data=trial.csv cutoff=18.5 look=2 previous=analysis_1/decision.json \\
      output=analysis_2 columns.arm=treatment posterior=laplace
Exit code 3: diagnostics failed and the decision is withheld.
""",
    "monitor": """\
usage: adaptive monitor design=NAME data=FILE [key=value ...]

example:
  adaptive monitor design=srs_rar data=trial.csv output=monitoring
Exit code 3: a look's diagnostics failed and its decision is withheld.
""",
    "posterior": """\
usage: adaptive posterior input=TABLE.json [posterior=laplace|nuts|conjugate] [output=FILE] [seed=NUMBER]

example:
  adaptive posterior input=table.json posterior=laplace output=posterior.json
""",
}


def set_precision(precision: str) -> None:
    """Make JAX compute in ``float64`` or ``float32``."""
    import jax

    jax.config.update("jax_enable_x64", precision == "float64")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process if not given.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(given)
    except BadInput as error:
        return _refuse(error)
    except KeyboardInterrupt:
        print("interrupted; give the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough; without this Python complains again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        traceback.print_exc()
        print(f"This is a fault of the program, not of your input: {type(error).__name__}", file=sys.stderr)
        return OUR_FAULT


def _run(argv: list[str]) -> int:
    """Find the command and run it."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return DONE if argv else BAD_INPUT
    if argv[0] in ("-sc", "--shell-completion"):
        from adaptive.commands.completion import complete

        return complete(argv)
    name, rest = argv[0], argv[1:]
    if name not in COMMAND_HELP:
        known = tuple(COMMAND_HELP)
        raise BadInput(
            f"{name}: there is no such command; give one of {', '.join(known)}{did_you_mean(name, known)}"
        )
    if {"-h", "--help"} & set(rest):
        print(COMMAND_HELP[name], end="")
        return DONE
    return _command(name)(rest)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    """Return a command's function, imported when asked for."""
    if name == "simulate":
        from adaptive.commands.simulate import main as command
    elif name == "calibrate":
        from adaptive.commands.calibrate import main as command
    elif name == "nulls":
        from adaptive.commands.nulls import main as command
    elif name == "search":
        from adaptive.commands.search import main as command
    elif name == "sensitivity":
        from adaptive.commands.sensitivity import main as command
    elif name == "truth":
        from adaptive.commands.truth import main as command
    elif name == "report":
        from adaptive.commands.report import main as command
    elif name == "verify":
        from adaptive.commands.verify import main as command
    elif name == "audit":
        from adaptive.commands.audit import main as command
    elif name == "replay":
        from adaptive.commands.replay import main as command
    elif name == "posterior":
        from adaptive.commands.posterior import main as command
    elif name == "analyse":
        from adaptive.commands.interim import analyse as command
    else:
        from adaptive.commands.interim import monitor as command
    return command


def _refuse(error: BadInput) -> int:
    """Print every fault."""
    print("\n".join(f"error: {fault}" for fault in error.faults), file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
