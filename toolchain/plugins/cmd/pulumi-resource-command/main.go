// pulumi-resource-command is ollama-mesh's own command plugin, used only where
// the official one cannot be downloaded. It runs local commands for the resource
// command:local:Command under the names that the npm package @pulumi/command
// sends, and refuses whatever else that package offers.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/middleware/schema"

	"ollama-mesh/toolchain/plugins/parent"
)

const (
	// version is that of the npm package whose names the plugin speaks.
	version     = "1.2.1"
	description = "ollama-mesh's own command plugin, used only where the official one cannot be downloaded"
)

// plugin is the provider as the engine sees it.
func plugin() provider.Provider {
	return refusing(infer.Provider(infer.Options{
		Metadata:  schema.Metadata{DisplayName: "Command (ollama-mesh)", Description: description},
		Resources: []infer.InferredResource{infer.Resource(Command{})},
	}))
}

func main() {
	// The engine passes other flags; only a person asks for the version.
	if slices.Contains(os.Args[1:], "--version") || slices.Contains(os.Args[1:], "-version") {
		fmt.Printf("%s (%s)\n", version, description)
		return
	}
	endGroupsOnSignal()
	parent.EndWith(endGroups)
	if err := provider.RunProvider(context.Background(), "command", version, plugin()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
