package place

// lowestCost takes what costs least in all.
func (f *filling) lowestCost() error {
	f.lowestPrice()
	return nil
}
