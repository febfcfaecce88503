// Package ecs_test holds the ECS API against the libraries that people call the
// real one with: the classic Go SDK, which signs with version 1, and the core
// that all newer SDKs share, which signs with version 3.
package ecs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	classicerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/gateway/auth"
)

// A system is Muster in one process, with the ECS API.
type system struct {
	*stack.Stack
	region, zone string
}

// speed makes minutes of the cloud pass in a moment.
const speed = 600

func start(t *testing.T) *system {
	t.Helper()
	return startWith(t, func(*stack.Config) {})
}

// startWith starts a system that differs from the usual one.
func startWith(t *testing.T, change func(*stack.Config)) *system {
	t.Helper()
	keys, err := auth.NewKeys(
		auth.Key{ID: "ak", Secret: "sk", AccountID: "default"},
		auth.Key{ID: "sts", Secret: "sk", AccountID: "default", SecurityToken: "token"},
	)
	if err != nil {
		t.Fatal(err)
	}
	config := stack.Config{
		Seed: 1, Speed: speed, CalmMarket: true, Grace: time.Second,
		ECSListen: "127.0.0.1:0", MetadataListen: "127.0.0.1:0",
		ECSVerifier: auth.NewVerifier(keys, auth.NewMemory(nil, 100_000), nil, ""),
	}
	change(&config)
	running, err := stack.Start(context.WithoutCancel(t.Context()), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &system{Stack: running}
	regions := must(t, s.newer, "DescribeRegions", nil)
	s.region = text(regions, "Regions", "Region", 0, "RegionId")
	zones := must(t, s.newer, "DescribeZones", params{"RegionId": s.region})
	s.zone = text(zones, "Zones", "Zone", 0, "ZoneId")
	return s
}

type params map[string]string

// with are the parameters and some more.
func (p params) with(pairs ...string) params {
	out := params{}
	for name, value := range p {
		out[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// A refusal is an error that a client library read from an answer.
type refusal struct {
	status int
	code   string
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.code) }

// A client calls an operation. Errors that were answered are refusals.
type client func(action, version string, p params) (map[string]any, error)

// newer calls with the core of the newer SDKs.
func (s *system) newer(action, version string, p params) (map[string]any, error) {
	return newerAt(s.ECSAddr(), "ak", action, version, p)
}

// plainHTTP makes the calls of the newer core, whose own HTTP client races with
// itself when two calls go to one address at the same time.
type plainHTTP struct{}

// Call implements [dara.HttpClient].
func (plainHTTP) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	return http.DefaultClient.Do(request)
}

// newerAt calls a system at an address with an access key.
func newerAt(address, key, action, version string, p params) (map[string]any, error) {
	c, err := openapi.NewClient(&openapi.Config{
		AccessKeyId: tea.String(key), AccessKeySecret: tea.String("sk"), Endpoint: tea.String(address), Protocol: tea.String("HTTP"),
		HttpClient: plainHTTP{},
	})
	if err != nil {
		return nil, err
	}
	query := map[string]*string{}
	for name, value := range p {
		query[name] = tea.String(value)
	}
	answer, err := c.CallApi(&openutil.Params{
		Action: tea.String(action), Version: tea.String(version), Protocol: tea.String("HTTP"), Pathname: tea.String("/"), Method: tea.String("POST"),
		AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	var told *openapi.ClientError
	var asTea *tea.SDKError
	switch {
	case errors.As(err, &told):
		return nil, refusal{tea.IntValue(told.StatusCode), tea.StringValue(told.Code)}
	case errors.As(err, &asTea):
		return nil, refusal{tea.IntValue(asTea.StatusCode), tea.StringValue(asTea.Code)}
	case err != nil:
		return nil, err
	}
	raw, err := json.Marshal(answer["body"])
	if err != nil {
		return nil, err
	}
	var body map[string]any
	return body, json.Unmarshal(raw, &body)
}

// classic calls with the classic SDK.
func (s *system) classic(action, version string, p params) (map[string]any, error) {
	return classicAt(s.ECSAddr(), s.region, credentials.NewAccessKeyCredential("ak", "sk"), action, version, p)
}

// temporary calls with the classic SDK and a temporary key.
func (s *system) temporary(action, version string, p params) (map[string]any, error) {
	return classicAt(s.ECSAddr(), s.region, credentials.NewStsTokenCredential("sts", "sk", "token"), action, version, p)
}

// classicAt calls a system at an address with a credential.
func classicAt(address, region string, credential any, action, version string, p params) (map[string]any, error) {
	c, err := sdk.NewClientWithOptions(region, sdk.NewConfig().WithScheme("HTTP"), credential)
	if err != nil {
		return nil, err
	}
	defer c.Shutdown()
	request := requests.NewCommonRequest()
	request.Scheme, request.Method, request.Domain, request.Version, request.ApiName = "HTTP", "POST", address, version, action
	for name, value := range p {
		request.QueryParams[name] = value
	}
	answer, err := c.ProcessCommonRequest(request)
	var told classicerrors.Error
	if errors.As(err, &told) && told.HttpStatus() != 0 {
		return nil, refusal{told.HttpStatus(), told.ErrorCode()}
	}
	if err != nil {
		return nil, err
	}
	var body map[string]any
	return body, json.Unmarshal(answer.GetHttpContentBytes(), &body)
}

const ecsVersion = "2014-05-26"

// must calls an operation that must not be refused.
func must(t *testing.T, call client, action string, p params) map[string]any {
	t.Helper()
	answer, err := call(action, ecsVersion, p)
	if err != nil {
		t.Fatalf("%s %v: %v", action, p, err)
	}
	if answer["RequestId"] == "" || answer["RequestId"] == nil {
		t.Fatalf("%s: no RequestId: %v", action, answer)
	}
	return answer
}

// at is what an answer holds along a path of names and indexes; nil for nothing.
func at(answer any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := answer.(map[string]any)
			answer = object[step]
		case int:
			list, _ := answer.([]any)
			if step >= len(list) {
				return nil
			}
			answer = list[step]
		}
	}
	return answer
}

func text(answer any, path ...any) string {
	held, _ := at(answer, path...).(string)
	return held
}

func list(answer any, path ...any) []any {
	held, _ := at(answer, path...).([]any)
	return held
}

// patience is for how long tests wait for what must come about.
const patience = 2 * time.Minute

// await calls until what is answered is as wanted.
func await(t *testing.T, what string, look func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for wall := clock.NewWall(); !look(); {
		timer := wall.NewTimer(wall.Now().Add(50 * time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			t.Fatalf("%s did not come about", what)
		case <-timer.C:
		}
	}
}

// bothClients runs a test with each client library.
func bothClients(t *testing.T, s *system, test func(t *testing.T, call client)) {
	t.Helper()
	t.Run("newer", func(t *testing.T) { test(t, s.newer) })
	t.Run("classic", func(t *testing.T) { test(t, s.classic) })
}
