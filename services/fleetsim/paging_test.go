package fleetsim_test

import (
	"fmt"
	"slices"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// TestListInstances_pagesStayWhileTheFleetChanges launches and releases between
// pages: what was there all the time is listed once, in its order, and what came
// later comes last.
func TestListInstances_pagesStayWhileTheFleetChanges(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	ids := c.run(launch("a", 30))
	var listed []string
	req := &fleetv1.ListInstancesRequest{PageSize: 7}
	for page := 0; ; page++ {
		resp, err := c.fleet.ListInstances(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, instance := range resp.GetInstances() {
			listed = append(listed, instance.GetInstanceId())
		}
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			break
		}
		if page < 3 { // one that was listed, the last one listed, and one that is still to come
			last := 7*(page+1) + page - 1
			c.must("FleetService/DeleteInstances", &fleetv1.DeleteInstancesRequest{InstanceIds: []string{ids[page], ids[last], ids[last+1]}})
			c.run(launch(fmt.Sprint("late", page), 1))
		}
	}
	var want []string
	for i, id := range ids {
		if i != 7 && i != 15 && i != 23 {
			want = append(want, id)
		}
	}
	if len(listed) != 30 || !slices.Equal(listed[:27], want) || !slices.IsSorted(listed) {
		t.Errorf("listed %v", listed)
	}
}
