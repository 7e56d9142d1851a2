#!/usr/bin/env python3
"""wxagent run --coprocess 'python3 examples/coprocess/agent.py'"""
import collections
import json
import sys

seen = collections.Counter()  # it stays running, so it can remember

for line in sys.stdin:
    event = json.loads(line)
    if event["type"] != "message":
        continue  # "cancel": nobody waits for that answer any more
    seen[event["user"]] += 1
    text = f"{seen[event['user']]}: you said {event['text']}"
    print(json.dumps({"id": event["id"], "text": text, "done": True}), flush=True)
