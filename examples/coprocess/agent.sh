#!/bin/sh
# wxagent run --coprocess examples/coprocess/agent.sh
# Needs jq.
field() { printf '%s\n' "$event" | jq -r "$1"; }

while IFS= read -r event; do
  # "cancel": nobody waits for that reply any more
  [ "$(field .type)" = message ] || continue
  id=$(field .id)
  case "$(field .text)" in
    time) text=$(date) ;;
    *) text="you said $(field .text)" ;;
  esac
  jq -nc --arg id "$id" --arg text "$text" '{id: $id, text: $text, done: true}'
done
