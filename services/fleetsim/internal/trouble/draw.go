package trouble

// hits tells whether a fault hits the call or entry of a number: so many of a
// thousand, decided by seed, fault and number alone.
func hits(permille int32, seed uint64, faultID string, number uint64) bool {
	if permille >= 1000 {
		return true
	}
	x := seed ^ 0xcbf29ce484222325
	for _, c := range []byte(faultID) {
		x = (x ^ uint64(c)) * 0x100000001b3
	}
	x ^= number * 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x^x>>31)%1000 < uint64(max(permille, 0))
}
