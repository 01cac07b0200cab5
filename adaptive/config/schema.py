"""The registry of schemas: plain dataclasses, stored with Hydra under ``schema/<group>/<kind>``.

A YAML file holds values only; its ``kind`` names the schema, and ``config.build`` alone turns values into
objects. Ranges are the field's check; what ties several keys together is checked by the builder.
"""

from hydra.core.config_store import ConfigStore

from adaptive.config import schema_allocation as allocation
from adaptive.config import schema_design as protocol
from adaptive.config import schema_models as models
from adaptive.config import schema_predictive as predictive
from adaptive.config import schema_rules as rules
from adaptive.config.schema_commands import Columns, Report, Settings
from adaptive.config.schema_scenario import ScenarioValues

SCHEMAS: dict[str, dict[str, type]] = {
    "allocation": allocation.ALLOCATIONS,
    "weights": allocation.WEIGHTS,
    "exponent": allocation.EXPONENTS,
    "control": allocation.CONTROLS,
    "looks": {
        "enrolled": protocol.Enrolled,
        "events": protocol.Events,
        "calendar": protocol.Calendar,
        "follow_up": protocol.FollowUp,
        "then": protocol.Then,
        "all_of": protocol.AllOf,
        "any_of": protocol.AnyOf,
        "spaced": protocol.Spaced,
    },
    "rule": {kind: rules.Rule for kind in ("efficacy", "futility", "harm", "expected_success")},
    "measure": {
        "hazard_ratio_below": rules.HazardRatioBelow,
        "hazard_ratio_above": rules.HazardRatioAbove,
        "equivalence": rules.Equivalence,
        "non_inferiority": rules.NonInferiority,
        "risk_difference_below": rules.RiskDifferenceBelow,
        "non_inferiority_risk": rules.NonInferiorityRisk,
        "best": rules.Best,
        "pooled_effect": rules.PooledEffect,
        "log_rank": rules.LogRank,
        "cox": rules.Cox,
        "two_sided": predictive.TwoSided,
        "predictive": predictive.Predictive,
        "predictive_information": predictive.PredictiveInformation,
        "confirmatory_success": predictive.ConfirmatorySuccess,
    },
    "model": {
        "partial_pooling": protocol.PartialPooling,
        "no_pooling": protocol.NoPooling,
        "full_pooling": protocol.FullPooling,
        "gamma_hazards": protocol.GammaHazards,
        "exnex": models.ExNex,
        "robust_pooling": models.RobustPooling,
        "nested_pooling": models.NestedPooling,
        "per_arm_pooling": models.PerArmPooling,
    },
    "posterior": {"laplace": protocol.Laplace, "conjugate": protocol.Conjugate, "nuts": protocol.Nuts},
}
"""Group -> kind -> schema. Closed: a kind that is not here does not exist."""


def register() -> None:
    """Store every schema with Hydra; calling it again changes nothing."""
    store = ConfigStore.instance()
    store.store(group="schema", name="settings", node=Settings)
    store.store(group="schema", name="report", node=Report)
    store.store(group="schema", name="columns", node=Columns)
    store.store(group="schema", name="design", node=protocol.DesignValues)
    store.store(group="schema", name="scenario", node=ScenarioValues)
    for group, kinds in SCHEMAS.items():
        for kind, schema in kinds.items():
            store.store(group=f"schema/{group}", name=kind, node=schema)
