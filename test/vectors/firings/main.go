// Writes test/vectors/firings.json: what robfig/cron v3, which the controller of CronJobs asks, says of schedules around the days on
// which clocks change. Run by: cd test/vectors/firings && go run . > ../firings.json
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

type answers struct {
	Zone  string `json:"zone"`
	After string `json:"after"`
	// By schedule.
	Firings map[string][]string `json:"firings"`
}

const count = 6

// Each zone with moments from which to look: shortly before its clocks change, and at other times.
var zones = map[string][]string{
	"UTC":                 {"2026-02-27T23:50:00Z", "2027-12-30T12:00:00Z"},
	"Europe/Rome":         {"2026-03-28T20:00:00Z", "2026-03-29T00:30:15Z", "2026-10-24T20:00:00Z", "2026-10-25T00:30:00Z"},
	"Europe/London":       {"2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T00:15:00Z"},
	"America/New_York":    {"2026-03-08T03:00:00Z", "2026-11-01T03:00:00Z", "2026-11-01T05:45:00Z"},
	"CET":                 {"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"},
	"US/Pacific":          {"2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
	"Australia/Lord_Howe": {"2026-04-04T10:00:00Z", "2026-10-03T10:00:00Z", "2026-10-03T15:10:00Z"},
	"America/Santiago":    {"2026-04-04T20:00:00Z", "2026-09-05T20:00:00Z"},
	"America/Havana":      {"2026-03-07T20:00:00Z", "2026-10-31T20:00:00Z"},
	"Asia/Beirut":         {"2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z"},
	"Africa/Cairo":        {"2026-04-23T12:00:00Z", "2026-10-29T12:00:00Z"},
	"Asia/Kathmandu":      {"2026-03-01T00:00:00Z"},
	"Asia/Kolkata":        {"2026-02-28T18:00:00Z"},
	"Pacific/Chatham":     {"2026-04-04T10:00:00Z", "2026-09-26T10:00:00Z"},
	"Pacific/Apia":        {"2026-12-30T12:00:00Z"},
	"Etc/GMT+12":          {"2026-12-30T12:00:00Z"},
}

var schedules = []string{
	"* * * * *", "*/15 * * * *", "30 * * * *", "15 */3 * * *", "0 0 * * *", "30 0 * * *", "0 1 * * *", "30 1 * * *", "15 2 * * *",
	"0 2 * * *", "30 2 * * *", "59 2 * * *", "45 2 * * *", "0 3 * * *", "30 3 * * *", "15 5 * * *", "45 5 * * *", "0 12 * * sun", "30 2 * * sun",
	"0 0 29 2 *", "0 0 31 * *", "30 2 29 3 *", "0 0 1 * mon", "0 0 */2 * mon", "0 0 * */3 1-5", "7 7,19 1-7 * 0", "50/5 23 * * *",
	"0 0 1-7/3 jan,Jul ?", "0 6 */1 * fri", "0 24-1 * * *", "@daily", "@weekly", "0 0 31 2 *", "0 0 30 2 mon", "*/59 * 31 12 *",
}

func main() {
	all := []answers{}
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		for _, moment := range zones[zone] {
			all = append(all, answersFor(zone, moment))
		}
	}
	write(all)
}

func answersFor(zone string, moment string) answers {
	after, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		panic(err)
	}
	found := map[string][]string{}
	for _, schedule := range schedules {
		found[schedule] = firings(fmt.Sprintf("TZ=%s %s", zone, schedule), after)
	}
	return answers{zone, moment, found}
}

// None for a schedule that is refused, or never fires.
func firings(schedule string, after time.Time) []string {
	found := []string{}
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		return found
	}
	for at := parsed.Next(after); !at.IsZero() && len(found) < count; at = parsed.Next(at) {
		found = append(found, at.UTC().Format("2006-01-02T15:04Z"))
	}
	return found
}

func write(all []answers) {
	for index, one := range all {
		line, err := json.Marshal(one)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(os.Stdout, "%s%s", map[bool]string{true: "[\n", false: ",\n"}[index == 0], line)
	}
	fmt.Println("\n]")
}
