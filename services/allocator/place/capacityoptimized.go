package place

// capacityOptimized takes pools by ascending band of interruptions, then by
// depth of stock in doublings, then by ascending price per unit; the next only
// when the one before can give no more.
func (f *filling) capacityOptimized() {
	f.line(byUnitPrice, f.standing)
	f.inOrder(f.order)
}
