// Package value owns how values are spelled on a command line: amounts of
// money, factors, shares, durations, times, tags, disks and pools. It must not
// know which flag a value is for: its errors say what would be right and what
// was there, and whoever asked puts the name of the flag before them.
package value
