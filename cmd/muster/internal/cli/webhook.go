package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/grpc"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type webhookCommand struct {
	Set       webhookSet       `cmd:"" help:"Make a webhook, or change one: it is sent events over HTTP from now on."`
	List      webhookList      `cmd:"" help:"List webhooks and how they fare."`
	Delete    webhookDelete    `cmd:"" help:"Delete a webhook with its dead letters."`
	Dead      webhookDead      `cmd:"" help:"List what a webhook did not take."`
	Redeliver webhookRedeliver `cmd:"" help:"Send again what a webhook did not take."`
}

// maxSecretFile bounds what is read of a secret: one that is too long is
// refused by the service, in words.
const maxSecretFile = 4 << 10

type webhookSet struct {
	client
	ID         string   `arg:"" name:"id" help:"Id of the webhook: 1 to 64 of A-Z a-z 0-9 _ -."`
	URL        string   `arg:"" name:"url" help:"The http or https URL to send to."`
	Type       []string `placeholder:"TYPE" help:"Only events of these CloudEvents types, for example muster.instance.running; by default interruptions and what becomes of groups (docs/events.md)."`
	Group      string   `placeholder:"ID" help:"Only events of this group."`
	Attempts   int32    `placeholder:"N" help:"How often an event is sent before it is given up, 1 to 20; 10 by default."`
	SecretFile string   `placeholder:"FILE" help:"File that holds the key to sign with, 24 to 64 bytes; - for the standard input. A line end at its end is not part of it. Needed for a new webhook; a changed one keeps the key it has."`
}

// Run makes or changes a webhook.
func (c *webhookSet) Run(ctx context.Context, on console) error {
	secret, err := c.secret(on.in)
	if err != nil {
		return err
	}
	return c.webhooks(func(webhooks healthv1.WebhookServiceClient) error {
		set, err := webhooks.SetWebhook(ctx, &healthv1.SetWebhookRequest{Secret: secret, Webhook: &healthv1.Webhook{
			WebhookId: c.ID, Url: c.URL, EventTypes: c.Type, GroupId: c.Group, MaxAttempts: c.Attempts,
		}})
		if err != nil {
			return err
		}
		return c.show(on.out, set, func(w table) { webhookTable(w, set.GetWebhook()) })
	})
}

// secret reads the key. It is no flag, for others on a machine see the flags of
// a command.
func (c *webhookSet) secret(in io.Reader) ([]byte, error) {
	switch c.SecretFile {
	case "":
		return nil, nil
	case "-":
	default:
		file, err := os.Open(c.SecretFile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read from
		in = file
	}
	secret, err := io.ReadAll(io.LimitReader(in, maxSecretFile))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return bytes.TrimRight(secret, "\r\n"), nil
}

// webhooks calls a function with a client of webhooks.
func (c client) webhooks(do func(healthv1.WebhookServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(healthv1.NewWebhookServiceClient(conn)) })
}

func webhookTable(w table, webhooks ...*healthv1.Webhook) {
	row(w, "WEBHOOK", "GROUP", "ATTEMPTS", "PENDING", "DEAD", "TYPES", "URL")
	for _, one := range webhooks {
		row(w, one.GetWebhookId(), orDash(one.GetGroupId()), one.GetMaxAttempts(), one.GetPendingEvents(), one.GetDeadLetters(),
			shortTypes(one.GetEventTypes()), tame(one.GetUrl()))
	}
}

// shortTypes writes types without what they have in common; of many it only
// counts the rest.
func shortTypes(types []string) string {
	const most = 3
	short := make([]string, 0, most)
	for _, one := range types[:min(len(types), most)] {
		short = append(short, strings.TrimPrefix(one, "muster."))
	}
	text := strings.Join(short, ",")
	if len(types) > most {
		text += fmt.Sprintf(" and %d more", len(types)-most)
	}
	return text
}

type webhookList struct{ client }

// Run lists the webhooks.
func (c *webhookList) Run(ctx context.Context, on console) error {
	return c.webhooks(func(webhooks healthv1.WebhookServiceClient) error {
		listed, err := webhooks.ListWebhooks(ctx, &healthv1.ListWebhooksRequest{})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) { webhookTable(w, listed.GetWebhooks()...) })
	})
}

// named is what commands about one webhook have in common.
type namedWebhook struct {
	client
	ID string `arg:"" name:"id" help:"Id of the webhook."`
}

type webhookDelete struct{ namedWebhook }

// Run deletes a webhook.
func (c *webhookDelete) Run(ctx context.Context, on console) error {
	return c.webhooks(func(webhooks healthv1.WebhookServiceClient) error {
		deleted, err := webhooks.DeleteWebhook(ctx, &healthv1.DeleteWebhookRequest{WebhookId: c.ID})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) { w.say("Deleted webhook " + c.ID + ".") })
	})
}

type webhookDead struct {
	namedWebhook
	Limit int32 `placeholder:"N" help:"Show at most so many, the oldest, 1 to 250." default:"100"`
}

// Run lists dead letters.
func (c *webhookDead) Run(ctx context.Context, on console) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	return c.webhooks(func(webhooks healthv1.WebhookServiceClient) error {
		listed, err := webhooks.ListDeadLetters(ctx, &healthv1.ListDeadLettersRequest{WebhookId: c.ID, PageSize: c.Limit})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
			row(w, "GIVEN UP", "EVENT", "TYPE", "ATTEMPTS", "ERROR")
			for _, letter := range listed.GetDeadLetters() {
				row(w, stamp(letter.GetTime()), tame(letter.GetEventId()), tame(letter.GetEventType()), letter.GetAttempts(), tame(letter.GetError()))
			}
		})
	})
}

type webhookRedeliver struct{ namedWebhook }

// Run sends dead letters again.
func (c *webhookRedeliver) Run(ctx context.Context, on console) error {
	return c.webhooks(func(webhooks healthv1.WebhookServiceClient) error {
		sent, err := webhooks.RedeliverDeadLetters(ctx, &healthv1.RedeliverDeadLettersRequest{WebhookId: c.ID})
		if err != nil {
			return err
		}
		return c.show(on.out, sent, func(w table) {
			w.say(fmt.Sprintf("%s taken, %d left.", counted(sent.GetDelivered(), "dead letter", "dead letters"), sent.GetLeft()))
		})
	})
}
