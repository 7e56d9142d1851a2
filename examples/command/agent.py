#!/usr/bin/env python3
"""wxagent run --input json -- python3 agent.py

The event comes as one line of JSON on stdin; docs/agents.md names its fields.
"""
import json
import os
import pathlib
import sys

event = json.load(sys.stdin)
seen = pathlib.Path(os.environ["WXAGENT_STATE_DIR"], "seen.json")
counts = json.loads(seen.read_text()) if seen.exists() else {}
counts[event["kind"]] = counts.get(event["kind"], 0) + 1
seen.write_text(json.dumps(counts))

if event["quote"]:
    print(f"You quoted: {event['quote']['text']}")
for attachment in event["attachments"]:
    print(f"{attachment['kind']}: {attachment['name']}, {attachment['sizeBytes']} bytes")
print(f"Message {sum(counts.values())} of yours: {event['text']}")
