// Package e2e tests what Muster promises its users, through its public
// services, in every deployment that one machine can run.
package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/seed-198b1370/muster/test/system"
)

// deployments are the shapes every test runs in; set by TestMain.
var deployments []system.Deployment

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "muster-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, err := system.Build(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	deployments = system.Deployments(binary)
	return m.Run()
}

// inEach runs a test body in every deployment.
func inEach(t *testing.T, options system.Options, body func(*testing.T, *system.System)) {
	for _, deployment := range deployments {
		t.Run(deployment.Name, func(t *testing.T) { body(t, deployment.Start(t, options)) })
	}
}
