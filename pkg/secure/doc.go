// Package secure owns TLS: which certificate a process shows, whose it trusts,
// how both are read from files and read again when the files change, and where
// plain text may be spoken. It must not know what is sent.
//
// Nothing older than TLS 1.3 is spoken: both sides are Muster's own, or clients
// as new.
package secure
