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
	github.com/google/go-cmp v0.7.0 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	go.uber.org/goleak v1.3.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
