package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// kinds is what commands that choose instances by what they are have in common.
type kinds struct {
	Tag     []string `sep:"none" placeholder:"KEY=VALUE" help:"Only instances with this tag; with all of them when given more than once."`
	Zone    string   `placeholder:"ZONE" help:"Only instances of this zone."`
	Type    string   `placeholder:"TYPE" help:"Only instances of this instance type."`
	Billing string   `help:"Only instances of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
}

type fleetList struct {
	client
	kinds
	limited
	Instance []string `placeholder:"ID" help:"Only these instances, at most 100."`
	Status   []string `placeholder:"STATUS" enum:"pending,starting,running,stopping,stopped" help:"Only instances of these statuses: ${enum}."`
	Lock     string   `enum:"recycling,financial,any" default:"any" help:"Only instances under this lock: ${enum}. Recycling ones are about to be reclaimed; the account of financial ones owes. Any: locked or not."`
	Name     string   `placeholder:"PATTERN" help:"Only instances whose name matches; * stands for any characters."`
	Family   string   `placeholder:"FAMILY" help:"Only instances of types of this family, such as ecs.c6."`
}

// Run lists instances, page by page.
func (c *fleetList) Run(ctx context.Context, on console) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		all, err := c.list(ctx, fleet, request)
		if err != nil {
			return err
		}
		if len(all.GetInstances()) == 0 {
			say(on.err, "no instances match")
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			instanceTable(w, all.GetInstances())
			c.more(w.table, all.GetNextPageToken())
		})
	})
}

// request is what the command line asks for, or what is wrong with it.
func (c *fleetList) request() (*fleetv1.ListInstancesRequest, error) {
	tags, err := value.Tags(c.Tag)
	return &fleetv1.ListInstancesRequest{
		InstanceIds: c.Instance, Tags: tags, ZoneId: c.Zone, InstanceType: c.Type, BillingMethod: billingMethod(c.Billing),
		Statuses: statuses(c.Status), OperationLock: fleetv1.OperationLock(fleetv1.OperationLock_value["OPERATION_LOCK_"+enumName(c.Lock)]),
		InstanceName: c.Name, Family: c.Family,
	}, errors.Join(c.check(), of("--tag", err), checkIDs("--instance", c.Instance))
}

// list asks for as many instances as the limit says, as one answer. Its cursor is
// that of the first page: from there a watch misses nothing.
func (l limited) list(ctx context.Context, fleet fleetv1.FleetServiceClient, request *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	all := &fleetv1.ListInstancesResponse{}
	var err error
	all.NextPageToken, err = l.eachPage(mostPage, func(token string, size int32) (int, string, error) {
		request.PageToken, request.PageSize = token, size
		page, err := fleet.ListInstances(ctx, request)
		if all.Cursor == "" {
			all.Cursor = page.GetCursor()
		}
		all.Instances = append(all.Instances, page.GetInstances()...)
		return len(all.Instances), page.GetNextPageToken(), err
	})
	return all, err
}

// more says that a list is longer than its limit.
func (l limited) more(w table, next string) {
	if next != "" {
		w.say(fmt.Sprintf("There are more: name what to list, or a --limit above %d.", l.Limit))
	}
}

func instanceTable(w pricedTable, instances []*fleetv1.Instance) {
	if len(instances) == 0 {
		return
	}
	row(w, "INSTANCE", "NAME", "TYPE", "ZONE", "BILLING", "STATUS", "PRICE/H", "RELEASE", "LOCKS")
	for _, i := range instances {
		row(w, i.GetInstanceId(), orDash(i.GetInstanceName()), i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod()),
			statusText(i), money.FormatMicros(i.GetPriceMicrosPerHour()), stamp(i.GetReleaseTime()), words(i.GetOperationLocks()))
	}
	w.sayPrices()
}

// statusText tells the status of an instance, and its health where that is not
// what the status lets expect.
func statusText(i *fleetv1.Instance) string {
	switch i.GetHealth() {
	case fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED, fleetv1.InstanceHealth_INSTANCE_HEALTH_WARNING,
		fleetv1.InstanceHealth_INSTANCE_HEALTH_MAINTAINING, fleetv1.InstanceHealth_INSTANCE_HEALTH_INSUFFICIENT_DATA:
		return word(i.GetStatus()) + ", " + word(i.GetHealth())
	default:
		return word(i.GetStatus())
	}
}

type fleetShow struct {
	client
	Instance string `arg:"" name:"id" help:"Id of the instance."`
}

// Run shows the instance.
func (c *fleetShow) Run(ctx context.Context, on console) error {
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		listed, err := everything.list(ctx, fleet, &fleetv1.ListInstancesRequest{InstanceIds: []string{c.Instance}})
		if err != nil {
			return err
		}
		if len(listed.GetInstances()) == 0 {
			return fmt.Errorf("there is no instance %q; it may have been released. `muster fleet list` shows those there are", c.Instance)
		}
		found := listed.GetInstances()[0]
		return c.showPriced(ctx, fleet, on.out, found, func(w pricedTable) { describeInstance(w, found) })
	})
}

// describeInstance writes everything about an instance.
func describeInstance(w pricedTable, i *fleetv1.Instance) {
	row(w, "Instance:", i.GetInstanceId())
	row(w, "Name:", orDash(i.GetInstanceName()))
	row(w, "Description:", orDash(i.GetDescription()))
	row(w, "Account:", orDash(i.GetAccountId()))
	row(w, "Pool:", fmt.Sprintf("%s in %s, %s", i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod())))
	status := fmt.Sprintf("%s since %s", word(i.GetStatus()), stamp(i.GetStatusTime()))
	switch i.GetStoppedMode() {
	case fleetv1.StoppedMode_STOPPED_MODE_KEEP_CHARGING:
		status += ", charged for all the same"
	case fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING:
		status += ", in economical mode: only its disks are charged for"
	default:
	}
	row(w, "Status:", status)
	row(w, "Health:", word(i.GetHealth()))
	row(w, "Locks:", words(i.GetOperationLocks()))
	row(w, "Price:", fmt.Sprintf("%s per hour", money.FormatMicros(i.GetPriceMicrosPerHour())))
	if i.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		describeSpot(w.table, i)
	}
	row(w, "Deletion:", map[bool]string{true: "protected", false: "not protected"}[i.GetDeletionProtection()])
	row(w, "Created:", stamp(i.GetCreateTime()))
	row(w, "First ran:", stamp(i.GetStartTime()))
	row(w, "Tags:", tagText(i.GetTags()))
	row(w, "Transitions:", i.GetTransitionNumber())
	if len(i.GetDisks()) > 0 {
		row(w)
		diskTable(w, i.GetDisks())
		return
	}
	w.sayPrices()
}

// describeSpot writes what only spot instances have.
func describeSpot(w table, i *fleetv1.Instance) {
	bid := "the market price"
	if i.GetMaxPriceMicrosPerHour() > 0 {
		bid = money.FormatMicros(i.GetMaxPriceMicrosPerHour()) + " per hour"
	}
	row(w, "Bid:", bid)
	row(w, "Protected until:", stamp(i.GetProtectionEndTime()))
	row(w, "When reclaimed:", or(strings.Trim(word(i.GetInterruptionBehavior()), "-"), "terminate"))
	row(w, "Notice:", stamp(i.GetInterruptionNoticeTime()))
	row(w, "Release:", stamp(i.GetReleaseTime()))
}

// tagText writes tags in order of their keys, or - for none.
func tagText(tags map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, key+"="+tags[key])
	}
	return orDash(strings.Join(all, ", "))
}

// statuses reads statuses of the command line.
func statuses(named []string) []fleetv1.InstanceStatus {
	var all []fleetv1.InstanceStatus
	for _, name := range named {
		status := fleetv1.InstanceStatus(fleetv1.InstanceStatus_value["INSTANCE_STATUS_"+enumName(name)])
		if !slices.Contains(all, status) {
			all = append(all, status)
		}
	}
	return all
}
