"""What docs/destinations/elastic.md has somebody put into the cluster, run as it stands there."""

import os
import subprocess

from tests.support.pages import blocks
from tests.support.servers import ROOT

ELASTICSEARCH, OPENSEARCH = "an Elasticsearch", "an OpenSearch"
STATE_MANAGEMENT = "an OpenSearch with its index state management"


def put_templates(url: str, needs: str = OPENSEARCH) -> str:
    """Run the page's blocks that need this product, and return what they printed."""
    page = ROOT / "docs" / "destinations" / "elastic.md"
    texts = [one.text for one in blocks(page) if one.mark == f"needs: {needs}"]
    assert texts
    environ = {**os.environ, "ELASTIC_URL": url, "ELASTIC_ADMIN": "elastic:changeme"}
    script = "set -euo pipefail\n" + "\n".join(f"( {text} )" for text in texts)
    command = ["bash", "-c", script]
    ended = subprocess.run(command, cwd=ROOT, env=environ, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
