module github.com/seed-198b1370/muster/services/groupsvc

go 1.26.0

replace github.com/seed-198b1370/muster/cmd/muster => ../../cmd/muster

replace github.com/seed-198b1370/muster/pkg => ../../pkg

replace github.com/seed-198b1370/muster/proto => ../../proto

replace github.com/seed-198b1370/muster/services/allocator => ../../services/allocator

replace github.com/seed-198b1370/muster/services/fleetsim => ../../services/fleetsim

replace github.com/seed-198b1370/muster/services/healthcheck => ../../services/healthcheck

replace github.com/seed-198b1370/muster/test => ../../test
