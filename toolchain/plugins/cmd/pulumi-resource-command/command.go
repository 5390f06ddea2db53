package main

import (
	"context"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Command is the one resource.
type Command struct{}

// Annotate names the resource: infer would call it command:index:Command, as it lies in package main.
func (c *Command) Annotate(a infer.Annotator) { a.SetToken("local", "Command") }

// Inputs are what the program gives. Pointers all along: a list that is absent
// and one that is empty differ in state.
type Inputs struct {
	Triggers               *[]any             `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Create                 *string            `pulumi:"create,optional"`
	Update                 *string            `pulumi:"update,optional"`
	Delete                 *string            `pulumi:"delete,optional"`
	Interpreter            *[]string          `pulumi:"interpreter,optional"`
	Dir                    *string            `pulumi:"dir,optional"`
	Environment            *map[string]string `pulumi:"environment,optional"`
	Stdin                  *string            `pulumi:"stdin,optional"`
	Logging                *Logging           `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool              `pulumi:"addPreviousOutputInEnv,optional"`
	// Known so that they can be refused with a reason.
	AssetPaths   *[]string `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string `pulumi:"archivePaths,optional"`
}

// State is the inputs and what the last command printed.
type State struct {
	Inputs
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Create runs the create command, if any.
func (Command) Create(ctx context.Context, r infer.CreateRequest[Inputs]) (infer.CreateResponse[State], error) {
	response := infer.CreateResponse[State]{Output: State{Inputs: r.Inputs}}
	id, err := resource.NewUniqueHex(r.Name, 8, 0)
	if err != nil {
		return response, err
	}
	response.ID = id
	if r.DryRun || r.Inputs.Create == nil {
		return response, nil
	}
	return response, run(ctx, *r.Inputs.Create, &response.Output)
}

// Update runs the update command, or the create command where there is none.
func (Command) Update(ctx context.Context, r infer.UpdateRequest[Inputs, State]) (infer.UpdateResponse[State], error) {
	response := infer.UpdateResponse[State]{Output: State{r.Inputs, r.State.Stdout, r.State.Stderr}}
	command := r.Inputs.Update
	if command == nil {
		command = r.Inputs.Create
	}
	if r.DryRun || command == nil {
		return response, nil
	}
	return response, run(ctx, *command, &response.Output)
}

// Delete runs the delete command, if any.
func (Command) Delete(ctx context.Context, r infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	if r.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	return infer.DeleteResponse{}, run(ctx, *r.State.Delete, &r.State)
}
