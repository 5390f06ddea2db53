package main

import (
	"bufio"
	"context"
	"io"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Logging says which of a command's streams are shown while it runs. What is kept in state is not affected.
type Logging string

const (
	logStdout    Logging = "stdout"
	logStderr    Logging = "stderr"
	logBoth      Logging = "stdoutAndStderr"
	logNone      Logging = "none"
	longestShown         = 64 * 1024
)

// Values lists what a program may ask for.
func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Name: string(logStdout), Value: logStdout, Description: "show stdout"},
		{Name: string(logStderr), Value: logStderr, Description: "show stderr"},
		{Name: string(logBoth), Value: logBoth, Description: "show stdout and stderr"},
		{Name: string(logNone), Value: logNone, Description: "show nothing"},
	}
}

func (l *Logging) includes(stream Logging) bool {
	return l == nil || *l == stream || *l == logBoth
}

// showLines shows each line as the resource's current status, as the official plugin does.
// It reads to the end whatever comes: a writer that nobody reads from would stop the command.
func showLines(ctx context.Context, from io.Reader) {
	logger := provider.GetLogger(ctx)
	for lines := bufio.NewReaderSize(from, longestShown); ; {
		line, err := lines.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			logger.InfoStatus(text)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}
