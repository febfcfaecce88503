package value

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Sizes of disks, in GiB.
const (
	leastDiskGiB = 20
	mostDiskGiB  = 32_768
)

// Tag reads a tag such as team=web. The value may be empty, the key may not.
func Tag(text string) (key, tagged string, err error) {
	key, tagged, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return "", "", fmt.Errorf("must be KEY=VALUE, such as team=web, got %q", text)
	}
	return key, tagged, nil
}

// Tags reads tags, each key once.
func Tags(texts []string) (map[string]string, error) {
	tags := make(map[string]string, len(texts))
	for _, text := range texts {
		key, tagged, err := Tag(text)
		if err != nil {
			return nil, err
		}
		if _, twice := tags[key]; twice {
			return nil, fmt.Errorf("must name each key once, got %q again", key)
		}
		tags[key] = tagged
	}
	return tags, nil
}

// Category reads a category of disks: cloud, efficiency, ssd or essd, also with
// cloud- or cloud_ before it, as the cloud itself spells them.
func Category(text string) (fleetv1.DiskCategory, error) {
	const prefix = "DISK_CATEGORY_"
	name := strings.ToUpper(strings.ReplaceAll(text, "-", "_"))
	for _, spelled := range []string{name, "CLOUD_" + name} {
		if number := fleetv1.DiskCategory_value[prefix+spelled]; number != 0 {
			return fleetv1.DiskCategory(number), nil
		}
	}
	return 0, fmt.Errorf("must be a category of disks: cloud, efficiency, ssd or essd, got %q", text)
}

// Disk reads a disk such as essd:40, essd,ssd:100 (the first category that the
// zone offers is taken) or essd:40:keep (it stays when its instance is
// released).
func Disk(text string) (*fleetv1.DiskRequest, error) {
	fields := strings.Split(text, ":")
	if len(fields) < 2 || len(fields) > 3 || len(fields) == 3 && fields[2] != "keep" {
		return nil, fmt.Errorf("must be CATEGORY[,CATEGORY...]:GIB[:keep], such as essd,ssd:40:keep, got %q", text)
	}
	disk := &fleetv1.DiskRequest{KeepAfterRelease: len(fields) == 3}
	for named := range strings.SplitSeq(fields[0], ",") {
		category, err := Category(named)
		if err != nil {
			return nil, err
		}
		if slices.Contains(disk.Categories, category) {
			return nil, fmt.Errorf("must name each category once, got %q", text)
		}
		disk.Categories = append(disk.Categories, category)
	}
	size, err := strconv.ParseInt(fields[1], 10, 32)
	if err != nil || size < leastDiskGiB || size > mostDiskGiB {
		return nil, fmt.Errorf("must have a size of 20 to 32768 GiB, got %q", fields[1])
	}
	disk.SizeGib = int32(size)
	return disk, nil
}

// Pool reads a pool such as cn-shenzhen-d/ecs.c6.large/spot.
func Pool(text string) (*fleetv1.BilledPool, error) {
	fields := strings.Split(text, "/")
	if len(fields) == 3 && fields[0] != "" && fields[1] != "" {
		method := fleetv1.BillingMethod_value["BILLING_METHOD_"+strings.ToUpper(strings.ReplaceAll(fields[2], "-", "_"))]
		if method != 0 {
			return &fleetv1.BilledPool{ZoneId: fields[0], InstanceType: fields[1], BillingMethod: fleetv1.BillingMethod(method)}, nil
		}
	}
	return nil, fmt.Errorf("must be ZONE/TYPE/spot or ZONE/TYPE/pay-as-you-go, got %q", text)
}
