// Package verdict owns the judging of instances while it runs: it follows what
// the cloud tells of them, has them probed, asks the pure rules what to think,
// stores each change of a verdict, and then has it published. It must not know
// the rules, how instances are asked, or how verdicts are kept.
//
// One goroutine, that of Keeper.loop, owns the table of instances; whatever else
// there is to do sends it functions. Most instances cost it a small record: only
// those that are probed, wait for something, or were unhealthy have more.
package verdict
