#!/bin/sh
# ./ask.sh [base-url [model]]: an OpenAI-compatible server replies; by default Ollama on this machine.
# wxagent keeps the conversation. OPENAI_API_KEY is sent if it is set.
exec wxagent run \
  --openai "${1:-http://127.0.0.1:11434/v1}" \
  --model "${2:-qwen3}" \
  --system 'You answer in a chat on a phone: briefly, without tables.'
