package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	// grace is what a cancelled command has to clean up in. The engine kills a
	// plugin 5 s after it asked it to end, so it must be less.
	grace = 3 * time.Second
	poll  = 20 * time.Millisecond
)

// inOwnGroup makes the command the leader of a process group, and cancelling end
// that whole group: ending only the shell would leave what it started running.
func inOwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error {
		endGroup(cmd.Process.Pid)
		return nil
	}
}

// endGroup asks every process of the group to end, and kills those that have not after the grace.
func endGroup(group int) {
	_ = syscall.Kill(-group, syscall.SIGTERM)
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(poll) {
		if errors.Is(syscall.Kill(-group, 0), syscall.ESRCH) {
			return
		}
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
}

// groups are the process groups of the commands that run now.
var (
	groupsMutex sync.Mutex
	groups      = map[int]struct{}{}
)

// joinGroups notes a running command's group until the returned function is called.
func joinGroups(group int) (leave func()) {
	groupsMutex.Lock()
	defer groupsMutex.Unlock()
	groups[group] = struct{}{}
	return func() {
		groupsMutex.Lock()
		defer groupsMutex.Unlock()
		delete(groups, group)
	}
}

// endGroupsOnSignal ends the running commands when the plugin itself is told to
// end: their groups are not the plugin's, so the engine's signal does not reach them.
func endGroupsOnSignal() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-told
		endGroups()
		os.Exit(1)
	}()
}

// endGroups ends the running commands; none starts any more.
func endGroups() {
	groupsMutex.Lock() // kept
	var ending sync.WaitGroup
	for group := range groups {
		ending.Go(func() { endGroup(group) })
	}
	ending.Wait()
}
