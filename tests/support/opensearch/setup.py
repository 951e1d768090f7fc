"""What docs/destinations/elastic.md has somebody put into the cluster, run as it stands there."""

import os
import subprocess

from tests.support.pages import blocks
from tests.support.servers import ROOT


def put_templates(url: str, product: str = "an OpenSearch") -> None:
    """Run the page's first block that needs this product."""
    page = ROOT / "docs" / "destinations" / "elastic.md"
    block, *_ = [one for one in blocks(page) if one.mark == f"needs: {product}"]
    environ = {**os.environ, "ELASTIC_URL": url, "ELASTIC_ADMIN": "elastic:changeme"}
    script = f"set -euo pipefail\n{block.text}"
    ended = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environ, check=False, capture_output=True, text=True)  # noqa: S607
    assert ended.returncode == 0, ended.stdout + ended.stderr
