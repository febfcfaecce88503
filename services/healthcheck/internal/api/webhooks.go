package api

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/webhook"
)

// A WebhookServer answers WebhookService.
type WebhookServer struct {
	healthv1.UnimplementedWebhookServiceServer
	// Webhooks that are spoken of.
	Webhooks *webhook.Webhooks
	// Log takes what operators should know.
	Log *slog.Logger
}

// SetWebhook implements WebhookService.
func (s *WebhookServer) SetWebhook(ctx context.Context, req *healthv1.SetWebhookRequest) (*healthv1.SetWebhookResponse, error) {
	asked := req.GetWebhook()
	if err := s.check(ctx, asked); err != nil {
		return nil, err
	}
	state, err := s.Webhooks.Set(ctx, webhook.Hook{
		Account: accountOf(ctx), ID: asked.GetWebhookId(), URL: asked.GetUrl(), Types: asked.GetEventTypes(), Group: asked.GetGroupId(),
		Attempts: int(asked.GetMaxAttempts()), Secret: req.GetSecret(),
	})
	if errors.Is(err, webhook.ErrNoSecret) {
		var violations rpc.Violations
		violations.Add("secret", rpc.Literal("none"), "must be 24 to 64 bytes for a new webhook")
		return nil, violations.Err()
	}
	if err != nil {
		return nil, s.refuse(ctx, asked.GetWebhookId(), err)
	}
	return &healthv1.SetWebhookResponse{Webhook: toWebhook(state)}, nil
}

// check refuses what the rules of the contract can not tell.
func (s *WebhookServer) check(ctx context.Context, asked *healthv1.Webhook) error {
	var violations rpc.Violations
	checkAccount(ctx, &violations)
	checkWebhookID("webhook.webhook_id", asked.GetWebhookId(), &violations)
	if err := s.Webhooks.CheckURL(asked.GetUrl()); err != nil {
		violations.Add("webhook.url", asked.GetUrl(), err.Error())
	}
	for i, eventType := range asked.GetEventTypes() {
		if !webhook.KnownType(eventType) {
			violations.Add("webhook.event_types["+strconv.Itoa(i)+"]", eventType,
				"must be a type of event, like muster.instance.interruption_notice")
		}
	}
	if group := asked.GetGroupId(); group != "" && !events.IsToken(group) {
		violations.Add("webhook.group_id", group, "must be an id")
	}
	return violations.Err()
}

// checkWebhookID refuses ids that no webhook can have.
func checkWebhookID(field, id string, violations *rpc.Violations) {
	if !events.IsToken(id) {
		violations.Add(field, id, "must be 1 to 64 letters, digits, _ and -, and not _ alone")
	}
}

// checkNamed refuses a call about a webhook by an impossible name.
func checkNamed(ctx context.Context, id string) error {
	var violations rpc.Violations
	checkAccount(ctx, &violations)
	checkWebhookID("webhook_id", id, &violations)
	return violations.Err()
}

// ListWebhooks implements WebhookService.
func (s *WebhookServer) ListWebhooks(ctx context.Context, _ *healthv1.ListWebhooksRequest) (*healthv1.ListWebhooksResponse, error) {
	var violations rpc.Violations
	if checkAccount(ctx, &violations); violations.Err() != nil {
		return nil, violations.Err()
	}
	states, err := s.Webhooks.List(ctx, accountOf(ctx))
	if err != nil {
		return nil, s.refuse(ctx, "", err)
	}
	resp := &healthv1.ListWebhooksResponse{}
	for _, state := range states {
		resp.Webhooks = append(resp.Webhooks, toWebhook(state))
	}
	return resp, nil
}

// DeleteWebhook implements WebhookService.
func (s *WebhookServer) DeleteWebhook(ctx context.Context, req *healthv1.DeleteWebhookRequest) (*healthv1.DeleteWebhookResponse, error) {
	if err := checkNamed(ctx, req.GetWebhookId()); err != nil {
		return nil, err
	}
	if err := s.Webhooks.Delete(ctx, accountOf(ctx), req.GetWebhookId()); err != nil {
		return nil, s.refuse(ctx, req.GetWebhookId(), err)
	}
	return &healthv1.DeleteWebhookResponse{}, nil
}

// ListDeadLetters implements WebhookService.
func (s *WebhookServer) ListDeadLetters(ctx context.Context, req *healthv1.ListDeadLettersRequest) (*healthv1.ListDeadLettersResponse, error) {
	if err := checkNamed(ctx, req.GetWebhookId()); err != nil {
		return nil, err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPage
	}
	letters, err := s.Webhooks.Dead(ctx, accountOf(ctx), req.GetWebhookId(), size)
	if err != nil {
		return nil, s.refuse(ctx, req.GetWebhookId(), err)
	}
	resp := &healthv1.ListDeadLettersResponse{}
	for _, letter := range letters {
		resp.DeadLetters = append(resp.DeadLetters, &healthv1.DeadLetter{
			EventId: letter.EventID, EventType: letter.Type, Time: timestamppb.New(letter.Time), Attempts: int32(min(letter.Attempts, 1<<30)),
			Error: letter.Error,
		})
	}
	return resp, nil
}

// RedeliverDeadLetters implements WebhookService.
func (s *WebhookServer) RedeliverDeadLetters(ctx context.Context, req *healthv1.RedeliverDeadLettersRequest) (*healthv1.RedeliverDeadLettersResponse, error) {
	if err := checkNamed(ctx, req.GetWebhookId()); err != nil {
		return nil, err
	}
	delivered, left, err := s.Webhooks.Redeliver(ctx, accountOf(ctx), req.GetWebhookId())
	if err != nil {
		return nil, s.refuse(ctx, req.GetWebhookId(), err)
	}
	return &healthv1.RedeliverDeadLettersResponse{Delivered: int32(min(delivered, 1<<30)), Left: int32(min(left, 1<<30))}, nil
}

// refuse makes the error of a call about a webhook.
func (s *WebhookServer) refuse(ctx context.Context, id string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, webhook.ErrNotFound):
		return rpc.Error(codes.NotFound, healthv1.ErrorReason_ERROR_REASON_WEBHOOK_NOT_FOUND, map[string]string{"webhook_id": id},
			"there is no webhook "+rpc.Quote(id))
	case errors.Is(err, webhook.ErrTooMany):
		return rpc.Error(codes.ResourceExhausted, healthv1.ErrorReason_ERROR_REASON_TOO_MANY_WEBHOOKS,
			map[string]string{"limit": strconv.Itoa(webhook.MaxWebhooks)},
			"there are "+strconv.Itoa(webhook.MaxWebhooks)+" webhooks, as many as there may be; delete one first")
	default:
		s.Log.WarnContext(ctx, "webhooks can not be used now", "error", err)
		return unavailable()
	}
}

func toWebhook(state webhook.State) *healthv1.Webhook {
	return &healthv1.Webhook{
		WebhookId: state.ID, Url: state.URL, EventTypes: state.Types, GroupId: state.Group, MaxAttempts: int32(min(state.Attempts, 1<<10)),
		CreateTime: timestamppb.New(state.Created), PendingEvents: state.Pending, DeadLetters: state.Dead,
	}
}
