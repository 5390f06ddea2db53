// Package parent ends a plugin with the engine that started it. The SDK's own
// look at the engine comes every five minutes, and until then a killed `up`
// leaves its plugins behind.
package parent

import (
	"os"
	"time"
)

const poll = time.Second

// EndWith ends the process once its parent is gone, after it called before.
func EndWith(before func()) {
	engine := os.Getppid()
	go func() {
		for os.Getppid() == engine {
			time.Sleep(poll)
		}
		before()
		os.Exit(1)
	}()
}
