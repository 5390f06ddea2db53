package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// asking makes Configure behave as the official plugin's: its half for images
// makes a client of its own, which hears DOCKER_HOST, DOCKER_CERT_PATH and the
// like, and asks every engine that is not behind ssh whether it is there.
func asking(upstream *schema.Provider) *schema.Provider {
	configure := upstream.ConfigureContextFunc
	upstream.ConfigureContextFunc = func(ctx context.Context, d *schema.ResourceData) (any, diag.Diagnostics) {
		if err := ask(ctx, d); err != nil {
			return nil, diag.FromErr(fmt.Errorf("docker native provider returned an unexpected error from Configure: %w", err))
		}
		return configure(ctx, d)
	}
	return upstream
}

func ask(ctx context.Context, d *schema.ResourceData) error {
	host := d.Get("host").(string)
	opts := []client.Opt{client.FromEnv}
	if path := d.Get("cert_path").(string); path != "" {
		file := func(name string) string { return filepath.Join(path, name) }
		opts = append(opts, client.WithTLSClientConfig(file("ca.pem"), file("cert.pem"), file("key.pem")), client.WithHost(host))
	} else {
		helper, err := connhelper.GetConnectionHelperWithSSHOpts(host, sshOptions(d))
		if err != nil {
			return err
		}
		if helper != nil {
			opts = append(opts, client.WithDialContext(helper.Dialer), client.WithHost(helper.Host))
			_, err = client.NewClientWithOpts(opts...)
			return err
		}
		opts = append(opts, client.WithHost(host))
	}
	engine, err := client.NewClientWithOpts(append(opts, client.WithAPIVersionNegotiation())...)
	if err != nil {
		return err
	}
	if _, err := engine.Ping(ctx); err != nil {
		return errors.New("failed to connect to any docker daemon")
	}
	return nil
}

func sshOptions(d *schema.ResourceData) []string {
	var options []string
	for _, option := range d.Get("ssh_opts").([]any) {
		options = append(options, option.(string))
	}
	return options
}
