"""Write adaptive/oc/validation.json from docs/validation.md; a test fails when the two differ."""

import json
from pathlib import Path

from adaptive.oc.validation import parse

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write the file."""
    rows = parse((ROOT / "docs" / "validation.md").read_text(encoding="utf-8"))
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    (ROOT / "adaptive" / "oc" / "validation.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
