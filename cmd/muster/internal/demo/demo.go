// Package demo owns the story that `muster demo` tells: a group that keeps its
// capacity through the reclaim of its biggest pool. It uses the system as any
// client would, over gRPC; it must not reach into a service.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// Config tells how the demo is run.
type Config struct {
	// Seed of the simulated market.
	Seed uint64
	// Out is where the story is told.
	Out io.Writer
	// Width tells how many columns the terminal has on which one picture is
	// redrawn in place. Nil: lines follow one another.
	Width func() int
	// Log takes what goes wrong.
	Log *slog.Logger
}

// The speeds of the story, in simulated seconds a second, and how long its
// parts may take at most, in real time.
const (
	watchSpeed   = 8    // slow enough to see what happens
	skipSpeed    = 1200 // an hour in three seconds
	chapterLimit = time.Minute
)

// Run tells the story and ends by itself in about a minute.
func Run(ctx context.Context, config Config) error {
	system, err := stack.Start(ctx, stack.Config{Seed: config.Seed, Speed: watchSpeed, Log: config.Log, Grace: time.Second})
	if err != nil {
		return err
	}
	err = newStory(system.Conn(), newView(config.Out, config.Width)).tell(ctx)
	return errors.Join(err, system.Stop())
}

// A story is one run of the demo.
type story struct {
	groups     groupv1.GroupServiceClient
	simulation fleetv1.SimulationServiceClient
	watcher    *watcher
	view       *view
}

func newStory(conn *grpc.ClientConn, view *view) *story {
	return &story{
		groups: groupv1.NewGroupServiceClient(conn), simulation: fleetv1.NewSimulationServiceClient(conn),
		watcher: newWatcher(conn, view), view: view,
	}
}

// tell runs the chapters one after another, with the watcher beside them.
func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, err := s.create(ctx)
	if err != nil {
		return err
	}
	watched := make(chan error, 1)
	go func() { watched <- s.watcher.run(ctx, group.GetGroupId()) }()
	err = s.chapters(ctx)
	cancel()
	return errors.Join(err, ignoreCancelled(<-watched))
}

func (s *story) chapters(ctx context.Context) error {
	if err := s.await(ctx, "the group to be delivered", (*snapshot).delivered); err != nil {
		return err
	}
	s.view.say("Delivered: 120 units run. Spot instances are protected from reclaim for their first hour; skipping it.")
	if err := s.skipProtection(ctx); err != nil {
		return err
	}
	before, err := s.reclaimBiggestPool(ctx)
	if err != nil {
		return err
	}
	if err := s.await(ctx, "the group to be back at its target", func(now *snapshot) bool {
		return now.delivered() && now.tally.noticed >= before.tally.noticed+1
	}); err != nil {
		return err
	}
	s.view.say("Back at the target, while the reclaimed instances still have minutes to live. Waiting for their release.")
	if err := s.await(ctx, "the reclaimed instances to be released", func(now *snapshot) bool {
		return now.delivered() && now.group.GetCapacity().GetNoticedInstances() == 0
	}); err != nil {
		return err
	}
	s.summarize(before)
	return nil
}

func (s *story) create(ctx context.Context) (*groupv1.Group, error) {
	request := demoGroup()
	s.view.say("Creating a group: 120 units, 20 of them pay-as-you-go and 100 spot, from 4 instance types in 3 zones, spot over the 4 cheapest pools.")
	created, err := s.groups.CreateGroup(ctx, request)
	if err != nil {
		return nil, err
	}
	return created.GetGroup(), nil
}

// demoGroup is the request that the story begins with.
func demoGroup() *groupv1.CreateGroupRequest {
	spec := &groupv1.GroupSpec{
		Name: "demo", Type: groupv1.GroupType_GROUP_TYPE_MAINTAIN,
		TargetCapacity: &groupv1.TargetCapacity{Total: 120, PayAsYouGo: 20, Spot: 100},
		Spot:           &groupv1.SpotOptions{PoolsToUse: 4},
	}
	for _, instanceType := range []string{"ecs.c6.large", "ecs.c7.large", "ecs.g6.large", "ecs.g7.large"} {
		for _, zone := range []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: zone, InstanceType: instanceType})
		}
	}
	return &groupv1.CreateGroupRequest{RequestId: "demo", Spec: spec}
}

// skipProtection lets simulated time run until no spot instance is protected.
func (s *story) skipProtection(ctx context.Context) error {
	if err := s.setSpeed(ctx, skipSpeed); err != nil {
		return err
	}
	if err := s.await(ctx, "the protection to end", (*snapshot).unprotected); err != nil {
		return err
	}
	return s.setSpeed(ctx, watchSpeed)
}

func (s *story) setSpeed(ctx context.Context, speed float64) error {
	_, err := s.simulation.SetClockSpeed(ctx, &fleetv1.SetClockSpeedRequest{Speed: speed})
	return err
}

// reclaimBiggestPool has the cloud take back the biggest spot pool and returns
// how things stood before.
func (s *story) reclaimBiggestPool(ctx context.Context) (*snapshot, error) {
	before := s.watcher.latest()
	biggest := before.biggestSpotPool()
	if biggest == nil {
		return nil, errors.New("the group has no spot instances to reclaim")
	}
	s.view.say(fmt.Sprintf("The cloud takes back the biggest pool: %d instances of %s in %s, and sells no more of it. Each has five minutes from its notice.",
		biggest.instances, biggest.instanceType, biggest.zone))
	pools := &fleetv1.PoolSelector{
		ZoneId: biggest.zone, InstanceType: biggest.instanceType, BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
	}
	if _, err := s.simulation.DrainPools(ctx, &fleetv1.DrainPoolsRequest{Pools: pools}); err != nil {
		return nil, err
	}
	_, err := s.simulation.ReclaimInstances(ctx, &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: pools},
	})
	return before, err
}

// await waits until what is seen meets a condition.
func (s *story) await(ctx context.Context, what string, met func(*snapshot) bool) error {
	ctx, cancel := context.WithTimeout(ctx, chapterLimit)
	defer cancel()
	if err := s.watcher.await(ctx, met); err != nil {
		return fmt.Errorf("waited %v for %s: %w", chapterLimit, what, err)
	}
	return nil
}

func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
