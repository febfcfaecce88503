// Package scale decides what scaling tasks do to the target of a group: at which
// times, by which metric, by how much, and when to look again. It is a function
// of the tasks as they are stored, the group's spec and the time. It must not
// know how a target is brought about, nor where tasks and reports come from.
//
// A task's own state says up to when it is dealt with, and is stored with what
// it brings about. So a time that was acted on is not acted on again, whoever
// looks and however often.
package scale
