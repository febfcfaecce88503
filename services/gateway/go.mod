module github.com/seed-198b1370/muster/services/gateway

go 1.26.0

replace github.com/seed-198b1370/muster/cmd/muster => ../../cmd/muster

replace github.com/seed-198b1370/muster/pkg => ../../pkg

replace github.com/seed-198b1370/muster/proto => ../../proto

replace github.com/seed-198b1370/muster/services/allocator => ../../services/allocator

replace github.com/seed-198b1370/muster/services/fleetsim => ../../services/fleetsim

replace github.com/seed-198b1370/muster/services/groupsvc => ../../services/groupsvc

replace github.com/seed-198b1370/muster/services/healthcheck => ../../services/healthcheck

replace github.com/seed-198b1370/muster/test => ../../test

require (
	github.com/redis/go-redis/v9 v9.23.0
	github.com/seed-198b1370/muster/pkg v0.0.0-00010101000000-000000000000
	github.com/seed-198b1370/muster/proto v0.0.0-00010101000000-000000000000
	go.yaml.in/yaml/v3 v3.0.5
	golang.org/x/sync v0.24.0
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
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/exp v0.0.0-20260820142414-ca536658362e // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
)
