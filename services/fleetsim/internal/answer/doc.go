// Package answer owns how instances answer those who ask whether they work: each
// has an address of the loopback network, one listener takes the connections to
// all of them, and what it says is what the state of the instance would have it
// say. It must not know how instances live or where they are kept.
//
//	the instance             TCP        HTTP     gRPC health
//	works                    stays      200      SERVING
//	is impaired              stays      503      NOT_SERVING
//	is slow                  stays      200      SERVING, both after a delay
//	hangs                    stays      nothing  nothing
//	does not run, or is not  reset      reset    reset
package answer
