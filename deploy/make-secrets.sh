#!/bin/sh
# Makes what the descriptions read: each secret in a file of its own, readable by its owner alone, and the user that the
# containers run as. Keeps what is there. Usage: deploy/make-secrets.sh deploy/three-nodes
set -eu
umask 077
folder=$1
user=$(id -u):$(id -g)
# Containers do not run as root, so that secrets made by root must be given to somebody else.
[ "$(id -u)" != 0 ] || user=1000:1000
mkdir -p "$folder/secrets"
# Writes what a command prints, unless the secret is there: a master key that is replaced loses what it sealed.
keep() {
  file=$folder/secrets/$1
  shift
  [ ! -e "$file" ] || return 0
  text=$("$@")
  [ -n "$text" ]
  printf '%s\n' "$text" > "$file"
}
database_url() {
  printf 'postgres://tessera:%s@postgres:5432/tessera' "$(cat "$folder/secrets/database_password")"
}
redis_url() {
  printf 'redis://tessera:%s@redis:6379/0' "$(cat "$folder/secrets/redis_password")"
}
# What a node sends, and of keys its own: whoever takes a node can empty no Redis and read nobody else's. Only the digest is here.
redis_users() {
  digest=$(tr -d '\n' < "$folder/secrets/redis_password" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  echo 'user default reset'
  echo "user tessera reset on #$digest ~{tessera:* +client|setname +info +eval +evalsha +time +get +set +del +exists"
}
keep master_key openssl rand -hex 32
keep database_password openssl rand -hex 24
keep database_url database_url
keep redis_password openssl rand -hex 24
keep redis_url redis_url
keep redis_users redis_users
# A program that makes a token text; by default the image.
keep root_token ${TESSERA:-docker run --rm --network none --entrypoint tessera tessera:0.1.0} generate --prefix tsm
[ "$(id -u)" != 0 ] || chown -R "$user" "$folder/secrets"
printf 'TESSERA_USER=%s\n' "$user" > "$folder/.env"
echo "The administrator token is in $folder/secrets/root_token"
