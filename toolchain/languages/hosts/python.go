package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	codegen "github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

//go:embed run_program.py
var runProgram string

// python has its packages in requirements.txt and a virtual environment, as `pulumi new python` makes them with pip.
type python struct{}

func (python) sdk(pkg *schema.Package, loader schema.ReferenceLoader) (map[string][]byte, error) {
	return codegen.GeneratePackage("ollama-mesh", pkg, nil, loader)
}

func (python) link(folder, path string) (string, error) {
	file := filepath.Join(folder, "requirements.txt")
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	lines := strings.Fields(string(text))
	if !slices.Contains(lines, path) {
		lines = append(lines, path)
	}
	modules, err := filepath.Glob(filepath.Join(folder, path, "*", "pulumi-plugin.json"))
	if err != nil || len(modules) == 0 {
		return "", fmt.Errorf("no Python module in %s: %w", path, err)
	}
	module := filepath.Base(filepath.Dir(modules[0]))
	return "import " + module, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

func environment(p program) string {
	folder := p.option("virtualenv", "venv")
	if filepath.IsAbs(folder) {
		return folder
	}
	return filepath.Join(p.folder, folder)
}

func (python) installation(p program) [][]string {
	folder := environment(p)
	pip := filepath.Join(folder, "bin", "pip")
	return [][]string{
		{"python3", "-m", "venv", folder},
		{pip, "install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt"},
	}
}

func (python) installedPlugins(p program) []string {
	packages := filepath.Join(environment(p), "lib", "python3*", "site-packages")
	return []string{filepath.Join(packages, "*", "pulumi-plugin.json")}
}

func (python) start(p program, request *pulumirpc.RunRequest, engine string) ([]string, []string, error) {
	entry := filepath.Join(p.folder, request.GetInfo().GetEntryPoint())
	if found, err := os.Stat(entry); err == nil && found.IsDir() {
		entry = filepath.Join(entry, "__main__.py")
	}
	words := []string{
		filepath.Join(environment(p), "bin", "python"), "-u", "-c", runProgram,
		request.GetMonitorAddress(), engine, request.GetProject(), request.GetStack(),
		strconv.Itoa(int(request.GetParallel())), strconv.FormatBool(request.GetDryRun()),
		request.GetOrganization(), request.GetInfo().GetRootDirectory(), entry,
	}
	return append(words, request.GetArgs()...), nil, nil
}
