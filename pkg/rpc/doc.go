// Package rpc owns how Muster's services speak gRPC: how a server is put
// together and stopped, how requests are validated, and how errors look on the
// wire. It must not know what any service does.
package rpc
