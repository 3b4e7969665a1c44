"""A cluster of Ray whose nodes are all on 127.0.0.1: tells its address, then adds a node of one core for each line of its
input and tells its raylet's process id. It ends with its input."""

import json
import sys

from ray.cluster_utils import Cluster

each = {"object_store_memory": 80 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **each})
print(json.dumps({"address": cluster.address}), flush=True)
for line in sys.stdin:
    node = cluster.add_node(num_cpus=1, memory=4 * 2**30, **each)
    print(json.dumps({"raylet": node.all_processes["raylet"][0].process.pid}), flush=True)
cluster.shutdown()
