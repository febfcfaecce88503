module github.com/seed-198b1370/muster/services/fleetsim

go 1.26.0

replace github.com/seed-198b1370/muster/cmd/muster => ../../cmd/muster

replace github.com/seed-198b1370/muster/pkg => ../../pkg

replace github.com/seed-198b1370/muster/proto => ../../proto

replace github.com/seed-198b1370/muster/services/allocator => ../../services/allocator

replace github.com/seed-198b1370/muster/services/groupsvc => ../../services/groupsvc

replace github.com/seed-198b1370/muster/services/healthcheck => ../../services/healthcheck

replace github.com/seed-198b1370/muster/test => ../../test

require (
	github.com/gofrs/flock v0.13.1
	github.com/google/go-cmp v0.7.0
	github.com/seed-198b1370/muster/pkg v0.0.0-00010101000000-000000000000
	github.com/seed-198b1370/muster/proto v0.0.0-00010101000000-000000000000
	go.uber.org/goleak v1.3.0
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/time v0.16.0
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
	pgregory.net/rapid v1.3.0
)

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1 // indirect
	buf.build/go/protovalidate v1.4.0 // indirect
	cel.dev/cel-go v0.32.0 // indirect
	cel.dev/expr v0.25.3 // indirect
	github.com/antlr4-go/antlr/v4 v4.13.1 // indirect
	golang.org/x/exp v0.0.0-20260820142414-ca536658362e // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
)

replace github.com/seed-198b1370/muster/services/gateway => ../../services/gateway
