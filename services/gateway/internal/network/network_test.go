package network

import "testing"

func TestZoneOf(t *testing.T) {
	zones := []string{"cn-shenzhen-e", "cn-shenzhen-d"}
	if zone, ok := ZoneOf(VSwitchOf("cn-shenzhen-d"), zones); !ok || zone != "cn-shenzhen-d" {
		t.Errorf("got %s, %v", zone, ok)
	}
	zone, ok := ZoneOf("vsw-bp1s5fnvk4gn2tws03624", zones)
	again, _ := ZoneOf("vsw-bp1s5fnvk4gn2tws03624", []string{zones[1], zones[0]})
	if !ok || zone != again {
		t.Errorf("got %s, then %s, %v", zone, again, ok)
	}
	for _, wrong := range []string{"", "vsw-", "vsw-A", "net-a", "vsw-a b", "vsw-" + string(make([]byte, 80))} {
		if zone, ok := ZoneOf(wrong, zones); ok {
			t.Errorf("%q is in %s", wrong, zone)
		}
	}
}
