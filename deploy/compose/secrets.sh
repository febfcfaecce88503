#!/bin/sh
# Makes what compose.tls.yaml needs to be secret: certificates, passwords, tokens
# and an access key, each in a file. Passwords, tokens and keys that are there
# stay; certificates are made anew, of the same authorities. Run it again to renew
# them, and after a change of tokens.yaml: the services see it by themselves.
#
#   deploy/compose/secrets.sh            into deploy/compose/secrets
#   MUSTER_SECRETS=DIR MUSTER=FILE deploy/compose/secrets.sh
#
# The folder is for its owner only. Below it, what goes into containers can be
# read by the users that these run as, who are strangers to this machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
secrets=${MUSTER_SECRETS:-$here/secrets}
muster=${MUSTER:-$here/../../muster}

umask 077
mkdir -p "$secrets"
chmod 700 "$secrets"
cd "$secrets"
mkdir -p services stores redis nats gateway client
chmod 755 services stores redis nats gateway

# give FILE FOLDER [MODE]: puts a copy into a folder, whole or not at all, for a
# process may read it at any time.
give() {
  cp "$1" "$2/.new"
  chmod "${3:-644}" "$2/.new"
  mv "$2/.new" "$2/$(basename "$1")"
}

# secret FILE: a random word, if the file is not there.
secret() {
  [ -e "$1" ] || head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n' > "$1"
}

# Two authorities: whoever has a certificate of the first is let in by services,
# and who has the server's is one of them. What Redis and NATS show is worth
# nothing there.
"$muster" certs init --dir authority-services \
  --host fleetsim,allocator,healthcheck-a,healthcheck-b,healthcheck-c,groupsvc,groupsvc-a,groupsvc-b,groupsvc-c,gateway > /dev/null
"$muster" certs init --dir authority-stores --host redis,nats > /dev/null
for name in server-key.pem server.pem ca.pem; do give "authority-services/$name" services; done
for name in client-key.pem client.pem ca.pem; do give "authority-services/$name" client 600; done
give authority-stores/ca.pem stores
for store in redis nats; do
  for name in server-key.pem server.pem; do give "authority-stores/$name" "$store"; done
done

secret redis.password
secret nats.password
secret ecs.secret
for name in redis.password nats.password; do give "$name" stores; done
# Redis knows the hash of the password only; whoever has none may ask whether it
# is there, which is its health check.
printf 'user default on #%s ~* &* +@all\nuser health on nopass -@all +ping\n' \
  "$(sha256sum < redis.password | cut -d ' ' -f 1)" > users.acl
give users.acl redis
printf 'authorization { user: muster, password: "%s" }\n' "$(cat nats.password)" > authorization.conf
give authorization.conf nats

# Who calls over gRPC: an administrator, and for each other role one, all of the
# account that is always there.
for role in admin operator viewer; do
  [ -e "client/$role.token" ] ||
    "$muster" token new --name "$role" --role "$role" --account default --out "client/$role.token" --tokens-file tokens.yaml
done
give tokens.yaml services

# Who calls the ECS API. The gateway takes no key from a file that others can read,
# so it runs as the user that made it.
give ecs.secret gateway 600
printf 'keys:\n  - { id: LTAI-muster, secret_file: ecs.secret, account: default }\n' > keys.yaml
give keys.yaml gateway

# Where the stack is called, and how. Compose reads MUSTER_SECRETS and MUSTER_OWNER.
cat > client/env <<END
. "$here/env"
export MUSTER_SECRETS="$secrets"
export MUSTER_OWNER=$(id -u):$(id -g)
export MUSTER_TLS_CA_FILE="$secrets/client/ca.pem"
export MUSTER_TLS_CERT_FILE="$secrets/client/client.pem"
export MUSTER_TLS_KEY_FILE="$secrets/client/client-key.pem"
export MUSTER_TOKEN_FILE="$secrets/client/admin.token"
END
echo "$secrets/client/env"
