package cli

import (
	"context"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupInstances struct{ namedGroup }

// Run lists the group's instances, page by page.
func (c *groupInstances) Run(ctx context.Context, on console) error {
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		all := &groupv1.ListGroupInstancesResponse{}
		for request := (&groupv1.ListGroupInstancesRequest{GroupId: id, PageSize: mostPage}); ; {
			page, err := groups.ListGroupInstances(ctx, request)
			if err != nil {
				return err
			}
			all.Instances = append(all.Instances, page.GetInstances()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			if len(all.GetInstances()) == 0 {
				w.say("The group has no instances.")
				return
			}
			row(w, "INSTANCE", "TYPE", "ZONE", "BILLING", "STATUS", "WEIGHT", "PRICE/H", "NOTE")
			for _, member := range all.GetInstances() {
				i := member.GetInstance()
				row(w, i.GetInstanceId(), i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod()), word(i.GetStatus()),
					units(member.GetWeightedCapacity()), money.FormatMicros(i.GetPriceMicrosPerHour()), memberNote(member))
			}
			w.sayPrices()
		})
	})
}

// memberNote is what is to be told of a member besides; - for nothing. A notice
// comes minutes before its instance is released, so that the time of day tells
// when that is.
func memberNote(member *groupv1.GroupInstance) string {
	var notes []string
	if release := member.GetInstance().GetReleaseTime(); release != nil {
		notes = append(notes, "gone at "+release.AsTime().Format(time.TimeOnly))
	}
	if member.GetProtected() {
		notes = append(notes, "protected")
	}
	return orDash(strings.Join(notes, ", "))
}
