#!/bin/sh
# wxagent run --exec ./agent.sh
# The message is on stdin, the reply goes to stdout. Files left in $WXAGENT_REPLY_DIR are sent after it.
text=$(cat)
case "$text" in
  time) date ;;
  log*) printf '%s\n' "${text#log}" >>"$WXAGENT_STATE_DIR/log.txt"; echo 'noted' ;;
  show) cp "$WXAGENT_STATE_DIR/log.txt" "$WXAGENT_REPLY_DIR/log.txt"; echo 'here it is' ;;
  later) exit 75 ;; # run this message again in a while
  *) printf 'You said: %s\n' "$text" ;;
esac
