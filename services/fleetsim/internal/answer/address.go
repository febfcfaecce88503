package answer

import (
	"encoding/binary"
	"net/netip"
)

// network is that of instances' addresses: 127.64.0.0/10, the quarter of the
// loopback network in which nothing else is likely to listen.
var network = netip.MustParsePrefix("127.64.0.0/10")

// Addresses is how many addresses there are. Instances whose numbers differ by a
// multiple of it share one: the youngest that lives has it.
const Addresses = 1 << 22

// Address is the address of an instance.
func Address(number uint64) netip.Addr {
	base := network.Addr().As4()
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], binary.BigEndian.Uint32(base[:])+uint32(number%Addresses))
	return netip.AddrFrom4(bytes)
}

// remainderOf tells of an address by how much the numbers of its instances are
// more than a multiple of [Addresses]; false for an address of no instance.
func remainderOf(address netip.Addr) (uint64, bool) {
	address = address.Unmap()
	if !network.Contains(address) {
		return 0, false
	}
	bytes := address.As4()
	return uint64(binary.BigEndian.Uint32(bytes[:]) % Addresses), true
}
