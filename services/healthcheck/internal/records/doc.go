// Package records owns what the health service must not forget: verdicts on
// instances that were unhealthy, what users said of instances, and the policies
// of groups. It keeps them in a JetStream key-value bucket, and a mirror of the
// bucket in memory, so that every replica can answer. It must not know how
// verdicts come to be.
//
// Keys:
//
//	verdict.<instance>          muster.healthcheck.storage.v1.StoredVerdict
//	user.<instance>             muster.healthcheck.storage.v1.StoredUserHealth
//	policy.<account>.<group>    muster.health.v1.HealthPolicy, no default left out
package records
