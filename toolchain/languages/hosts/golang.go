package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	codegen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// golang has its packages in go.mod, and is built before it is run.
type golang struct{}

func (golang) sdk(pkg *schema.Package, _ schema.ReferenceLoader) (map[string][]byte, error) {
	return codegen.GeneratePackage("ollama-mesh", pkg, nil)
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+(\S+)`)

func (golang) link(folder, path string) (string, error) {
	// An SDK's go.mod lies in its folder, or in one below.
	var manifest string
	err := filepath.WalkDir(filepath.Join(folder, path), func(file string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(file) == "go.mod" && manifest == "" {
			manifest = file
		}
		return err
	})
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return "", fmt.Errorf("no Go module in %s: %w", path, err)
	}
	module := moduleLine.FindStringSubmatch(string(text))[1]
	place, err := filepath.Rel(folder, filepath.Dir(manifest))
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "mod", "edit",
		"-replace="+module+"=./"+filepath.ToSlash(place), "-require="+module+"@v0.0.0")
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go mod edit: %s", said)
	}
	return fmt.Sprintf("import %q", module), nil
}

func (golang) installation(program) [][]string {
	return [][]string{{"go", "mod", "tidy"}}
}

func (golang) installedPlugins(p program) []string {
	sdks := filepath.Join(p.folder, "sdks")
	return []string{
		filepath.Join(sdks, "*", "pulumi-plugin.json"),
		filepath.Join(sdks, "*", "*", "pulumi-plugin.json"),
	}
}

func (golang) start(p program, request *pulumirpc.RunRequest, engine string) ([]string, []string, error) {
	binary := p.option("binary", "")
	if binary == "" {
		folder, err := os.MkdirTemp("", "pulumi-go-")
		if err != nil {
			return nil, nil, err
		}
		binary = filepath.Join(folder, "program")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Dir = filepath.Join(p.folder, request.GetInfo().GetEntryPoint())
		if said, err := build.CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("go build: %s", strings.TrimSpace(string(said)))
		}
	}
	return []string{binary}, []string{
		"PULUMI_ORGANIZATION=" + request.GetOrganization(),
		"PULUMI_PROJECT=" + request.GetProject(),
		"PULUMI_ROOT_DIRECTORY=" + request.GetInfo().GetRootDirectory(),
		"PULUMI_STACK=" + request.GetStack(),
		"PULUMI_DRY_RUN=" + strconv.FormatBool(request.GetDryRun()),
		"PULUMI_PARALLEL=" + strconv.Itoa(int(request.GetParallel())),
		"PULUMI_MONITOR=" + request.GetMonitorAddress(),
		"PULUMI_ENGINE=" + engine,
	}, nil
}
