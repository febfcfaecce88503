package bench_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

type fleetClients struct {
	fleet   fleetv1.FleetServiceClient
	billing fleetv1.BillingServiceClient
}

func clientsOf(running *stack.Stack) fleetClients {
	return fleetClients{fleetv1.NewFleetServiceClient(running.Conn()), fleetv1.NewBillingServiceClient(running.Conn())}
}

// operation is a call that is made again and again, numbered.
type operation struct {
	name string
	call func(b *testing.B, c fleetClients, n int) error
}

// known is the id of one of the first 10,000 instances, which every fleet has.
func known(n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	number := 1 + n*7919%9_900
	return fmt.Sprintf("i-%010d%c%c%c", 0, digits[number>>10&31], digits[number>>5&31], digits[number&31])
}

// operations is what a fleet is asked for most.
func operations(sold *catalog.Catalog) []operation {
	return []operation{
		{"RunInstances and DeleteInstances", func(b *testing.B, c fleetClients, n int) error {
			request := hundred(sold, n)
			request.RequestId, request.Amount = fmt.Sprint("flat-", n), 1
			launched, err := c.fleet.RunInstances(b.Context(), request)
			if err != nil {
				return err
			}
			_, err = c.fleet.DeleteInstances(b.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: launched.GetInstanceIds()})
			return err
		}},
		{"StopInstances and StartInstances", func(b *testing.B, c fleetClients, n int) error {
			ids := []string{known(n)}
			if _, err := c.fleet.StopInstances(b.Context(), &fleetv1.StopInstancesRequest{InstanceIds: ids, BestEffort: true}); err != nil {
				return err
			}
			_, err := c.fleet.StartInstances(b.Context(), &fleetv1.StartInstancesRequest{InstanceIds: ids, BestEffort: true})
			return err
		}},
		{"UpdateInstance", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.UpdateInstance(b.Context(), &fleetv1.UpdateInstanceRequest{
				InstanceId: known(n), Attributes: &fleetv1.InstanceAttributes{InstanceName: fmt.Sprint("name-", n)},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"instance_name"}},
			})
			return err
		}},
		{"UpdateInstanceTags", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.UpdateInstanceTags(b.Context(), &fleetv1.UpdateInstanceTagsRequest{
				InstanceIds: []string{known(n)}, SetTags: map[string]string{"role": fmt.Sprint(n % 100)},
			})
			return err
		}},
		{"ListInstances by id", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.ListInstances(b.Context(), &fleetv1.ListInstancesRequest{InstanceIds: []string{known(n)}})
			return err
		}},
		{"ListInstances by tag", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.ListInstances(b.Context(), &fleetv1.ListInstancesRequest{Tags: map[string]string{"muster:group": fmt.Sprint("apg-", n%10)}, PageSize: 20})
			return err
		}},
		{"ListInstances by status", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.ListInstances(b.Context(), &fleetv1.ListInstancesRequest{Statuses: []fleetv1.InstanceStatus{fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING}, PageSize: 20})
			return err
		}},
		{"CountInstances by tag", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.CountInstances(b.Context(), &fleetv1.CountInstancesRequest{Tags: map[string]string{"muster:group": fmt.Sprint("apg-", n%10)}})
			return err
		}},
		{"ListInstanceStatuses", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.ListInstanceStatuses(b.Context(), &fleetv1.ListInstanceStatusesRequest{InstanceIds: []string{known(n)}})
			return err
		}},
		{"GetBill of an instance", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.billing.GetBill(b.Context(), &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_InstanceId{InstanceId: known(n)}})
			return err
		}},
		{"GetBill of a tag", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.billing.GetBill(b.Context(), &fleetv1.GetBillRequest{Subject: &fleetv1.GetBillRequest_Tag{Tag: &fleetv1.BilledTag{Key: "muster:group", Value: fmt.Sprint("apg-", n%10)}}})
			return err
		}},
		{"ListPools", func(b *testing.B, c fleetClients, n int) error {
			_, err := c.fleet.ListPools(b.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{sold.Offers()[n%len(sold.Offers())].InstanceType}})
			return err
		}},
	}
}
