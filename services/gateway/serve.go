package gateway

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/services/gateway/internal/ops"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// An exchange is one request and what is known of it so far.
type exchange struct {
	*http.Request
	id        string // RequestId
	params    map[string]string
	body      []byte
	operation *ops.Operation // nil as long as it is not known
	inXML     bool
}

// ServeHTTP implements [http.Handler].
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Request: r, id: newRequestID()}
	status, name := http.StatusOK, "Error"
	answer, err := g.answer(r.Context(), x)
	if err == nil {
		answer = append(wire.Object{wire.M("RequestId", x.id)}, answer...)
		name = x.operation.Name + "Response"
	} else {
		told := g.told(r.Context(), x, err)
		status, answer = told.Status, told.Answer(x.product(), x.id, r.Host)
	}
	g.write(r.Context(), w, x, status, name, answer)
}

// answer reads, proves and makes a call. What panics in it is an error.
func (g *Gateway) answer(ctx context.Context, x *exchange) (_ wire.Object, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v\n%s", caught, debug.Stack())
		}
	}()
	if err := x.read(); err != nil {
		return nil, err
	}
	name, version, err := x.action()
	if err != nil {
		return nil, err
	}
	caller, err := g.verifier.Authenticate(x.Request, x.body)
	if err != nil {
		return nil, err
	}
	if err := g.find(x, name, version); err != nil {
		return nil, err
	}
	if !caller.may(x.operation.Name) {
		return nil, wire.Errorf(http.StatusForbidden, "Forbidden.RAM", "User not authorized to operate on the specified resource: the access key is not one for %s.", x.operation.Name)
	}
	root, err := wire.Tree(x.params)
	if err != nil {
		return nil, err
	}
	values, err := table.Decode(x.operation.Params, root)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(rpc.WithAccount(ctx, caller.AccountID), g.config.CallTimeout)
	defer cancel()
	return x.operation.Run(ctx, &ops.Call{
		Backends: g.backends, Values: values, RequestID: x.id, AccountID: caller.AccountID, AccessKeyID: caller.AccessKeyID, Host: x.Host,
	})
}

// read reads the parameters of the query and the body. When it can not, it still
// tells in which format to say so.
func (x *exchange) read() error {
	err := x.readParams()
	if err != nil {
		x.inXML = strings.EqualFold(x.URL.Query().Get("Format"), "XML")
	}
	return err
}

func (x *exchange) readParams() error {
	if x.URL.Path != "/" && x.URL.Path != "" {
		return notFound("There is nothing at the path %s: all calls go to /.", wire.Quote(x.URL.Path))
	}
	if x.Method != http.MethodGet && x.Method != http.MethodPost {
		return wire.Errorf(http.StatusForbidden, "UnsupportedHTTPMethod", "The HTTP method must be GET or POST, got %s.", wire.Quote(x.Method))
	}
	if len(x.URL.RawQuery) > wire.MaxBytes || x.ContentLength > wire.MaxBytes {
		return wire.TooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(x.Body, wire.MaxBytes+1))
	if err != nil {
		return wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The body of the request could not be read to its end.")
	}
	form := ""
	if x.body = body; len(body) > 0 {
		kind, _, err := mime.ParseMediaType(x.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return wire.Errorf(http.StatusBadRequest, "InvalidParameter",
				"A body must be of the type application/x-www-form-urlencoded, got %s.", wire.Quote(x.Header.Get("Content-Type")))
		}
		form = string(body)
	}
	if x.params, err = wire.ParseParams(x.URL.RawQuery, form); err != nil {
		return err
	}
	x.inXML, err = x.wantsXML()
	return err
}

// wantsXML tells in which format to answer: the one that is asked for. The older
// signature means XML when it asks for none; all else means JSON.
func (x *exchange) wantsXML() (bool, error) {
	switch format := x.params["Format"]; {
	case strings.EqualFold(format, "JSON"):
		return false, nil
	case strings.EqualFold(format, "XML"):
		return true, nil
	case format == "":
		_, older := x.params["SignatureVersion"]
		return older && x.Header.Get("X-Acs-Action") == "", nil
	default:
		return false, wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The parameter \"Format\" must be JSON or XML, got %s.", wire.Quote(format))
	}
}

// action tells which operation is called, by parameters or by headers.
func (x *exchange) action() (name, version string, err error) {
	if name, err = x.either("Action", "X-Acs-Action"); err != nil {
		return "", "", err
	}
	version, err = x.either("Version", "X-Acs-Version")
	return name, version, err
}

func (x *exchange) either(param, header string) (string, error) {
	inParam, inHeader := x.params[param], x.Header.Get(header)
	switch {
	case inParam == "" && inHeader == "":
		return "", wire.Errorf(http.StatusBadRequest, "MissingParameter", "The parameter %q, or the header %s, must be given.", param, strings.ToLower(header))
	case inParam == "":
		return inHeader, nil
	case inHeader != "" && inHeader != inParam:
		return "", wire.Errorf(http.StatusBadRequest, "InvalidParameter", "The parameter %q is %s, but the header %s is %s.",
			param, wire.Quote(inParam), strings.ToLower(header), wire.Quote(inHeader))
	}
	return inParam, nil
}

// find finds the operation.
func (g *Gateway) find(x *exchange, name, version string) error {
	if !g.versions[version] {
		return wire.Errorf(http.StatusBadRequest, "InvalidVersion", "Specified parameter Version is not valid, got %s; that of ECS is 2014-05-26.", wire.Quote(version))
	}
	operation, ok := g.operations[action{version, name}]
	if !ok {
		return notFound("Specified api is not found, please check your url and method. There is no operation %s of version %s.", wire.Quote(name), version)
	}
	x.operation = operation
	return nil
}

func notFound(format string, args ...any) wire.Error {
	return wire.Errorf(http.StatusNotFound, "InvalidAction.NotFound", format, args...)
}

func (x *exchange) product() string {
	if x.operation == nil {
		return "Ecs"
	}
	return x.operation.ProductName()
}

// told is an error as the client is told it; what it is not told is logged.
func (g *Gateway) told(ctx context.Context, x *exchange, err error) wire.Error {
	operation := x.operation
	if operation == nil {
		operation = new(ops.Operation)
	}
	told, hidden := ops.Told(operation, err)
	if hidden {
		g.log.ErrorContext(ctx, "call failed", "operation", operation.Name, "request", x.id, "error", err)
	}
	return told
}

// keptBuffer is how large a buffer for answers may be that is kept for others.
const keptBuffer = 256 << 10

func (g *Gateway) write(ctx context.Context, w http.ResponseWriter, x *exchange, status int, name string, answer wire.Object) {
	kind := "application/json;charset=utf-8"
	write := func(to []byte) ([]byte, error) { return wire.AppendJSON(to, answer) }
	if x.inXML {
		kind = "text/xml;charset=utf-8"
		write = func(to []byte) ([]byte, error) { return wire.AppendXML(to, name, answer) }
	}
	buffer, ok := g.buffers.Get().(*[]byte)
	if !ok { // the first ones
		buffer = new([]byte)
	}
	text, err := write((*buffer)[:0])
	if *buffer = text; cap(text) <= keptBuffer {
		defer g.buffers.Put(buffer)
	}
	if err != nil { // a mapping that is wrong
		g.log.ErrorContext(ctx, "answer can not be written", "operation", name, "request", x.id, "error", err)
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("X-Acs-Request-Id", x.id)
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client is gone
}
