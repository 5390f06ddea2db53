package main

import (
	"github.com/ollama-mesh/ollama-mesh/sdk/go/ollamamesh"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		settings := config.New(ctx, "")
		vendor := ollamamesh.GpuVendor(settings.Require("gpus"))
		port := settings.RequireInt("port")
		mesh, err := ollamamesh.NewOllamaMesh(ctx, ctx.Project()+"-"+ctx.Stack(), &ollamamesh.OllamaMeshArgs{
			Nodes: []ollamamesh.NodeArgs{{
				Name: "one",
				Host: pulumi.StringRef(settings.Require("host")),
				Gpus: &ollamamesh.GpuArgs{Vendor: &vendor},
			}},
			Models:   []string{settings.Require("model")},
			Balancer: &ollamamesh.BalancerArgs{Listen: &ollamamesh.ListenArgs{Port: &port}},
		})
		if err != nil {
			return err
		}
		ctx.Export("endpoint", mesh.Endpoint)
		ctx.Export("nodes", mesh.Nodes)
		ctx.Export("curl", mesh.Curl)
		return nil
	})
}
