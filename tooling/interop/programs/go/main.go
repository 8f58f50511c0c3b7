// The Go SDK, with the command line of every peer program.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type options struct {
	role, wire, mode, era, path string
	skip, target                []string
}

func parse(args []string) options {
	given := options{role: args[0], wire: args[1], era: "legacy"}
	for i := 2; i < len(args); i += 2 {
		if args[i] == "--" {
			given.target = args[i+1:]
			break
		}
		switch args[i] {
		case "--mode":
			given.mode = args[i+1]
		case "--era":
			given.era = args[i+1]
		case "--path":
			given.path = args[i+1]
		case "--skip":
			given.skip = strings.Split(args[i+1], ",")
		}
	}
	return given
}

func main() {
	given := parse(os.Args[1:])
	if given.role == "server" {
		if err := serve(given); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	result := map[string]any{"ok": true}
	protocol, err := runClient(given)
	if err != nil {
		result = map[string]any{"ok": false, "error": err.Error()}
	} else {
		result["protocol"] = protocol
	}
	line, _ := json.Marshal(result)
	fmt.Println(string(line))
	if err != nil {
		os.Exit(1)
	}
}

type echoInput struct {
	Message string `json:"message"`
}
type progressInput struct {
	Steps int `json:"steps"`
}
type empty struct{}

func text(value string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: value}}}
}

func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "peer", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "echo"}, func(_ context.Context, _ *mcp.CallToolRequest, in echoInput) (*mcp.CallToolResult, any, error) {
		return text(in.Message), nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "fail"}, func(context.Context, *mcp.CallToolRequest, empty) (*mcp.CallToolResult, any, error) {
		return nil, nil, fmt.Errorf("it failed")
	})
	mcp.AddTool(server, &mcp.Tool{Name: "progress"}, func(ctx context.Context, call *mcp.CallToolRequest, in progressInput) (*mcp.CallToolResult, any, error) {
		token := call.Params.GetProgressToken()
		for step := 1; step <= in.Steps && token != nil; step++ {
			params := &mcp.ProgressNotificationParams{ProgressToken: token, Progress: float64(step), Total: float64(in.Steps)}
			if err := call.Session.NotifyProgress(ctx, params); err != nil {
				return nil, nil, err
			}
		}
		return text("done"), nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "sample"}, func(ctx context.Context, call *mcp.CallToolRequest, _ empty) (*mcp.CallToolResult, any, error) {
		prompt := &mcp.SamplingMessage{Role: "user", Content: &mcp.TextContent{Text: "A colour?"}}
		answer, err := call.Session.CreateMessage(ctx, &mcp.CreateMessageParams{Messages: []*mcp.SamplingMessage{prompt}, MaxTokens: 10})
		if err != nil {
			return nil, nil, err
		}
		return text("sampled: " + answer.Content.(*mcp.TextContent).Text), nil, nil
	})
	return server
}

func serve(given options) error {
	ctx := context.Background()
	server := newServer()
	switch given.wire {
	case "stdio":
		return server.Run(ctx, &mcp.StdioTransport{})
	case "tcp", "unix":
		network, address := "tcp", "127.0.0.1:0"
		if given.wire == "unix" {
			network, address = "unix", given.path
		}
		listener, err := net.Listen(network, address)
		if err != nil {
			return err
		}
		if given.wire == "tcp" {
			fmt.Printf("listening tcp://%s\n", listener.Addr())
		} else {
			fmt.Printf("listening unix:%s\n", given.path)
		}
		for {
			connection, err := listener.Accept()
			if err != nil {
				return err
			}
			go newServer().Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(connection), Writer: connection})
		}
	}
	getServer := func(*http.Request) *mcp.Server { return server }
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if given.wire == "http-sse" {
		fmt.Printf("listening http://%s/sse\n", listener.Addr())
		return http.Serve(listener, mcp.NewSSEHandler(getServer, nil))
	}
	fmt.Printf("listening http://%s/mcp\n", listener.Addr())
	handler := mcp.NewStreamableHTTPHandler(getServer, &mcp.StreamableHTTPOptions{
		Stateless:    given.mode == "stateless",
		JSONResponse: given.mode == "json",
	})
	return http.Serve(listener, handler)
}

func transport(given options) (mcp.Transport, error) {
	switch given.wire {
	case "stdio":
		command := exec.Command(given.target[0], given.target[1:]...)
		command.Stderr = os.Stderr
		return &mcp.CommandTransport{Command: command}, nil
	case "http-sse":
		return &mcp.SSEClientTransport{Endpoint: given.target[0]}, nil
	case "http":
		return &mcp.StreamableClientTransport{Endpoint: given.target[0]}, nil
	}
	address := strings.TrimPrefix(given.target[0], "unix:")
	if given.wire == "tcp" {
		parsed, err := url.Parse(given.target[0])
		if err != nil {
			return nil, err
		}
		address = parsed.Host
	}
	connection, err := net.Dial(given.wire, address)
	if err != nil {
		return nil, err
	}
	return &mcp.IOTransport{Reader: io.NopCloser(connection), Writer: connection}, nil
}

