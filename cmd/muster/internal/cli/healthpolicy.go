package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"buf.build/go/protoyaml"
	"go.yaml.in/yaml/v3"

	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type healthPolicy struct {
	Set  policySet  `cmd:"" help:"Set how the instances of a group are judged, from a file; --default goes back to the default."`
	Show policyShow `cmd:"" help:"Show how the instances of a group are judged, as a file that can be set; without a group the default."`
}

type policyShow struct {
	client
	Group string `arg:"" optional:"" help:"Id of the group."`
}

// Run shows the policy.
func (c *policyShow) Run(ctx context.Context, on console) error {
	return c.health(func(health healthv1.HealthServiceClient) error {
		got, err := health.GetHealthPolicy(ctx, &healthv1.GetHealthPolicyRequest{GroupId: c.Group})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return writeJSON(on.out, got)
		}
		about := "# The default policy.\n"
		if got.GetOwn() {
			about = "# The policy of group " + tame(c.Group) + ".\n"
		} else if c.Group != "" {
			about = "# Group " + tame(c.Group) + " has no policy of its own: this is the default.\n"
		}
		return writePolicy(on.out, about, got.GetPolicy())
	})
}

// writePolicy writes a policy as YAML.
func writePolicy(out io.Writer, about string, policy *healthv1.HealthPolicy) error {
	text, err := protoyaml.Marshal(policy)
	if err != nil {
		return fmt.Errorf("write YAML: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s%s", about, text)
	return err
}

type policySet struct {
	client
	Group   string `arg:"" help:"Id of the group."`
	File    string `short:"f" placeholder:"FILE" help:"YAML file of a HealthPolicy; - reads standard input."`
	Default bool   `help:"Go back to the default policy."`
}

// Run sets the policy.
func (c *policySet) Run(ctx context.Context, on console) error {
	if c.Default == (c.File != "") {
		return misuse("name a file with -f, or --default")
	}
	request, file := &healthv1.SetHealthPolicyRequest{GroupId: c.Group}, &yamlFile{root: &yaml.Node{}}
	if !c.Default {
		request.Policy = &healthv1.HealthPolicy{}
		data, err := readFile(c.File, on.in, maxGroupFileBytes)
		if err != nil {
			return err
		}
		if file, err = parseYAML(c.File, data, "a HealthPolicy (--default goes back to the default one)", request.GetPolicy()); err != nil {
			return err
		}
	}
	return c.health(func(health healthv1.HealthServiceClient) error {
		set, err := health.SetHealthPolicy(ctx, request)
		if err != nil {
			return file.locateBelow("policy.", err)
		}
		if c.Output == "json" {
			return writeJSON(on.out, set)
		}
		return writePolicy(on.out, "# The policy from now on.\n", set.GetPolicy())
	})
}

// locateBelow points into a file that holds a part of a refused request.
func (f *yamlFile) locateBelow(part string, err error) error {
	for _, violation := range rpc.FieldViolations(err) {
		if f.name == "" || !strings.HasPrefix(violation.GetField(), part) {
			return err
		}
	}
	return located(err, func(field string) (place, name string) { return f.at(strings.TrimPrefix(field, part)) })
}
