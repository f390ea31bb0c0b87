"""Recipe: make graphs/debian.csr.xz from the package lists of a Debian machine.

    python workloads/algorithms/shortest_paths/data/make_debian_graph.py

A vertex is a binary package of the lists that `apt-cache dumpavail` prints, an edge joins a
package with each one named in its Depends, Pre-Depends or Recommends (alternatives too;
versions, architectures and names that are no package of the lists are dropped). The largest
component is kept. Package lists change every day, so the shipped file is frozen; this
script documents it and cannot give it again byte for byte.

Shipped: Debian 13.7 (trixie), main, amd64; 61,897 packages, 293,273 edges, 341,424 bytes. Names of
packages are not in the file, only numbers.
"""

import re
import subprocess

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Sparse, from_edges
from adabench.workloads.algorithms.shortest_paths.substrate.real_graphs import (
    SNAPSHOT,
    pack,
    unpack,
)

FIELDS = ("Depends", "Pre-Depends", "Recommends")
NAME = re.compile(r"\s*([a-z0-9][a-z0-9+.\-]*)")


def dependencies(text: str) -> Sparse:
    """Return the graph of what `apt-cache dumpavail` printed."""
    needs: dict[str, set[str]] = {}
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if "Package" in fields:
            named = ",".join(fields.get(field, "") for field in FIELDS)
            found = (NAME.match(one) for one in re.split(r"[,|]", named))
            needs.setdefault(fields["Package"], set()).update(one[1] for one in found if one)
    number = {name: i for i, name in enumerate(sorted(needs))}
    edges = [
        (number[name], number[other])
        for name, others in needs.items()
        for other in others
        if other in number
    ]
    tails, heads = np.array(edges, np.int64).T
    return from_edges(tails, heads, len(number))


def write() -> Sparse:
    """Write the snapshot of this machine's lists over the shipped one."""
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    graph = dependencies(listed.stdout)
    data = pack(graph)
    again = unpack(data)
    assert (again.starts == graph.starts).all()
    assert (again.heads == graph.heads).all()
    SNAPSHOT.write_bytes(data)
    return graph


if __name__ == "__main__":
    write()
