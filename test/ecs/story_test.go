package ecs_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// TestStory lives through the life of a group as a user of the ECS API does,
// with each client library. Only what nobody can order from a cloud is ordered
// from the simulator: time, the reclaim, and that stock is gone.
func TestStory(t *testing.T) {
	s := start(t)
	bothClients(t, s, func(t *testing.T, call client) { newStory(t, s, call).tell() })
}

// A story is a group that keeps its target, and what it is asked through.
type story struct {
	t         *testing.T
	s         *system
	call      client
	simulator fleetv1.SimulationServiceClient
	region    params
	group     params // names the group
	template  string
}

// types are the instance types of the group, the cheaper one first.
func (*story) types() []string { return []string{"ecs.c6.large", "ecs.c6.xlarge"} }

func newStory(t *testing.T, s *system, call client) *story {
	t.Helper()
	return &story{t: t, s: s, call: call, simulator: fleetv1.NewSimulationServiceClient(s.Conn()), region: params{"RegionId": s.region}}
}

func (s *story) tell() {
	s.t.Helper()
	s.create()
	first := s.awaitMembers(4)
	s.reclaimOne(first)
	s.soldOut()
	s.shrink()
	s.history(first)
	s.end()
}

// create makes a launch template and a group from it.
func (s *story) create() {
	s.t.Helper()
	made := must(s.t, s.call, "CreateLaunchTemplate", s.region.with("LaunchTemplateName", "story", "ImageId", "img-1", "SecurityGroupId", "sg-1",
		"InstanceName", "web[1,3]", "SpotDuration", "0", "Tag.1.Key", "role", "Tag.1.Value", "story"))
	s.template = text(made, "LaunchTemplateId")
	call := s.region.with("AutoProvisioningGroupName", "story", "AutoProvisioningGroupType", "maintain", "LaunchTemplateId", s.template, "LaunchTemplateVersion", "1",
		"TotalTargetCapacity", "4", "PayAsYouGoTargetCapacity", "1", "SpotTargetCapacity", "3", "ExcessCapacityTerminationPolicy", "termination")
	for i, name := range s.types() {
		config := "LaunchTemplateConfig." + strconv.Itoa(i+1) + "."
		call = call.with(config+"VSwitchId", "vsw-"+s.s.zone, config+"InstanceType", name, config+"WeightedCapacity", "1")
	}
	s.group = s.region.with("AutoProvisioningGroupId", text(must(s.t, s.call, "CreateAutoProvisioningGroup", call), "AutoProvisioningGroupId"))
}

// members are the instances of the group that run.
func (s *story) members() []any {
	s.t.Helper()
	return slices.DeleteFunc(list(must(s.t, s.call, "DescribeAutoProvisioningGroupInstances", s.group.with("PageSize", "100")), "Instances", "Instance"),
		func(member any) bool { return text(member, "Status") != "Running" })
}

// awaitMembers waits until the group is delivered with so many instances, and
// nothing else is left of it.
func (s *story) awaitMembers(count int) []any {
	s.t.Helper()
	var members []any
	await(s.t, "a group of so many instances", func() bool {
		members = s.members()
		return len(members) == count && len(s.instances()) == count && text(s.told(), "State") == "fulfilled"
	})
	return members
}

// instances are those that the template's tag finds.
func (s *story) instances(pairs ...string) []any {
	s.t.Helper()
	return list(must(s.t, s.call, "DescribeInstances", s.region.with("PageSize", "100", "Tag.1.Key", "role", "Tag.1.Value", "story").with(pairs...)), "Instances", "Instance")
}

// told is what is told of the group.
func (s *story) told() any {
	s.t.Helper()
	return at(must(s.t, s.call, "DescribeAutoProvisioningGroups", s.region.with("AutoProvisioningGroupId.1", s.group["AutoProvisioningGroupId"])),
		"AutoProvisioningGroups", "AutoProvisioningGroup", 0)
}

