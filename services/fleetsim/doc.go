// Package fleetsim is a simulated cloud: it serves FleetService as a real cloud
// would, and SimulationService for what only a simulator can do. It owns
// instances, pools, prices and stock of one region; it must not know about
// groups, which are nothing but tags to it.
//
// [New] opens, [Service.Register] hooks it into a server, [Service.Run] lets
// time pass until its context ends, [Service.Close] frees what New opened. With
// a data directory nothing that it has answered or streamed is lost, whatever
// ends the process.
package fleetsim
