// Answers one case a line as Knative's brokers in Go would: an error, and what is no Boolean, does not pass.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/cloudevents/sdk-go/sql/v2/parser"
	cloudevents "github.com/cloudevents/sdk-go/v2"
)

type asked struct {
	Expression string         `json:"expression"`
	Event      map[string]any `json:"event"`
}

type answer struct {
	Passes  bool   `json:"passes"`
	Refused string `json:"refused,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var one asked
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		if err := out.Encode(answered(one)); err != nil {
			panic(err)
		}
	}
}

// answered recovers, since the SDK panics where it cannot parse, and Knative's filter where a value is no bool.
func answered(one asked) (result answer) {
	parsed := false
	defer func() {
		if failed := recover(); failed != nil && !parsed {
			result = answer{Refused: "panic"}
		}
	}()
	expression, err := parser.Parse(one.Expression)
	if err != nil || expression == nil {
		return answer{Refused: "parse"}
	}
	parsed = true
	value, err := expression.Evaluate(event(one.Event))
	return answer{Passes: err == nil && value.(bool)}
}

func event(attributes map[string]any) cloudevents.Event {
	made := cloudevents.NewEvent()
	for name, value := range attributes {
		text := fmt.Sprint(value)
		switch name {
		case "specversion":
		case "id":
			made.SetID(text)
		case "source":
			made.SetSource(text)
		case "type":
			made.SetType(text)
		case "subject":
			made.SetSubject(text)
		case "time":
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				panic(err)
			}
			made.SetTime(at)
		case "datacontenttype":
			made.SetDataContentType(text)
		case "dataschema":
			made.SetDataSchema(text)
		default:
			if number, isNumber := value.(float64); isNumber {
				made.SetExtension(name, int32(number))
			} else {
				made.SetExtension(name, value)
			}
		}
	}
	return made
}
