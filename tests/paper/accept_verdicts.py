"""Answer all claims of the paper afresh and store numbers and verdicts in data/paper/verdicts.csv.

    .venv/bin/python tests/paper/accept_verdicts.py

Prints which verdicts changed: read it before committing it.
"""

import hashlib

from claim_samples import samples

from darkpkg import datasets
from paper.claims.verdicts import table

COLUMNS = ["ours", "error", "assumed", "assumed_error", "verdict"]


def main() -> None:
    """Write the table and its checksum."""
    found = table(samples())
    file = datasets.path("paper/verdicts")
    old = datasets.read("paper/verdicts").set_index("id").verdict if file.stat().st_size else found.verdict[:0]
    for name, verdict in found.verdict.items():
        if old.get(name) != verdict:
            print(f"{name}: {old.get(name)} -> {verdict}")
    for name in old.index.difference(found.index):
        print(f"{name}: gone")
    found[COLUMNS].to_csv(file, float_format="%.6g", lineterminator="\n")
    about, checksum = file.with_suffix(".toml"), hashlib.sha256(file.read_bytes()).hexdigest()
    lines = about.read_text(encoding="utf-8").splitlines()
    lines = [f'sha256 = "{checksum}"' if line.startswith("sha256") else line for line in lines]
    about.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(found.verdict.value_counts().to_string())


if __name__ == "__main__":
    main()
