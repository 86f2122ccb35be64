#!/bin/sh
# Makes the secrets that docker-compose.yml mounts as files, as far as they are missing:
#
#     sh infra/docker/secrets.sh [FOLDER]      # ./secrets
#
# The folder opens to its owner alone. The files open to everyone, since containers read them as users of their own.
set -eu

folder=${1:-${SECRETS_DIR:-secrets}}
mkdir -p "$folder"
chmod 700 "$folder"

random() {
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

make() {
  if [ -s "$folder/$1" ]; then
    echo "$folder/$1 is there already."
    return
  fi
  (umask 022 && printf '%s\n' "$2" >"$folder/$1")
  echo "Made $folder/$1."
}

make postgres-password "$(random)"
make first-key "tessera_first_$(random)"
make grafana-password "$(random)"

# One pair of keys in two files.
if [ ! -s "$folder/s3-credentials" ] || [ ! -s "$folder/s3-config" ]; then
  rm -f "$folder/s3-credentials" "$folder/s3-config"
  id=$(random)
  secret=$(random)
  make s3-credentials "[default]
aws_access_key_id = $id
aws_secret_access_key = $secret"
  make s3-config "{ \"identities\": [{ \"name\": \"tessera\", \"credentials\": [{ \"accessKey\": \"$id\", \"secretKey\": \"$secret\" }],
  \"actions\": [\"Read:tessera\", \"Write:tessera\", \"List:tessera\"] }] }"
fi
