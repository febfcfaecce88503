package sign_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/gateway/sign"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// emptyBody is the hash of no body.
const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// A vector is a request whose signature is known.
type vector struct {
	name    string
	secret  string
	at      string
	request sign.Request
}

func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

func header(pairs ...string) http.Header {
	out := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// vectors are the documentation's samples, and requests that real clients were
// seen to send.
func vectors() []vector {
	return []vector{
		{
			"V1, documentation", "testsecret", "2016-02-23T12:46:24Z",
			sign.Request{Method: "GET", Host: "ecs.aliyuncs.com", Header: http.Header{}, Query: query(
				"AccessKeyId", "testid", "Action", "DescribeRegions", "Format", "XML", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "SignatureVersion", "1.0",
				"Timestamp", "2016-02-23T12:46:24Z", "Version", "2014-05-26", "Signature", "OLeaidS1JvxuMvnyHOwuJ+uX5qY=",
			)},
		},
		{
			"V1, classic Go SDK", "sk", "2026-11-21T16:35:32Z",
			sign.Request{Method: "POST", Host: "127.0.0.1:33469", Header: header(
				"Content-Type", "application/x-www-form-urlencoded", "x-acs-action", "CreateAutoProvisioningGroup", "x-acs-version", "2014-05-26",
			), Query: query(
				"AccessKeyId", "ak", "Action", "CreateAutoProvisioningGroup", "Format", "JSON",
				"LaunchTemplateConfig.1.MaxPrice", "2", "LaunchTemplateConfig.1.VSwitchId", "vsw-1",
				"LaunchTemplateConfig.1.WeightedCapacity", "1", "MaxSpotPrice", "2.000000", "RegionId", "cn-hangzhou",
				"ResourcePoolOptions.Strategy", "PrivatePoolFirst", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "256222563496d2a07841a301a61a2cdd", "SignatureType", "", "SignatureVersion", "1.0",
				"TerminateInstances", "false", "Timestamp", "2026-11-21T16:35:32Z", "TotalTargetCapacity", "5",
				"Version", "2014-05-26", "Signature", "YD5jYZMuKKFMf8T/BMU6YRMNyMo=",
			)},
		},
		{
			"V1, tea-rpc with a body", "sk", "2026-11-21T16:37:30Z",
			sign.Request{Method: "POST", Host: "127.0.0.1:33469", Header: header("Content-Type", "application/x-www-form-urlencoded"), Query: query(
				"AccessKeyId", "ak", "Action", "CreateLaunchTemplate", "Format", "json", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "e51d16c941a2282eb81b3f4a2ae6ac8e", "SignatureVersion", "1.0",
				"Timestamp", "2026-11-21T16:37:30Z", "Version", "2014-05-26", "Signature", "3KGtXvFdRF75X62ancGNd19Su4A=",
			), Body: []byte(query(
				"DataDisk.1.DeleteWithInstance", "true", "DataDisk.1.Size", "20", "EnableVmOsConfig", "false",
				"LaunchTemplateName", "a b*~", "RegionId", "cn-hangzhou", "SecurityGroupIds.1", "sg-1", "SecurityGroupIds.2", "sg-2",
				"SpotPriceLimit", "0.5", "SystemDisk.Category", "cloud_efficiency", "TemplateTag.1.Key", "k", "TemplateTag.1.Value", "v",
			))},
		},
		{
			"V3, documentation", "YourAccessKeySecret", "2023-10-26T10:22:32Z",
			sign.Request{Method: "POST", Host: "ecs.cn-shanghai.aliyuncs.com", Header: header(
				"x-acs-action", "RunInstances", "x-acs-content-sha256", emptyBody, "x-acs-date", "2023-10-26T10:22:32Z",
				"x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d", "x-acs-version", "2014-05-26",
				"Authorization", "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"+
					"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
			), Query: query("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId", "cn-shanghai")},
		},
		{
			"V3, new Go SDK", "sk", "2026-11-21T16:35:32Z",
			sign.Request{Method: "POST", Host: "127.0.0.1:33469", Header: header(
				"accept", "application/json",
				"x-acs-action", "CreateAutoProvisioningGroup", "x-acs-content-sha256", emptyBody, "x-acs-credentials-provider", "static_ak",
				"x-acs-date", "2026-11-21T16:35:32Z", "x-acs-signature-nonce", "7fb7dc3fe62819b44097dbe041a3169f", "x-acs-version", "2014-05-26",
				"Authorization", "ACS3-HMAC-SHA256 Credential=ak,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,"+
					"Signature=95fe59766a3cc4bdd38f5de93ae5568e5351802b86e429fea09a56ccc8eb178c",
			), Query: query(
				"AutoProvisioningGroupType", "instant", "CandidateOptions.TimeoutMinutes", "60", "LaunchConfiguration.HostNames.1", "h1",
				"LaunchConfiguration.ImageId", "img", "LaunchConfiguration.SecurityGroupId", "sg-1", "LaunchConfiguration.SystemDisk.Encrypted", "false",
				"LaunchTemplateConfig.1.Cores.1", "2", "LaunchTemplateConfig.1.Cores.2", "4", "LaunchTemplateConfig.1.InstanceType", "ecs.c6.large",
				"LaunchTemplateConfig.1.MaxPrice", "0.5", "LaunchTemplateConfig.1.VSwitchId", "vsw-1", "LaunchTemplateConfig.1.WeightedCapacity", "2",
				"PrePaidOptions.SpecifyCapacityDistribution.1.InstanceTypes.1", "ecs.c6.large", "PrePaidOptions.SpecifyCapacityDistribution.1.MinTargetCapacity", "1",
				"RegionId", "cn-hangzhou", "ResourcePoolOptions", `{"PrivatePoolIds":["eap-1"],"Strategy":"PrivatePoolFirst"}`,
				"Tag.1.Key", "k", "Tag.1.Value", "v w*~", "TotalTargetCapacity", "5",
			)},
		},
	}
}

func verify(request *sign.Request, secret string, now time.Time) error {
	claims, err := sign.Read(request)
	if err != nil {
		return err
	}
	return claims.Check(secret, now)
}

func at(t interface{ Fatal(...any) }, text string) time.Time {
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			now := at(t, v.at)
			for _, shift := range []time.Duration{0, sign.Window, -sign.Window} {
				if err := verify(&v.request, v.secret, now.Add(shift)); err != nil {
					t.Errorf("%s off: %v", shift, err)
				}
			}
			for _, shift := range []time.Duration{sign.Window + time.Second, -sign.Window - time.Second} {
				if err := verify(&v.request, v.secret, now.Add(shift)); code(err) != "InvalidTimeStamp.Expired" {
					t.Errorf("%s off: %v", shift, err)
				}
			}
			if err := verify(&v.request, v.secret+"x", now); code(err) != "SignatureDoesNotMatch" {
				t.Errorf("another secret: %v", err)
			}
		})
	}
}

