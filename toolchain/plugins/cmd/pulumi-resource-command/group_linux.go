package main

import "syscall"

// ownGroup also has the kernel end the command when the plugin is killed without warning.
// (The signal is sent when the thread that started the command ends; the thread pool of Go keeps its threads.)
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
