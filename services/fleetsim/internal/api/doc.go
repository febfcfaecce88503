// Package api owns how the simulated cloud speaks the fleet's contract: it
// translates requests into commands and looks at the engine, and what comes
// back into responses, cursors, page tokens and refusals. It also owns what
// stands before the handlers: whose call it is, whether the account calls too
// often, and what faults do to it. It must not know how anything is decided or
// kept.
//
// Handlers are safe for concurrent use. Requests that reach them have been
// validated against the rules in the contract.
package api
