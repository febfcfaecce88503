module github.com/seed-198b1370/muster/services/allocator

go 1.26.0

replace github.com/seed-198b1370/muster/cmd/muster => ../../cmd/muster

replace github.com/seed-198b1370/muster/pkg => ../../pkg

replace github.com/seed-198b1370/muster/proto => ../../proto

replace github.com/seed-198b1370/muster/services/fleetsim => ../../services/fleetsim

replace github.com/seed-198b1370/muster/services/groupsvc => ../../services/groupsvc

replace github.com/seed-198b1370/muster/services/healthcheck => ../../services/healthcheck

replace github.com/seed-198b1370/muster/test => ../../test

require (
	github.com/cockroachdb/datadriven v1.0.3
	github.com/google/go-cmp v0.7.0
	github.com/seed-198b1370/muster/pkg v0.0.0-00010101000000-000000000000
	pgregory.net/rapid v1.3.0
)

require github.com/pmezard/go-difflib v1.0.0 // indirect
