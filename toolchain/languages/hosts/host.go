package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// By this code an SDK's runner says that the user was told all there is to tell.
const alreadyReported = 32

// program is what the engine says of a program: where it lies, and the options of its runtime.
type program struct {
	folder  string
	options map[string]any
}

func programOf(info *pulumirpc.ProgramInfo) program {
	return program{folder: info.GetProgramDirectory(), options: info.GetOptions().AsMap()}
}

// option gives a text of the runtime's options.
func (p program) option(name, otherwise string) string {
	if text, ok := p.options[name].(string); ok && text != "" {
		return text
	}
	return otherwise
}

// language is what differs between Python and Go.
type language interface {
	// sdk gives the files of a package's SDK.
	sdk(pkg *schema.Package, loader schema.ReferenceLoader) (map[string][]byte, error)
	// link makes a program depend on an SDK in a folder of it, and says how to import that.
	link(folder, path string) (string, error)
	// installation gives the commands that install what a program depends on.
	installation(p program) [][]string
	// installedPlugins gives patterns of the files in which installed SDKs name their plugins.
	installedPlugins(p program) []string
	// start gives a program's command line, and more of its environment.
	start(p program, request *pulumirpc.RunRequest, engine string) (words, env []string, err error)
}

type languageHost struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	name     string
	engine   string
	language language
}

func (h *languageHost) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = request.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *languageHost) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "3.259.0"}, nil
}

func (h *languageHost) About(context.Context, *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	version := fmt.Sprintf("ollama-mesh's own %s host", h.name)
	return &pulumirpc.AboutResponse{Executable: os.Args[0], Version: version}, nil
}

func (h *languageHost) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (h *languageHost) RuntimeOptionsPrompts(
	context.Context, *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

func (h *languageHost) GetProgramDependencies(
	context.Context, *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	return &pulumirpc.GetProgramDependenciesResponse{}, nil
}

func (h *languageHost) GetRequiredPackages(
	_ context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, pattern := range h.language.installedPlugins(programOf(request.GetInfo())) {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			var needed plugin.PulumiPluginJSON
			if err := json.Unmarshal(text, &needed); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if needed.Resource && needed.Name != "" {
				response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
					Kind:    "resource",
					Name:    needed.Name,
					Version: "v" + strings.TrimPrefix(needed.Version, "v"),
					Server:  needed.Server,
				})
			}
		}
	}
	return response, nil
}

func (h *languageHost) GeneratePackage(
	_ context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	loader, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.GetSchema()), &spec); err != nil {
		return nil, err
	}
	cached := schema.NewCachedLoader(loader)
	pkg, said, err := schema.BindSpec(spec, cached, schema.ValidationOptions{AllowDanglingReferences: true})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(said)}
	if said.HasErrors() {
		return response, nil
	}
	pkg.SupportPack = pkg.SupportPack || request.GetLocal()
	files, err := h.language.sdk(pkg, cached)
	if err != nil {
		return nil, err
	}
	for name, text := range files {
		file := filepath.Join(request.GetDirectory(), name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func (h *languageHost) Link(_ context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	var imports []string
	for _, dependency := range request.GetPackages() {
		how, err := h.language.link(request.GetInfo().GetProgramDirectory(), dependency.GetPath())
		if err != nil {
			return nil, err
		}
		imports = append(imports, how)
	}
	return &pulumirpc.LinkResponse{ImportInstructions: strings.Join(imports, "\n")}, nil
}

// passed sends what a child says on to the engine, one chunk at a time.
type passed struct {
	lock *sync.Mutex
	send func(chunk []byte) error
}

func (p passed) Write(chunk []byte) (int, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	return len(chunk), p.send(chunk)
}

func (h *languageHost) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest,
	stream grpc.ServerStreamingServer[pulumirpc.InstallDependenciesResponse],
) error {
	var lock sync.Mutex
	installed := programOf(request.GetInfo())
	for _, words := range h.language.installation(installed) {
		command := exec.CommandContext(stream.Context(), words[0], words[1:]...)
		command.Dir = installed.folder
		command.Stdout = passed{&lock, func(chunk []byte) error {
			return stream.Send(&pulumirpc.InstallDependenciesResponse{Stdout: chunk})
		}}
		command.Stderr = passed{&lock, func(chunk []byte) error {
			return stream.Send(&pulumirpc.InstallDependenciesResponse{Stderr: chunk})
		}}
		if err := command.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(words, " "), err)
		}
	}
	return nil
}

func (h *languageHost) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	words, env, err := h.language.start(programOf(request.GetInfo()), request, h.engine)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	// An SDK takes an object and a list, and no null.
	config, err := json.Marshal(request.GetConfig())
	if err != nil || request.GetConfig() == nil {
		config = []byte("{}")
	}
	secrets, err := json.Marshal(append([]string{}, request.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Dir = request.GetPwd()
	command.Env = append(os.Environ(), append(env,
		"PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secrets))...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == alreadyReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program failed: %v", err)}, nil
	}
}
