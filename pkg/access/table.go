package access

import "strings"

// A Rule is what a call takes.
type Rule struct {
	// Role is the least that may make the call.
	Role Role
	// Changes tells that the call changes something that is worth a line in the
	// record.
	Changes bool
	// Open lets everybody make the call, also without a token.
	Open bool
}

// Rules are the rules of all calls by their full names, as in
// /muster.group.v1.GroupService/GetGroup. A call that has none takes an
// administrator.
func Rules() map[string]Rule {
	var (
		read   = Rule{Role: Viewer}
		change = Rule{Role: Operator, Changes: true}
		inside = Rule{Role: Service}              // of use to services only
		peek   = Rule{Role: Admin}                // shows what belongs to other accounts, or is costly
		run    = Rule{Role: Admin, Changes: true} // changes what accounts share
		open   = Rule{Open: true}
	)
	rules := map[string]Rule{}
	for _, of := range []struct {
		service string
		rule    Rule
		calls   string
	}{
		// Says only whether the service serves, to those who have no token yet:
		// balancers, and whoever waits for the start.
		{"grpc.health.v1.Health", open, "Check Watch List"},
		{"grpc.reflection.v1.ServerReflection", read, "ServerReflectionInfo"},
		{"grpc.reflection.v1alpha.ServerReflection", read, "ServerReflectionInfo"},

		{"muster.group.v1.GroupService", read, "GetGroup ListGroups ListGroupInstances ListActivities PreviewGroup WatchGroup"},
		{"muster.group.v1.GroupService", change, "CreateGroup UpdateGroup DeleteGroup SuspendProcesses ResumeProcesses " +
			"AttachInstances DetachInstances SetInstanceProtection RebalanceGroup"},
		{"muster.group.v1.ScalingService", read, "GetScalingTask ListScalingTasks"},
		{"muster.group.v1.ScalingService", change, "CreateScalingTask UpdateScalingTask DeleteScalingTask ReportMetric"},
		{"muster.group.v1.LaunchTemplateService", read, "GetLaunchTemplate ListLaunchTemplates ListLaunchTemplateVersions"},
		{"muster.group.v1.LaunchTemplateService", change, "CreateLaunchTemplate CreateLaunchTemplateVersion " +
			"SetDefaultLaunchTemplateVersion DeleteLaunchTemplateVersions DeleteLaunchTemplate UpdateLaunchTemplateTags"},

		// A placement counts as a launch that is under way, for every account.
		{"muster.allocator.v1.AllocatorService", inside, "Place PlaceMany"},
		{"muster.allocator.v1.AllocatorService", read, "ScaleIn Rebalance MatchInstanceTypes"},

		{"muster.health.v1.HealthService", read, "WatchInstanceEvents ListDeadEvents ListVerdicts GetHealthPolicy"},
		{"muster.health.v1.HealthService", change, "SetInstanceHealth SetHealthPolicy"},
		{"muster.health.v1.WebhookService", read, "ListWebhooks ListDeadLetters"},
		{"muster.health.v1.WebhookService", change, "SetWebhook DeleteWebhook RedeliverDeadLetters"},

		{"muster.fleet.v1.FleetService", read, "ListRegions ListInstanceTypes ListZones ListPools WatchPools ListInstances " +
			"CountInstances ListInstanceStatuses ListDisks ListSpotPrices ListSpotAdvice WatchInstances"},
		{"muster.fleet.v1.FleetService", change, "RunInstances StartInstances StopInstances RebootInstances DeleteInstances " +
			"UpdateInstanceTags UpdateInstance AttachDisk DetachDisk DeleteDisk"},
		{"muster.fleet.v1.BillingService", read, "GetAccount GetBill"},
		{"muster.fleet.v1.SimulationService", read, "GetClock WatchClock ListStockHistory"},
		{"muster.fleet.v1.SimulationService", peek, "ListFaults ListAccounts GetScenario ListSnapshots Audit"},
		{"muster.fleet.v1.SimulationService", run, "SetClockSpeed PauseClock AdvanceClock ReclaimInstances DrainPools RestorePools " +
			"FailInstances InjectFault ClearFaults SetAccount Deposit CreateSnapshot RestoreSnapshot DeleteSnapshot"},
	} {
		for _, call := range strings.Fields(of.calls) {
			rules["/"+of.service+"/"+call] = of.rule
		}
	}
	return rules
}

// ruleFor is the rule of a call, and the strictest one for one that has none.
func ruleFor(rules map[string]Rule, method string) Rule {
	if rule, ok := rules[method]; ok {
		return rule
	}
	return Rule{Role: Admin, Changes: true}
}
