package main

import (
	"context"
	"errors"
	"fmt"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// implemented is the one resource type that is not refused.
const implemented = "command:local:Command"

const wayOut = "this is " + description + ": install the official command plugin (pulumi plugin install resource command " + version + ")"

// refuseAssets refuses the inputs of Command that are known but not implemented.
func refuseAssets(in Inputs) error {
	if in.AssetPaths != nil || in.ArchivePaths != nil {
		return errors.New("assetPaths and archivePaths are not implemented; " + wayOut)
	}
	return nil
}

// refuseType refuses the resources of the npm package that are not implemented.
func refuseType(urn resource.URN) error {
	if kind := string(urn.Type()); kind != implemented {
		return fmt.Errorf("%s is not implemented; %s", kind, wayOut)
	}
	return nil
}

// refusing says for everything that is not implemented what to do, on preview already.
func refusing(p provider.Provider) provider.Provider {
	wrapped := p
	wrapped.Check = func(ctx context.Context, r provider.CheckRequest) (provider.CheckResponse, error) {
		if err := refuseType(r.Urn); err != nil {
			return provider.CheckResponse{}, err
		}
		for _, name := range []string{"assetPaths", "archivePaths"} {
			if _, given := r.Inputs.GetOk(name); given {
				return provider.CheckResponse{}, fmt.Errorf("%s is not implemented; %s", name, wayOut)
			}
		}
		return p.Check(ctx, r)
	}
	wrapped.Diff = func(ctx context.Context, r provider.DiffRequest) (provider.DiffResponse, error) {
		if err := refuseType(r.Urn); err != nil {
			return provider.DiffResponse{}, err
		}
		return p.Diff(ctx, r)
	}
	wrapped.Read = func(ctx context.Context, r provider.ReadRequest) (provider.ReadResponse, error) {
		if err := refuseType(r.Urn); err != nil {
			return provider.ReadResponse{}, err
		}
		return p.Read(ctx, r)
	}
	wrapped.Delete = func(ctx context.Context, r provider.DeleteRequest) error {
		if err := refuseType(r.Urn); err != nil {
			return err
		}
		return p.Delete(ctx, r)
	}
	wrapped.Invoke = func(_ context.Context, r provider.InvokeRequest) (provider.InvokeResponse, error) {
		return provider.InvokeResponse{}, fmt.Errorf("the function %s is not implemented; %s", r.Token, wayOut)
	}
	return wrapped
}
