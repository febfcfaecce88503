package world

import "slices"

// blockSize is how many numbers one block of a numberSet holds at most.
const blockSize = 256

// numberSet is a set of instance numbers in ascending order. It takes little
// more than eight bytes a number, and adding or removing one moves at most a
// block.
type numberSet struct {
	blocks [][]uint64 // each ascending, none empty
	count  int
}

// find tells the block that a number is or belongs in.
func (s *numberSet) find(number uint64) int {
	// Most are newer than all others, or the newest.
	if last := len(s.blocks) - 1; last >= 0 && number > s.blocks[last][len(s.blocks[last])-1] {
		return last + 1
	}
	at, _ := slices.BinarySearchFunc(s.blocks, number, func(block []uint64, number uint64) int {
		if block[len(block)-1] < number {
			return -1
		}
		return 1
	})
	return at
}

// add puts a number in; one that is in already stays.
func (s *numberSet) add(number uint64) {
	at := s.find(number)
	if at == len(s.blocks) {
		if at == 0 || len(s.blocks[at-1]) == blockSize {
			s.blocks = append(s.blocks, []uint64{number})
		} else {
			s.blocks[at-1] = append(s.blocks[at-1], number)
		}
		s.count++
		return
	}
	block := s.blocks[at]
	place, found := slices.BinarySearch(block, number)
	if found {
		return
	}
	s.count++
	if len(block) < blockSize {
		s.blocks[at] = slices.Insert(block, place, number)
		return
	}
	half := slices.Clone(block[blockSize/2:])
	s.blocks[at] = block[:blockSize/2]
	s.blocks = slices.Insert(s.blocks, at+1, half)
	s.add(number)
	s.count--
}

// addAll puts numbers in ascending order in. Those that are newer than all others
// take little time.
func (s *numberSet) addAll(numbers []uint64) {
	last := len(s.blocks) - 1
	if last >= 0 && len(numbers) > 0 && numbers[0] <= s.blocks[last][len(s.blocks[last])-1] {
		for _, number := range numbers {
			s.add(number)
		}
		return
	}
	s.count += len(numbers)
	if last >= 0 {
		room := min(blockSize-len(s.blocks[last]), len(numbers))
		s.blocks[last] = append(s.blocks[last], numbers[:room]...)
		numbers = numbers[room:]
	}
	for block := range slices.Chunk(numbers, blockSize) {
		s.blocks = append(s.blocks, slices.Clone(block))
	}
}

// remove takes a number out; one that is not in is no error.
func (s *numberSet) remove(number uint64) {
	at := s.find(number)
	if at == len(s.blocks) {
		return
	}
	block := s.blocks[at]
	place, found := slices.BinarySearch(block, number)
	if !found {
		return
	}
	s.count--
	block = slices.Delete(block, place, place+1)
	switch {
	case len(block) == 0:
		s.blocks = slices.Delete(s.blocks, at, at+1)
	case cap(block) > 8 && len(block) <= cap(block)/4:
		s.blocks[at] = slices.Clip(slices.Clone(block))
	default:
		s.blocks[at] = block
	}
}

// after calls yield for each number greater than a bound, in ascending order,
// until it returns false. The set must not change meanwhile.
func (s *numberSet) after(bound uint64, yield func(uint64) bool) {
	for _, block := range s.blocks[s.find(bound):] {
		start, found := slices.BinarySearch(block, bound)
		if found {
			start++
		}
		for _, number := range block[start:] {
			if !yield(number) {
				return
			}
		}
	}
}

// all returns the numbers in ascending order.
func (s *numberSet) all() []uint64 {
	numbers := make([]uint64, 0, s.count)
	for _, block := range s.blocks {
		numbers = append(numbers, block...)
	}
	return numbers
}
