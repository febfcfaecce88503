package main

import (
	"math"
	"slices"
)

// quantile is the value below which a share of the values lies; 0 for none.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// correlation is Pearson's; not a number if one of the two stands still.
func correlation(a, b []float64) float64 {
	meanA, meanB := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-meanA, b[i]-meanB
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// autocorrelation is the correlation of values with those so many places later.
func autocorrelation(values []float64, lag int) float64 {
	if lag == 0 {
		return 1
	}
	return correlation(values[:len(values)-lag], values[lag:])
}

// share is how many of the values are of a kind.
func share(values []float64, of func(float64) bool) float64 {
	count := 0
	for _, v := range values {
		if of(v) {
			count++
		}
	}
	return float64(count) / float64(max(len(values), 1))
}

// distribution is the points of the cumulative distribution of values.
func distribution(values []float64) []point {
	const steps = 200
	points := make([]point, 0, steps+1)
	sorted := slices.Sorted(slices.Values(values))
	for i := range steps + 1 {
		points = append(points, point{sorted[min(i*len(sorted)/steps, len(sorted)-1)], float64(i) / steps})
	}
	return points
}

// survival is the points of how many of the values are beyond each of some.
func survival(values, beyond []float64) []point {
	var points []point
	for _, x := range beyond {
		points = append(points, point{x, share(values, func(v float64) bool { return v > x })})
	}
	return points
}
