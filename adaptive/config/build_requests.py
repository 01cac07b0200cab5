"""Builds what the commands on real data need: column map, engine settings, files and dates."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from adaptive.config.build import PARTS
from adaptive.config.build_analysis import build_engine
from adaptive.config.build_design import build_protocol
from adaptive.config.checks import Faults, Range, Whole, is_number
from adaptive.config.read import code_keys, read, unknown_key
from adaptive.config.schema_commands import Analysing, Auditing, Columns, Fitting, Monitoring
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.interim.request import AnalysisRequest, MonitorRequest, Sampling
from adaptive.io.columns import ColumnMap, column_map_faults
from adaptive.oc.audit import AuditRequest
from adaptive.oc.audit_fit import Fitting as AuditFitting
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.nuts import AbstractSampler


class Interim(NamedTuple):
    """A protocol, what is asked of it, and where the answer goes."""

    design: Design
    request: AnalysisRequest | MonitorRequest
    output: Path


class Fit(NamedTuple):
    """A table's file, the engine, where the posterior goes, and the seed."""

    input: Path
    engine: AbstractEngine
    output: Path
    seed: int


def build_analyse(config: Mapping[str, Any]) -> Interim:
    """Return one interim analysis; raises ``BadInput`` with every fault."""
    return _interim(config, Analysing)


def build_monitor(config: Mapping[str, Any]) -> Interim:
    """Return a replay of a finished trial; raises ``BadInput`` with every fault."""
    return _interim(config, Monitoring)


def build_fit(config: Mapping[str, Any]) -> Fit:
    """Return a posterior from a table; raises ``BadInput`` with every fault."""
    faults = Faults(code_keys(config))
    values = _own(config, Fitting, ("posterior",), faults)
    engine = build_engine(config.get("posterior"), faults)
    if faults:
        raise BadInput(faults)
    return Fit(Path(values.input), engine, Path(values.output), values.seed)


class Audit(NamedTuple):
    """What is audited, and how looks are fitted."""

    request: AuditRequest
    fitting: AuditFitting


def build_audit(config: Mapping[str, Any]) -> Audit:
    """Return the request of an audit and its sampler; raises ``BadInput`` with every fault."""
    faults = Faults(code_keys(config))
    values = _own(config, Auditing, ("posterior",), faults)
    engine = build_engine(config.get("posterior"), faults)
    if engine is not None and not isinstance(engine, AbstractSampler):
        faults.append(
            "posterior.kind: the reference of an audit is the sampler; give posterior=nuts, with other draws "
            "for example posterior.draws=4000"
        )
    if values is None or engine is None or faults:
        raise BadInput(faults)
    workers = values.workers
    if workers is not None:
        workers = Whole(Range(low=1, high=1024)).parse(workers, "workers", faults)
    if values.n_random + values.n_near == 0:
        faults.append("n_random: 0 with n_near: 0 audits nothing; give at least one look")
    if faults:
        raise BadInput(faults)
    request = AuditRequest(values.n_random, values.n_near, values.seed, values.max_trials)
    number = {} if workers is None else {"workers": workers}
    fitting = AuditFitting(engine, values.seed, values.block, retries=values.retries, **number)
    return Audit(request, fitting)


def _own(config: Mapping[str, Any], schema: type, groups: tuple[str, ...], faults: Faults) -> Any:
    """Read a command's own settings, which lie at the root beside the groups."""
    names = tuple(f.name for f in dataclasses.fields(schema))
    known = (*names, *groups)
    faults.extend(unknown_key(str(key), str(key), known) for key in config if key not in known)
    return read(schema, {key: config[key] for key in names if key in config}, "", faults, prefix=False)


def _interim(config: Mapping[str, Any], schema: type) -> Interim:
    faults = Faults(code_keys(config))
    values = _own(config, schema, (*PARTS, "columns"), faults)
    columns = _columns(config.get("columns"), faults)
    design = build_protocol(config, faults)
    extra = _analysis(values, faults) if schema is Analysing and values is not None else {}
    if values is not None and not Path(values.data).is_file():
        faults.append(f"data: there is no file {values.data!r}; give the path of the patient file")
    if faults:
        raise BadInput(faults)
    sampling = Sampling(engine="design", seed=values.seed)
    kind = AnalysisRequest if schema is Analysing else MonitorRequest
    request = kind(data=Path(values.data), columns=columns, sampling=sampling, **extra)
    return Interim(design, request, Path(values.output))


def _analysis(values: Analysing, faults: Faults) -> dict[str, Any]:
    """Return cut-off, look and earlier decision."""
    cutoff = values.cutoff
    if isinstance(cutoff, date | datetime):
        cutoff = cutoff.isoformat()
    if not (is_number(cutoff) or (isinstance(cutoff, str) and cutoff.strip() and cutoff != "???")):
        faults.add("cutoff", cutoff, "give a date such as 2026-06-30, or months since the first patient")
    look = None if values.look is None else Whole(Range(low=1)).parse(values.look, "look", faults)
    previous = None if values.previous is None else Path(values.previous)
    if previous is not None and not previous.is_file():
        faults.append(
            f"previous: there is no file {values.previous!r}; give decision.json of the look before"
        )
    return {"cutoff": cutoff, "look": look, "previous": previous}


def _columns(data: Any, faults: Faults) -> ColumnMap | None:
    values = read(Columns, data or {}, "columns", faults)
    if values is None:
        return None
    fields = {f.name: getattr(values, f.name) for f in dataclasses.fields(values)}
    fields["arms"] = {file: str(label) for file, label in values.arms.items()}
    fields["subgroups"] = {file: str(label) for file, label in values.subgroups.items()}
    columns = ColumnMap(**fields)
    faults.extend(column_map_faults(columns))
    return columns