func (s *story) speed(speed float64) {
	s.t.Helper()
	if _, err := s.simulator.SetClockSpeed(s.t.Context(), &fleetv1.SetClockSpeedRequest{Speed: speed}); err != nil {
		s.t.Fatal(err)
	}
}

// termination is what the metadata of an instance tells of its end.
func (s *story) termination(id string) (status int, body string) {
	s.t.Helper()
	url := "http://" + s.s.MetadataAddr() + "/" + id + "/latest/meta-data/instance/spot/termination-time"
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

// notice is the time in the event that an instance will be reclaimed. Events are
// not in the ECS API, here as in the cloud.
func (s *story) notice(id string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	stream, err := healthv1.NewHealthServiceClient(s.s.Conn()).WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{
		FromStart: true, InstanceId: id, Kinds: []healthv1.InstanceEventKind{healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			s.t.Fatal(err)
		}
		if event := response.GetEvent(); event != nil {
			return event.GetReleaseTime().AsTime().Format(metadataTime)
		}
	}
}

// metadataTime is how metadata writes times.
const metadataTime = "2006-01-02T15:04:05Z"

// reclaimOne has an instance taken back: it is locked, its metadata tells when
// it ends, and another stands in for it before it does.
func (s *story) reclaimOne(before []any) {
	s.t.Helper()
	for _, instance := range s.instances() {
		if text(instance, "ImageId") != "img-1" || !strings.HasPrefix(text(instance, "InstanceName"), "web") {
			s.t.Errorf("not made from the template: %v", instance)
		}
	}
	victim := text(before[slices.IndexFunc(before, func(member any) bool { return at(member, "IsSpot") == true })], "InstanceId")
	if status, _ := s.termination(victim); status != http.StatusNotFound {
		s.t.Errorf("a termination time before the notice: %d", status)
	}
	s.speed(1) // so that the five minutes of the notice are long
	reclaimed, err := s.simulator.ReclaimInstances(s.t.Context(), &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: []string{victim}}},
	})
	if err != nil || reclaimed.GetNoticedInstances() != 1 {
		s.t.Fatal(reclaimed, err)
	}
	locked := s.instances("LockReason", "Recycling")
	if len(locked) != 1 || text(locked, 0, "InstanceId") != victim || text(locked, 0, "OperationLocks", "LockReason", 0, "LockReason") != "Recycling" {
		s.t.Errorf("locked: %v", locked)
	}
	// As in the cloud, where it is no system event of the instance either.
	full := must(s.t, s.call, "DescribeInstancesFullStatus", s.region.with("InstanceId.1", victim))
	if set := at(full, "InstanceFullStatusSet", "InstanceFullStatusType", 0); text(set, "InstanceId") != victim || len(list(set, "ScheduledSystemEventSet", "ScheduledSystemEventType")) != 0 {
		s.t.Errorf("full status: %v", full)
	}
	status, when := s.termination(victim)
	if _, err := time.Parse(metadataTime, when); status != http.StatusOK || err != nil {
		s.t.Errorf("termination time: %d %q", status, when)
	}
	if noticed := s.notice(victim); noticed != when {
		s.t.Errorf("the event tells of the end at %s, the metadata at %s", noticed, when)
	}
	await(s.t, "a replacement beside what is reclaimed", func() bool {
		return len(s.instances()) == 5 && len(s.instances("InstanceIds", `["`+victim+`"]`)) == 1
	})
	s.speed(speed)
	if after := s.awaitMembers(4); slices.ContainsFunc(after, func(member any) bool { return text(member, "InstanceId") == victim }) {
		s.t.Errorf("%s is still there: %v", victim, after)
	}
}

