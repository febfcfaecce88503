package judge

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Defaults of a policy, which its contract names.
const (
	defaultGrace              = 5 * time.Minute
	defaultImpairedAfter      = time.Minute
	defaultMaxFlaps           = 4
	defaultFlapWindow         = 10 * time.Minute
	defaultZonePercent        = 50
	defaultProbeInterval      = 30 * time.Second
	defaultProbeTimeout       = 2 * time.Second
	defaultUnhealthyThreshold = 3
	defaultHealthyThreshold   = 2
)

// A Policy says how instances are judged. Its durations are steady time.
type Policy struct {
	// Probes is what they are asked.
	Probes []ProbePolicy
	// Grace is for how long after its launch an instance is not judged by its
	// health and by probes, unless it was well before.
	Grace time.Duration
	// ImpairedAfter is for how long the cloud must call it ill.
	ImpairedAfter time.Duration
	// MaxFlaps changes of the verdict within FlapWindow damp it.
	MaxFlaps   int
	FlapWindow time.Duration
	// ZonePercent is the share of a zone's probed instances that must not begin
	// to fail together, in percent.
	ZonePercent int
}

// A ProbePolicy says what the answers to one probe mean.
type ProbePolicy struct {
	// Name says what is asked, for people: `TCP port 7090`.
	Name string
	// UnhealthyThreshold is how many failures in a row count as one, and
	// HealthyThreshold how many successes in a row end that.
	UnhealthyThreshold, HealthyThreshold int
}

// Fill makes a policy in which no default is left out. Nil is the default
// policy.
func Fill(policy *healthv1.HealthPolicy) *healthv1.HealthPolicy {
	filled := &healthv1.HealthPolicy{}
	if policy != nil {
		filled = proto.CloneOf(policy)
	}
	fill(&filled.GracePeriod, defaultGrace)
	fill(&filled.ImpairedAfter, defaultImpairedAfter)
	fill(&filled.FlapWindow, defaultFlapWindow)
	filled.MaxFlaps = orDefault(filled.MaxFlaps, defaultMaxFlaps)
	filled.ZoneFailurePercent = orDefault(filled.ZoneFailurePercent, defaultZonePercent)
	for _, probe := range filled.GetProbes() {
		fill(&probe.Interval, defaultProbeInterval)
		fill(&probe.Timeout, defaultProbeTimeout)
		probe.UnhealthyThreshold = orDefault(probe.UnhealthyThreshold, defaultUnhealthyThreshold)
		probe.HealthyThreshold = orDefault(probe.HealthyThreshold, defaultHealthyThreshold)
		if http := probe.GetHttp(); http != nil && http.GetPath() == "" {
			http.Path = "/"
		}
	}
	return filled
}

func fill(field **durationpb.Duration, value time.Duration) {
	if *field == nil {
		*field = durationpb.New(value)
	}
}

func orDefault(value, otherwise int32) int32 {
	if value == 0 {
		return otherwise
	}
	return value
}

// PolicyOf reads a policy in which no default is left out.
func PolicyOf(filled *healthv1.HealthPolicy) *Policy {
	policy := &Policy{
		Grace: filled.GetGracePeriod().AsDuration(), ImpairedAfter: filled.GetImpairedAfter().AsDuration(),
		MaxFlaps: int(filled.GetMaxFlaps()), FlapWindow: filled.GetFlapWindow().AsDuration(), ZonePercent: int(filled.GetZoneFailurePercent()),
	}
	for _, probe := range filled.GetProbes() {
		policy.Probes = append(policy.Probes, ProbePolicy{
			Name: nameOf(probe), UnhealthyThreshold: int(probe.GetUnhealthyThreshold()), HealthyThreshold: int(probe.GetHealthyThreshold()),
		})
	}
	return policy
}
