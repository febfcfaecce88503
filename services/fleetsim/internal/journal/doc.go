// Package journal owns the data folder in which a simulated cloud outlives its
// process: its genesis, a journal of what was done, and now and then a snapshot
// that the journal goes on from, with the transitions that watches may still
// ask for. It must not know what any of it means.
//
// # Files
//
//	genesis              what was fixed at the first start
//	journal-N.log        a segment: the records from number N on
//	snapshot-N           the state after record N
//	transitions-N        transitions up to that state, since the snapshot before
//	journal-N.log.cut    what was cut off the end of a segment
//	lock                 held by the process that uses the folder
//
// Every file is a header and frames. A header names the format, the kind of the
// file, the world that it belongs to, and the number in its name; a frame holds
// its own number, its length and a CRC-32C over all of it. Only the last
// segment ever grows; all other files appear whole, under their name, once they
// are on the disk.
//
// # Promises
//
// What [Folder.Append] or [Folder.Save] did, a kill or a loss of power at any
// moment leaves done, and what they did not finish it leaves undone. A snapshot
// takes the place of the segments before it, which are deleted only after it is
// on the disk.
//
// Every byte that is read is held against its checksum. Records that were not
// written whole can only be of the last write to the last segment: [Open] cuts
// that off where it does not hold, keeps a copy and says so. Anything else that
// does not hold (a bad record that a good write follows, a number missing or
// repeated, a bad snapshot) is
// damage that nothing can be cut off for; it is refused with a [*DamageError].
//
// Nothing is taken from a library of logs, because none that is well kept makes
// these promises together: they hold no checksums of records, or look at them
// only at the end of the log, or cut the log wherever it is damaged first, the
// good records behind it included.
package journal
