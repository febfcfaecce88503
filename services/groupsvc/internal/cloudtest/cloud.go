// Package cloudtest owns a small cloud and a small allocator for the group
// service's tests: they behave, with stock, prices, late lists and lost
// replies, but hold no opinion on what a caller should do. It must not know the
// group service's packages.
package cloudtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// bootTime is how long an instance takes to run.
const bootTime = 10 * time.Second

// Pool names a pool.
type Pool struct {
	// Zone is the pool's zone.
	Zone string
	// Type is its instance type.
	Type string
	// Method is its billing method.
	Method fleetv1.BillingMethod
}

// Cloud is a cloud in memory. Its fields are set before it is used.
type Cloud struct {
	fleetv1.UnimplementedFleetServiceServer
	// Clock tells the time.
	Clock clock.Clock
	// Fault, unless nil, is asked before and after the effect of each call
	// whether the call fails there.
	Fault func(point string) error
	// ListDelay is how old an instance must be to be listed.
	ListDelay time.Duration
	// Disks is the categories that zones offer; a zone that is not named offers
	// all.
	Disks map[string][]fleetv1.DiskCategory
	// Accounts are those that there are besides the default one.
	Accounts []string

	mu sync.Mutex
	// All guarded by mu.
	stock     map[Pool]int
	prices    map[string]int64 // list prices by type
	vcpus     map[string]int32 // by type
	memoryMiB map[string]int64 // by type
	zones     map[string]bool
	instances []*fleetv1.Instance
	answers   map[string]*answer
	restocked map[Pool]time.Time
	created   int
	released  int
	started   int
}

type answer struct {
	request  *fleetv1.RunInstancesRequest
	response *fleetv1.RunInstancesResponse
}

// NewCloud makes a cloud without pools.
func NewCloud(c clock.Clock) *Cloud {
	return &Cloud{Clock: c, stock: map[Pool]int{}, prices: map[string]int64{}, vcpus: map[string]int32{}, memoryMiB: map[string]int64{}, zones: map[string]bool{}, answers: map[string]*answer{}, restocked: map[Pool]time.Time{}}
}

// Sell puts a type on sale in a zone, under both billing methods, at a list
// price in micro-units of the currency per hour. Spot costs a quarter of it.
func (c *Cloud) Sell(zone, instanceType string, price int64, payAsYouGo, spot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.zones[zone], c.prices[instanceType] = true, price
	c.stock[Pool{zone, instanceType, fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO}] = payAsYouGo
	c.stock[Pool{zone, instanceType, fleetv1.BillingMethod_BILLING_METHOD_SPOT}] = spot
}

// SetVCPUs sets how many vCPUs a type has; 0 unless it is called.
func (c *Cloud) SetVCPUs(instanceType string, vcpus int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vcpus[instanceType] = vcpus
}

// SetMemory sets how much memory a type has, in MiB; 0 unless it is called.
func (c *Cloud) SetMemory(instanceType string, mib int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memoryMiB[instanceType] = mib
}

// SetStock sets the stock of a pool.
func (c *Cloud) SetStock(pool Pool, stock int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stock > c.stock[pool] {
		c.restocked[pool] = c.Clock.Now()
	}
	c.stock[pool] = stock
}

// Stock tells the stock of a pool and whether it is on sale.
func (c *Cloud) Stock(pool Pool) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stock, sold := c.stock[pool]
	return stock, sold
}

// Price tells what an instance of a pool costs, in micro-units of the currency
// per hour.
func (c *Cloud) Price(pool Pool) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.price(pool)
}

func (c *Cloud) price(pool Pool) int64 {
	if pool.Method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return c.prices[pool.Type] / 4
	}
	return c.prices[pool.Type]
}

// Instances are copies of those that carry a tag, in order of creation; of all
// for an empty key.
func (c *Cloud) Instances(key, value string) []*fleetv1.Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*fleetv1.Instance
	for _, instance := range c.instances {
		if key == "" || instance.GetTags()[key] == value {
			found = append(found, c.shown(instance))
		}
	}
	return found
}

// shown is an instance as it is now.
func (c *Cloud) shown(instance *fleetv1.Instance) *fleetv1.Instance {
	shown := proto.CloneOf(instance)
	if shown.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING && c.age(instance) >= bootTime {
		shown.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
	}
	return shown
}

func (c *Cloud) age(instance *fleetv1.Instance) time.Duration {
	return c.Clock.Now().Sub(instance.GetCreateTime().AsTime())
}

// Created tells how many instances were ever launched.
func (c *Cloud) Created() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.created
}

// Change changes an instance behind everybody's back; a nil change releases it.
func (c *Cloud) Change(id string, change func(*fleetv1.Instance)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if change == nil {
		c.release(id)
		return
	}
	if at := c.find(id); at >= 0 {
		change(c.instances[at])
	}
}

// Notice gives an instance its interruption notice.
func (c *Cloud) Notice(id string) {
	now := c.Clock.Now()
	c.Change(id, func(i *fleetv1.Instance) {
		i.InterruptionNoticeTime, i.ReleaseTime = timestamppb.New(now), timestamppb.New(now.Add(5*time.Minute))
	})
}

func (c *Cloud) find(id string) int {
	return slices.IndexFunc(c.instances, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == id })
}

// owns tells whether an instance is there and the caller's.
func (c *Cloud) owns(ctx context.Context, id string) bool {
	at := c.find(id)
	return at >= 0 && c.instances[at].GetAccountId() == rpc.AccountOf(ctx)
}

