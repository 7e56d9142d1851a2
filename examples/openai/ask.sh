#!/bin/sh
# ./ask.sh [base-url [model]]: a chat-completions server answers, Ollama of this machine unless another is named.
# wxagent keeps the conversation; a server that wants a key gets OPENAI_API_KEY.
exec wxagent run \
  --openai "${1:-http://127.0.0.1:11434/v1}" \
  --model "${2:-qwen3}" \
  --system 'You answer in a chat on a phone: briefly, without tables.'
