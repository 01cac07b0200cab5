"""Find the dossier that a study names, and put a copy of it beside the study's results."""

from pathlib import Path

from adaptive.config.compose import conf_root
from adaptive.errors import BadInput, did_you_mean
from adaptive.io.atomic import write_atomic
from adaptive.oc.dossier import DOSSIER, load_dossier

GROUP = "dossier"


def find_dossier(name: str, config_dir: str | None = None) -> Path:
    """Return the file of a dossier, checked.

    Parameters
    ----------
    name
        A name in ``conf/dossier``, or in ``dossier`` of the user's own folder; or the path of a YAML file.
    config_dir
        The user's own folder of configurations.

    Raises
    ------
    BadInput
        If there is no such file, or with every fault in it.
    """
    folders = [Path(root) / GROUP for root in (config_dir, conf_root()) if root is not None]
    candidates = [Path(name), *(folder / f"{name}.yaml" for folder in folders)]
    for path in candidates:
        if path.suffix in (".yaml", ".yml") and path.is_file():
            load_dossier(path)
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise BadInput(
        f"report.dossier: there is no dossier {name!r}; give the path of a YAML file or one of "
        f"{', '.join(known) or 'none'}{did_you_mean(name, known)}"
    )


def store_dossier(path: Path, study: Path) -> None:
    """Write a copy of a dossier into the folder of a study, in place of an earlier one."""
    study.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    write_atomic(study / DOSSIER, lambda file: file.write(content))
