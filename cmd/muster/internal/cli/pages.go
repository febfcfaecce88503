package cli

// mostPage is how many entries a page of most lists can have.
const mostPage = 250

// A limited is what commands that list have in common.
type limited struct {
	Limit int `help:"Show at most so many, 1 or more." default:"250"`
}

// check refuses a limit that shows nothing.
func (l limited) check() error {
	if l.Limit < 1 {
		return misuse("--limit must be 1 or more, got %d", l.Limit)
	}
	return nil
}

// eachPage asks for pages until the last one, or until there are as many entries
// as the limit says; a page can be empty and still not be the last. The function
// asks for one page of at most so many entries and tells how many entries there
// are by now, and the token of the next page. The result is the token of the page
// that was not asked for; empty when there is none.
func (l limited) eachPage(most int, page func(token string, size int32) (have int, next string, err error)) (string, error) {
	for have, token := 0, ""; ; {
		var err error
		have, token, err = page(token, int32(min(most, l.Limit-have)))
		if err != nil || token == "" || have >= l.Limit {
			return token, err
		}
	}
}

// everything is for lists that are shown whole.
var everything = limited{Limit: 1 << 30}
