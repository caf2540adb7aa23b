"""Download a model of the hub that is not in the catalog, and the facts of its files.

Runs as a process of its own (``python -m tabwright.models.pulling.hub_download REPO REVISION FOLDER
FACTS``, REVISION "" for the newest): the hub's client may hang without a network and cannot be
interrupted. It first writes the hub's facts into FACTS, which ``hub_facts`` reads, then the files
into FOLDER.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_AT_ONCE = 4


def main(arguments: list[str]) -> int:
    """Download what the arguments name; 0 when all is there, else an exception."""
    from huggingface_hub import HfApi, constants, get_session, hf_hub_download

    repo, revision, folder, facts = arguments
    # The client retries for 30 s when there is no answer, so a request without retries comes first.
    get_session().head(constants.ENDPOINT, timeout=5)
    told = HfApi().model_info(repo, revision=revision or None, files_metadata=True, timeout=10)
    files: dict[str, dict[str, object]] = {}
    for file in told.siblings or ():
        name = file.rfilename
        # Only files of the top folder are loaded; such a name cannot point outside the folder.
        if "/" in name or "\\" in name or not any(fnmatch.fnmatch(name, p) for p in PATTERNS):
            continue
        sha256 = file.lfs.sha256 if file.lfs is not None else ""
        files[name] = {"size": file.size or 0, "sha256": sha256, "blob": file.blob_id or ""}
    passing = Path(f"{facts}.new")
    passing.write_text(json.dumps({"commit": told.sha, "files": files}), encoding="utf-8")
    passing.replace(facts)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(
            lambda name: hf_hub_download(repo, name, revision=told.sha, local_dir=folder), files
        ):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