func code(err error) string {
	var told wire.Error
	if !errors.As(err, &told) {
		return ""
	}
	return told.Code
}

// TestMismatch_tellsTheStringToSign holds the words that the classic SDK looks
// for to tell its user more.
func TestMismatch_tellsTheStringToSign(t *testing.T) {
	v := vectors()[0]
	err := verify(&v.request, "wrong", at(t, v.at))
	const want = "Specified signature is not matched with our calculation. server string to sign is:GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML"
	var told wire.Error
	if !errors.As(err, &told) || !strings.HasPrefix(told.Message, want) || told.Status != 400 {
		t.Errorf("got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	older, newer := vectors()[0].request, vectors()[4].request
	without := func(name string) sign.Request {
		request := older
		values, err := url.ParseQuery(older.Query)
		if err != nil {
			t.Fatal(err)
		}
		values.Del(name)
		request.Query = values.Encode()
		return request
	}
	with := func(name, value string) sign.Request {
		request := without(name)
		request.Query += "&" + query(name, value)
		return request
	}
	headed := func(name, value string) sign.Request {
		request := newer
		request.Header = newer.Header.Clone()
		request.Header.Set(name, value)
		if value == "" {
			request.Header.Del(name)
		}
		return request
	}
	bodied := older
	bodied.Body, bodied.Header = []byte("{}"), header("Content-Type", "application/json")
	put := older
	put.Method = "PUT"
	authorization := newer.Header.Get("Authorization")
	for _, c := range []struct {
		name    string
		request sign.Request
		code    string
	}{
		{"unsigned", sign.Request{Method: "GET", Header: http.Header{}, Query: "Action=X&Version=2014-05-26"}, "MissingParameter"},
		{"no signature", without("Signature"), "MissingParameter"},
		{"no action in parameters", without("Action"), "MissingParameter"},
		{"no version in parameters", without("Version"), "MissingParameter"},
		{"no key", without("AccessKeyId"), "MissingParameter"},
		{"no nonce", without("SignatureNonce"), "MissingParameter"},
		{"no time", without("Timestamp"), "MissingParameter"},
		{"no method", without("SignatureMethod"), "IncompleteSignature"},
		{"another method", with("SignatureMethod", "HMAC-SHA256"), "IncompleteSignature"},
		{"another version", with("SignatureVersion", "2.0"), "IncompleteSignature"},
		{"no time at all", with("Timestamp", "yesterday"), "IllegalTimestamp"},
		{"a time with a zone", with("Timestamp", "2016-02-23T12:46:24+08:00"), "IllegalTimestamp"},
		{"long nonce", with("SignatureNonce", strings.Repeat("n", 5000)), "InvalidParameter"},
		{"another body", bodied, "IncompleteSignature"},
		{"another HTTP method", put, "IncompleteSignature"},
		{"no UTF-8", with("RegionId", "\xff"), "InvalidParameter"},
		{"another algorithm", headed("Authorization", strings.Replace(authorization, "SHA256", "SM3", 1)), "IncompleteSignature"},
		{"basic", headed("Authorization", "Basic YTpi"), "IncompleteSignature"},
		{"no credential", headed("Authorization", strings.Replace(authorization, "Credential=ak,", "", 1)), "IncompleteSignature"},
		{"empty credential", headed("Authorization", strings.Replace(authorization, "Credential=ak,", "Credential=,", 1)), "IncompleteSignature"},
		{"two credentials", headed("Authorization", strings.Replace(authorization, "Credential=ak,", "Credential=ak,Credential=b,", 1)), "IncompleteSignature"},
		{"a stranger's part", headed("Authorization", authorization+",More=1"), "IncompleteSignature"},
		{"host unsigned", headed("Authorization", strings.Replace(authorization, "host;", "", 1)), "IncompleteSignature"},
		{"action unsigned", headed("Authorization", strings.Replace(authorization, "x-acs-action;", "", 1)), "IncompleteSignature"},
		{"out of order", headed("Authorization", strings.Replace(authorization, "host;x-acs-action;", "x-acs-action;host;", 1)), "IncompleteSignature"},
		{"signed, not sent", headed("Authorization", strings.Replace(authorization, "host;", "content-type;host;", 1)), "IncompleteSignature"},
		{"a header unsigned", headed("x-acs-security-token", "t"), "IncompleteSignature"},
		{"another hash", headed("x-acs-content-sha256", strings.Repeat("0", 64)), "SignatureDoesNotMatch"},
		{"no date", headed("x-acs-date", ""), "IncompleteSignature"},
		{"another date", headed("x-acs-date", "2026-11-21T16:35:33Z"), "SignatureDoesNotMatch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := verify(&c.request, "sk", at(t, vectors()[4].at))
			if code(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// TestChangedByte_isRefused: a request of which one byte was changed, in the
// query, the body, the method, the host or a header that is signed, is refused
// unless it means the same.
func TestChangedByte_isRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(vectors()).Draw(t, "vector")
		newer := v.request.Header.Get("Authorization") != ""
		changed := v.request
		changed.Header = v.request.Header.Clone()
		change := func(text string) string {
			if text == "" {
				return "x"
			}
			i := rapid.IntRange(0, len(text)-1).Draw(t, "position")
			to := rapid.ByteRange(0x21, 0x7e).Draw(t, "byte")
			return text[:i] + string(rune(to)) + text[i+1:]
		}
		switch part := rapid.SampledFrom([]string{"query", "body", "method", "host", "header"}).Draw(t, "part"); {
		case part == "body" && (newer || len(changed.Body) > 0):
			changed.Body = []byte(change(string(changed.Body)))
		case part == "method":
			changed.Method = map[string]string{"GET": "POST", "POST": "GET"}[changed.Method]
		case part == "host" && newer:
			changed.Host = change(changed.Host)
		case part == "header" && newer:
			name := rapid.SampledFrom([]string{"Authorization", "X-Acs-Action", "X-Acs-Version", "X-Acs-Date", "X-Acs-Signature-Nonce", "X-Acs-Content-Sha256"}).Draw(t, "header")
			changed.Header.Set(name, change(changed.Header.Get(name)))
		default:
			changed.Query = change(changed.Query)
		}
		if same(v.request, changed) {
			return
		}
		if err := verify(&changed, v.secret, at(t, v.at)); code(err) == "" {
			t.Fatalf("accepted %+v: %v", changed, err)
		}
	})
}

// same tells whether two requests say the same, if in other bytes.
func same(a, b sign.Request) bool {
	meaning := func(r sign.Request) string {
		params, err := url.ParseQuery(r.Query)
		form, formErr := url.ParseQuery(string(r.Body))
		if err != nil || formErr != nil {
			return r.Query + string(r.Body)
		}
		if r.Header.Get("Authorization") == "" { // where a parameter is does not matter
			for name, values := range form {
				params[name] = append(params[name], values...)
			}
			form = nil
		}
		_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		credential, _, _ = strings.Cut(credential, ",")
		text, _ := json.Marshal([]any{params, form, r.Method, r.Host, r.Header, credential})
		return string(text)
	}
	// The key's id is no part of what the newer signature signs: the key that is
	// named must have the secret.
	if x, y := a.Header.Get("Authorization"), b.Header.Get("Authorization"); x != y {
		_, x, _ = strings.Cut(x, ",")
		_, y, _ = strings.Cut(y, ",")
		return x == y
	}
	return meaning(a) == meaning(b)
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.request.Method, v.request.Host, v.request.Query, v.request.Header.Get("Authorization"), v.request.Header.Get("X-Acs-Date"), v.request.Body)
	}
	now := at(f, "2026-11-21T16:35:32Z")
	f.Fuzz(func(t *testing.T, method, host, query, authorization, date string, body []byte) {
		request := sign.Request{Method: method, Host: host, Query: query, Body: body, Header: header(
			"Authorization", authorization, "X-Acs-Date", date, "X-Acs-Signature-Nonce", "n", "X-Acs-Content-Sha256", emptyBody,
			"Content-Type", "application/x-www-form-urlencoded",
		)}
		if err := verify(&request, "a secret that no corpus has", now); code(err) == "" {
			t.Errorf("accepted or refused without a code: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, v := range vectors()[1:] {
		b.Run(v.name, func(b *testing.B) {
			now := at(b, v.at)
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(&v.request, v.secret, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
