// wxagent run --coprocess 'go run examples/coprocess/agent.go'
package main

import (
	"encoding/json"
	"os"
)

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var event struct{ Type, ID, Text string }
	for in.Decode(&event) == nil { // until wxagent closes stdin
		if event.Type == "message" { // "cancel": nobody waits for that answer any more
			out.Encode(map[string]any{"id": event.ID, "text": "you said " + event.Text, "done": true})
		}
	}
}