// soldOut raises the target while there is no spot instance to be had.
func (s *story) soldOut() {
	s.t.Helper()
	pools := func(name string) *fleetv1.PoolSelector {
		return &fleetv1.PoolSelector{InstanceType: name, BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT}
	}
	for _, name := range s.types() {
		if _, err := s.simulator.DrainPools(s.t.Context(), &fleetv1.DrainPoolsRequest{Pools: pools(name)}); err != nil {
			s.t.Fatal(err)
		}
	}
	must(s.t, s.call, "ModifyAutoProvisioningGroup", s.group.with("TotalTargetCapacity", "6", "SpotTargetCapacity", "5"))
	await(s.t, "a group that falls short", func() bool { return text(s.told(), "State") == "error" })
	for _, name := range s.types() {
		if _, err := s.simulator.RestorePools(s.t.Context(), &fleetv1.RestorePoolsRequest{Pools: pools(name)}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.awaitMembers(6)
}

// shrink lowers the target, and the group releases what is above it.
func (s *story) shrink() {
	s.t.Helper()
	must(s.t, s.call, "ModifyAutoProvisioningGroup", s.group.with("TotalTargetCapacity", "2", "SpotTargetCapacity", "1"))
	s.awaitMembers(2)
}

// history holds what the group tells of its tasks: which instances it made and
// gave up, and why it once failed.
func (s *story) history(first []any) {
	s.t.Helper()
	var created, destroyed, codes, statuses []string
	tasks := list(must(s.t, s.call, "DescribeAutoProvisioningGroupHistory", s.group.with("PageSize", "100")),
		"AutoProvisioningGroupHistories", "AutoProvisioningGroupHistory")
	for _, task := range tasks {
		if !strings.HasPrefix(text(task, "TaskId"), "apg-task-") || text(task, "StartTime") == "" || text(task, "LastEventTime") < text(task, "StartTime") {
			s.t.Errorf("task %v", task)
		}
		statuses = append(statuses, text(task, "Status"))
		for _, detail := range list(task, "ActivityDetails", "ActivityDetail") {
			created = append(created, texts(list(detail, "CreatedInstanceIds", "CreatedInstanceId"))...)
			destroyed = append(destroyed, texts(list(detail, "DestroyedInstanceIds", "DestroyedInstanceId"))...)
			for _, message := range list(detail, "ErrorMessages", "ErrorMessage") {
				codes = append(codes, text(message, "Code"))
			}
		}
	}
	for _, member := range first {
		if !slices.Contains(created, text(member, "InstanceId")) {
			s.t.Errorf("no task tells that it made %s: %v", text(member, "InstanceId"), created)
		}
	}
	if len(created) != 7 || len(destroyed) != 4 {
		s.t.Errorf("made %v, gave up %v; want 4, 1 and 2 made, 4 given up", created, destroyed)
	}
	if !slices.Contains(codes, "NoInstanceStock") || !slices.Contains(statuses, "failed") || !slices.Contains(statuses, "success") {
		s.t.Errorf("codes %v, statuses %v", codes, statuses)
	}
}

func texts(items []any) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, text(item))
	}
	return out
}

// end deletes the group with all that it has.
func (s *story) end() {
	s.t.Helper()
	must(s.t, s.call, "DeleteAutoProvisioningGroup", s.group.with("TerminateInstances", "true"))
	await(s.t, "everything to be gone", func() bool { return s.told() == nil && len(s.instances()) == 0 })
	must(s.t, s.call, "DeleteLaunchTemplate", s.region.with("LaunchTemplateId", s.template))
	gone := must(s.t, s.call, "DescribeAutoProvisioningGroups", s.region.with("AutoProvisioningGroupId.1", s.group["AutoProvisioningGroupId"], "AutoProvisioningGroupStatus.1", "deleted"))
	if text(gone, "AutoProvisioningGroups", "AutoProvisioningGroup", 0, "Status") != "deleted" {
		s.t.Errorf("the group is told as %v", gone)
	}
	if templates := must(s.t, s.call, "DescribeLaunchTemplates", s.region.with("LaunchTemplateId.1", s.template)); at(templates, "TotalCount") != 0.0 {
		s.t.Errorf("templates: %v", templates)
	}
}
