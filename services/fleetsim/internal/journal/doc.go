// Package journal owns the file in which a simulated cloud outlives its
// process: its genesis, a journal of what was done, and now and then a snapshot
// that the journal goes on from, with the transitions that watches may still
// ask for. It must not know what any of it means.
//
// The file is a bbolt database. Everything is written in transactions that are
// synced before they return: what [File.Append] or [File.Snapshot] did, a kill
// at any moment leaves done, and what they did not finish it leaves undone.
//
// A File is used by one goroutine at a time.
package journal
