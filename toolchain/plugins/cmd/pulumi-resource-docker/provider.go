package main

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/terraform-providers/terraform-provider-docker/shim"
)

func token(name string) string {
	return "docker:index/" + strings.ToLower(name[:1]) + name[1:] + ":" + name
}

// provider maps the upstream names to those of the npm package.
func provider() tfbridge.ProviderInfo {
	resources := map[string]*tfbridge.ResourceInfo{}
	for tf, name := range map[string]string{
		"docker_buildx_builder": "BuildxBuilder",
		"docker_config":         "ServiceConfig",
		"docker_container":      "Container",
		"docker_image":          "RemoteImage",
		"docker_network":        "Network",
		"docker_plugin":         "Plugin",
		"docker_registry_image": "RegistryImage",
		"docker_secret":         "Secret",
		"docker_service":        "Service",
		"docker_tag":            "Tag",
		"docker_volume":         "Volume",
	} {
		resources[tf] = &tfbridge.ResourceInfo{Tok: tokens.Type(token(name))}
	}
	functions := map[string]*tfbridge.DataSourceInfo{}
	for tf, name := range map[string]string{
		"docker_image":                    "RemoteImage",
		"docker_logs":                     "Logs",
		"docker_network":                  "Network",
		"docker_plugin":                   "Plugin",
		"docker_registry_image":           "RegistryImage",
		"docker_registry_image_manifests": "RegistryImageManifests",
	} {
		functions[tf] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(
			"docker:index/get" + name + ":get" + name)}
	}

	// Names that the npm package does not derive from the Terraform ones.
	container := resources["docker_container"]
	container.DeleteBeforeReplace = true
	container.Fields = map[string]*tfbridge.SchemaInfo{
		"command":           {Name: "command"},
		"networks_advanced": {Name: "networksAdvanced"},
	}

	info := tfbridge.ProviderInfo{
		P:           shimv2.NewProvider(asking(shim.New(version))),
		Name:        "docker",
		Version:     version,
		Description: description,
		Resources:   resources,
		DataSources: functions,
		Config: map[string]*tfbridge.SchemaInfo{
			"host": {Default: &tfbridge.DefaultInfo{
				Value: "unix:///var/run/docker.sock", EnvVars: []string{"DOCKER_HOST"}}},
			"registry_auth": {Name: "registryAuth"},
		},
	}
	info.SetAutonaming(255, "-")
	return info
}