type caller struct {
	session    *mcp.ClientSession
	mutex      sync.Mutex
	onProgress func(float64)
}

func (caller *caller) call(name string, arguments map[string]any, token string) (string, bool, error) {
	params := &mcp.CallToolParams{Name: name, Arguments: arguments}
	if token != "" {
		params.SetProgressToken(token)
	}
	result, err := caller.session.CallTool(context.Background(), params)
	if err != nil {
		return "", false, err
	}
	content, isText := result.Content[0].(*mcp.TextContent)
	if !isText {
		return "", result.IsError, nil
	}
	return content.Text, result.IsError, nil
}

func (caller *caller) echo(message string) (string, error) {
	value, _, err := caller.call("echo", map[string]any{"message": message}, "")
	return value, err
}

func runClient(given options) (string, error) {
	over, err := transport(given)
	if err != nil {
		return "", err
	}
	caller := &caller{}
	var received []float64
	client := mcp.NewClient(&mcp.Implementation{Name: "peer", Version: "1.0.0"}, &mcp.ClientOptions{
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			return &mcp.CreateMessageResult{Model: "none", Role: "assistant", Content: &mcp.TextContent{Text: "blue"}}, nil
		},
		ProgressNotificationHandler: func(_ context.Context, request *mcp.ProgressNotificationClientRequest) {
			caller.mutex.Lock()
			defer caller.mutex.Unlock()
			received = append(received, request.Params.Progress)
		},
	})
	version := map[string]string{"legacy": "2025-11-25", "modern": "2026-07-28"}[given.era]
	session, err := client.Connect(context.Background(), over, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	caller.session = session
	if err := exchange(caller, &received, given.skip); err != nil {
		return "", err
	}
	protocol := session.InitializeResult().ProtocolVersion
	if err := session.Close(); err != nil {
		return "", fmt.Errorf("close: %w", err)
	}
	return protocol, nil
}

const unusualText = "naïve 漢字 🦀 \"quoted\" \\ \u2028 tab\tline\nend"

func exchange(caller *caller, received *[]float64, skip []string) error {
	same := func(what string, actual, wanted any) error {
		if fmt.Sprint(actual) != fmt.Sprint(wanted) {
			return fmt.Errorf("%s: %.200v instead of %.200v", what, actual, wanted)
		}
		return nil
	}
	checks := []struct {
		name string
		run  func() error
	}{
		{"tools", func() error {
			list, err := caller.session.ListTools(context.Background(), nil)
			if err != nil {
				return err
			}
			var names []string
			for _, tool := range list.Tools {
				names = append(names, tool.Name)
			}
			for _, name := range []string{"echo", "fail", "progress"} {
				if !slices.Contains(names, name) {
					return fmt.Errorf("no tool %s", name)
				}
			}
			return nil
		}},
		{"echo", func() error {
			value, err := caller.echo(unusualText)
			if err != nil {
				return err
			}
			return same("echo", value, unusualText)
		}},
		{"large", func() error {
			value, err := caller.echo(strings.Repeat("x", 200_000))
			if err != nil {
				return err
			}
			return same("length", len(value), 200_000)
		}},
		{"parallel", func() error {
			failures := make(chan error, 20)
			for index := range 20 {
				go func() {
					value, err := caller.echo(fmt.Sprint("call ", index))
					if err == nil {
						err = same("text", value, fmt.Sprint("call ", index))
					}
					failures <- err
				}()
			}
			for range 20 {
				if err := <-failures; err != nil {
					return err
				}
			}
			return nil
		}},
		{"error", func() error {
			_, isError, err := caller.call("fail", map[string]any{}, "")
			if err != nil {
				return err
			}
			return same("isError", isError, true)
		}},
		{"progress", func() error {
			value, _, err := caller.call("progress", map[string]any{"steps": 3}, "token")
			if err != nil {
				return err
			}
			caller.mutex.Lock()
			defer caller.mutex.Unlock()
			for index, progress := range *received {
				if err := same("progress", progress, index+1); err != nil {
					return err
				}
			}
			return same("result", value, "done")
		}},
		{"sample", func() error {
			value, _, err := caller.call("sample", map[string]any{}, "")
			if err != nil {
				return err
			}
			return same("sampled", value, "sampled: blue")
		}},
	}
	for _, check := range checks {
		if slices.Contains(skip, check.name) {
			continue
		}
		if err := check.run(); err != nil {
			return fmt.Errorf("%s: %w", check.name, err)
		}
	}
	return nil
}
