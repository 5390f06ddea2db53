package main

import (
	"slices"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// names lists, for each resource and for the provider's configuration, the paths
// of all properties: "ports[].internal" for a list of objects, "sysctls{}" for a map.
func names(info tfbridge.ProviderInfo) map[string][]string {
	all := map[string][]string{"provider": paths("", info.P.Schema(), info.Config)}
	for tf, resource := range info.Resources {
		schema := info.P.ResourcesMap().Get(tf).Schema()
		all[string(resource.Tok)] = paths("", schema, resource.Fields)
	}
	return all
}

func paths(prefix string, schema shim.SchemaMap, fields map[string]*tfbridge.SchemaInfo) []string {
	found := []string{}
	schema.Range(func(key string, value shim.Schema) bool {
		path := prefix + tfbridge.TerraformToPulumiNameV2(key, schema, fields)
		field := fields[key]
		switch value.Type() {
		case shim.TypeMap:
			path += "{}"
		case shim.TypeList, shim.TypeSet:
			if !tfbridge.IsMaxItemsOne(value, field) {
				path += "[]"
			}
		}
		nested, isObject := value.Elem().(shim.Resource)
		if !isObject {
			found = append(found, path)
			return true
		}
		var inner map[string]*tfbridge.SchemaInfo
		if field != nil && field.Elem != nil {
			inner = field.Elem.Fields
		}
		found = append(found, paths(path+".", nested.Schema(), inner)...)
		return true
	})
	slices.Sort(found)
	return found
}
