// ollama-mesh's own language hosts for Python and Go, used only where the official ones cannot be downloaded: their Go
// modules are not served everywhere, but what writes SDKs is in pkg/v3, of which the CLI is built. One program; the name
// by which it is started says the language.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

const prefix = "pulumi-language-"

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), prefix)
	languages := map[string]language{"python": python{}, "go": golang{}}
	chosen, known := languages[name]
	if !known {
		return fmt.Errorf("must be started as %spython or %sgo, not as %s", prefix, prefix, name)
	}
	host := &languageHost{name: name, language: chosen}
	// The engine gives its address as the last word, newer ones in a handshake.
	if last := os.Args[len(os.Args)-1]; len(os.Args) > 1 && !strings.HasPrefix(last, "-") {
		host.engine = last
	}
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
		Options: rpcutil.OpenTracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return err
	}
	// The engine reads the port from the first line.
	fmt.Println(server.Port)
	return <-server.Done
}
