package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// lastWords is how long a cancelled command's output is still read once its process group is gone:
// a process that left the group may hold the pipes for ever.
const lastWords = 500 * time.Millisecond

// run runs one command and keeps in state what it prints, unless it fails.
func run(ctx context.Context, command string, state *State) error {
	if err := refuseAssets(state.Inputs); err != nil {
		return err
	}
	words := []string{"/bin/sh", "-c"}
	if state.Interpreter != nil && len(*state.Interpreter) > 0 {
		words = append([]string{}, *state.Interpreter...)
	}
	words = append(words, command)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	inOwnGroup(cmd)
	cmd.Env = environment(state)
	if state.Dir != nil {
		// Go itself checks this only for a command that needs no process group,
		// and then blames the interpreter.
		if _, err := os.Stat(*state.Dir); err != nil {
			return fmt.Errorf("%w: running %q:\n", chdirError(err), command)
		}
		cmd.Dir = *state.Dir
	}
	if state.Stdin != nil && *state.Stdin != "" {
		cmd.Stdin = strings.NewReader(*state.Stdin)
	}

	var stdout, stderr, both bytes.Buffer
	shown, show := io.Pipe()
	var showing sync.WaitGroup
	showing.Go(func() { showLines(ctx, shown) })
	mixed := &lockedWriter{to: &both}
	sinks := func(kept *bytes.Buffer, stream Logging) io.Writer {
		writers := []io.Writer{kept, mixed}
		if state.Logging.includes(stream) {
			writers = append(writers, show)
		}
		return io.MultiWriter(writers...)
	}
	err := runWith(ctx, cmd, sinks(&stdout, logStdout), sinks(&stderr, logStderr))
	show.Close()
	showing.Wait()

	if err != nil {
		return fmt.Errorf("%w: running %q:\n%s", err, command, both.String())
	}
	state.Stdout = strings.TrimSuffix(stdout.String(), "\n")
	state.Stderr = strings.TrimSuffix(stderr.String(), "\n")
	return nil
}

// environment is ours, then the program's, then what the last command printed.
func environment(state *State) []string {
	env := os.Environ()
	if state.Environment != nil {
		for key, value := range *state.Environment {
			env = append(env, key+"="+value)
		}
	}
	if state.AddPreviousOutputInEnv == nil || *state.AddPreviousOutputInEnv {
		if state.Stdout != "" {
			env = append(env, "PULUMI_COMMAND_STDOUT="+state.Stdout)
		}
		if state.Stderr != "" {
			env = append(env, "PULUMI_COMMAND_STDERR="+state.Stderr)
		}
	}
	return env
}

// runWith runs cmd to its end and copies its output. The pipes are ours and not
// those of os/exec, whose Wait ends only when the last holder of a pipe is gone.
func runWith(ctx context.Context, cmd *exec.Cmd, stdout, stderr io.Writer) error {
	var copying sync.WaitGroup
	var ours, theirs []*os.File
	pipe := func(to io.Writer) (*os.File, error) {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours, theirs = append(ours, reader), append(theirs, writer)
		copying.Go(func() { _, _ = io.Copy(to, reader) })
		return writer, nil
	}
	closeAll := func(files []*os.File) {
		for _, file := range files {
			_ = file.Close()
		}
	}
	defer closeAll(ours)

	out, err := pipe(stdout)
	if err == nil {
		cmd.Stdout = out
		var errOut *os.File
		errOut, err = pipe(stderr)
		cmd.Stderr = errOut
	}
	if err == nil {
		err = cmd.Start()
	}
	closeAll(theirs)
	if err != nil {
		copying.Wait()
		return err
	}
	leave := joinGroups(cmd.Process.Pid)
	defer leave()
	err = cmd.Wait()

	copied := make(chan struct{})
	go func() { copying.Wait(); close(copied) }()
	select {
	case <-copied: // also when a child of the command goes on printing, as with the official plugin
	case <-ctx.Done():
		endGroup(cmd.Process.Pid)
		select {
		case <-copied:
		case <-time.After(lastWords):
			closeAll(ours)
			<-copied
		}
	}
	return err
}

// lockedWriter lets two streams write into one buffer.
type lockedWriter struct {
	mutex sync.Mutex
	to    io.Writer
}

func (w *lockedWriter) Write(data []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.to.Write(data)
}

// chdirError words a missing folder as Go does.
func chdirError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		path.Op = "chdir"
	}
	return err
}
