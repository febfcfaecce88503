// Package metadata owns what instances are told about themselves over HTTP, as
// from the address 100.100.100.200 of the cloud. All instances share one address
// here, so each names itself by the first element of the path:
//
//	GET /<instance id>/latest/meta-data/instance/spot/termination-time
//	GET /<instance id>/latest/user-data
//	PUT /<instance id>/latest/api/token
//
// It must not know how instances live or where they are kept, and never tells
// one instance about another.
package metadata