func (c *Cloud) release(id string) bool {
	at := c.find(id)
	if at < 0 {
		return false
	}
	gone := c.instances[at]
	if gone.GetStoppedMode() != fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING {
		c.stock[poolOf(gone)]++
	}
	c.instances = slices.Delete(c.instances, at, at+1)
	c.released++
	return true
}

// refuseCaller refuses a call for an account that there is not.
func (c *Cloud) refuseCaller(ctx context.Context) error {
	caller := rpc.AccountOf(ctx)
	if caller == rpc.DefaultAccount || slices.Contains(c.Accounts, caller) {
		return nil
	}
	return rpc.Error(codes.Unauthenticated, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND, map[string]string{"account_id": caller}, "no such account")
}

// do makes a call of the caller's fail where the test wants it, and for an account
// that there is not.
func do[T any](ctx context.Context, c *Cloud, name string, effect func() (T, error)) (T, error) {
	if err := c.refuseCaller(ctx); err != nil {
		var none T
		return none, err
	}
	if c.Fault != nil {
		if err := c.Fault("before " + name); err != nil {
			var none T
			return none, err
		}
	}
	result, err := func() (T, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return effect()
	}()
	if c.Fault != nil {
		if err := c.Fault("after " + name); err != nil {
			var none T
			return none, err
		}
	}
	return result, err
}

// RunInstances implements FleetService.
func (c *Cloud) RunInstances(ctx context.Context, req *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	return do(ctx, c, "RunInstances", func() (*fleetv1.RunInstancesResponse, error) {
		if known, ok := c.answers[rpc.AccountOf(ctx)+" "+req.GetRequestId()]; ok {
			if !proto.Equal(known.request, req) {
				return nil, rpc.Error(codes.InvalidArgument, fleetv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH, nil, "mismatch")
			}
			return known.response, nil
		}
		pool := Pool{req.GetZoneId(), req.GetInstanceType(), req.GetBillingMethod()}
		if req.GetMaxPriceMicrosPerHour() > 0 && req.GetMaxPriceMicrosPerHour() < c.price(pool) {
			return nil, rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET, nil, "too cheap")
		}
		if !c.offers(req) {
			return nil, rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE, nil, "no such disk")
		}
		amount := min(int(req.GetAmount()), c.stock[pool])
		if amount < int(cmp.Or(req.GetMinAmount(), req.GetAmount())) {
			return nil, rpc.Error(codes.ResourceExhausted, fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK, nil, "sold out")
		}
		response := &fleetv1.RunInstancesResponse{}
		for i := range amount {
			response.InstanceIds = append(response.InstanceIds, c.launch(rpc.AccountOf(ctx), pool, req, i))
		}
		c.answers[rpc.AccountOf(ctx)+" "+req.GetRequestId()] = &answer{proto.CloneOf(req), response}
		return response, nil
	})
}

// launch creates the instance at a place of a launch.
func (c *Cloud) launch(account string, pool Pool, req *fleetv1.RunInstancesRequest, place int) string {
	c.created++
	c.stock[pool]--
	instance := &fleetv1.Instance{
		InstanceId: fmt.Sprintf("i-%08d", c.created), AccountId: account,
		ZoneId: pool.Zone, InstanceType: pool.Type, BillingMethod: pool.Method,
		Status: fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, Tags: maps.Clone(req.GetTags()),
		InterruptionBehavior: req.GetInterruptionBehavior(), StatusTime: timestamppb.New(c.Clock.Now()),
		PriceMicrosPerHour: c.price(pool), MaxPriceMicrosPerHour: req.GetMaxPriceMicrosPerHour(),
		CreateTime: timestamppb.New(c.Clock.Now()),
	}
	c.furnish(instance, req, place)
	c.instances = append(c.instances, instance)
	return instance.GetInstanceId()
}

// DeleteInstances implements FleetService.
func (c *Cloud) DeleteInstances(ctx context.Context, req *fleetv1.DeleteInstancesRequest) (*fleetv1.DeleteInstancesResponse, error) {
	return do(ctx, c, "DeleteInstances", func() (*fleetv1.DeleteInstancesResponse, error) {
		response := &fleetv1.DeleteInstancesResponse{}
		for _, id := range req.GetInstanceIds() {
			if at := c.find(id); c.owns(ctx, id) && c.instances[at].GetDeletionProtection() {
				return nil, rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_DELETION_PROTECTED, map[string]string{"instance_id": id}, "protected from deletion")
			}
		}
		for _, id := range req.GetInstanceIds() {
			if !c.owns(ctx, id) || !c.release(id) {
				response.MissingInstanceIds = append(response.MissingInstanceIds, id)
			}
		}
		return response, nil
	})
}

// UpdateInstanceTags implements FleetService.
func (c *Cloud) UpdateInstanceTags(ctx context.Context, req *fleetv1.UpdateInstanceTagsRequest) (*fleetv1.UpdateInstanceTagsResponse, error) {
	return do(ctx, c, "UpdateInstanceTags", func() (*fleetv1.UpdateInstanceTagsResponse, error) {
		for _, id := range req.GetInstanceIds() {
			if !c.owns(ctx, id) {
				return nil, rpc.Error(codes.NotFound, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND, map[string]string{"instance_id": id}, "gone")
			}
		}
		for _, id := range req.GetInstanceIds() {
			instance := c.instances[c.find(id)]
			if instance.Tags == nil {
				instance.Tags = map[string]string{}
			}
			tags := instance.GetTags()
			for _, key := range req.GetRemoveTagKeys() {
				delete(tags, key)
			}
			maps.Copy(tags, req.GetSetTags())
		}
		return &fleetv1.UpdateInstanceTagsResponse{}, nil
	})
}
