module github.com/seed-198b1370/muster/proto

go 1.26.0

replace github.com/seed-198b1370/muster/cmd/muster => ../cmd/muster

replace github.com/seed-198b1370/muster/pkg => ../pkg

replace github.com/seed-198b1370/muster/services/allocator => ../services/allocator

replace github.com/seed-198b1370/muster/services/fleetsim => ../services/fleetsim

replace github.com/seed-198b1370/muster/services/groupsvc => ../services/groupsvc

replace github.com/seed-198b1370/muster/services/healthcheck => ../services/healthcheck

replace github.com/seed-198b1370/muster/test => ../test

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260819154853-08b0e4226688 // indirect
)

replace github.com/seed-198b1370/muster/services/gateway => ../services/gateway
