#!/bin/sh
# Makes every secret of an installation, each in a file of its own, with openssl.
#     sh deploy/secrets.sh FOLDER [DATABASE_HOST [BROKER_NAME...]]
# DATABASE_HOST stands in the database addresses (default: as before, at first 127.0.0.1), a BROKER_NAME in the broker's certificate: the names
# and addresses under which devices and Davy reach it (default: localhost). What is there already stays: run it again
# after an upgrade, or delete a file and run it to get that one anew.
#
# The folder is closed to everybody but its owner; the files in it can be read by whoever gets one of them mounted, because
# compose hands a file on with the rights that it has here, and the containers run as users of their own.
set -eu

if [ $# -lt 1 ]; then
    echo "Say where: sh deploy/secrets.sh FOLDER [DATABASE_HOST [BROKER_NAME...]]" >&2
    exit 2
fi
command -v openssl >/dev/null || { echo "It needs openssl: apt-get install openssl." >&2; exit 2; }
folder=$1
host=${2:-}
[ $# -lt 2 ] && shift 1 || shift 2
[ $# -gt 0 ] || set -- localhost

umask 022
mkdir -p "$folder"
chmod 0700 "$folder"
cd "$folder"

keep() { # keep NAME: stdin becomes the file NAME unless that is there
    if [ -s "$1" ]; then cat >/dev/null; else cat >".$1.new" && chmod 0444 ".$1.new" && mv ".$1.new" "$1"; fi
}

[ -z "$host" ] || { rm -f database_host; echo "$host" | keep database_host; }
echo 127.0.0.1 | keep database_host
host=$(cat database_host)

for role in superuser owner ingest alerting web grafana; do
    openssl rand -hex 24 | keep "database_$role"
done
for role in owner ingest alerting web grafana; do
    # Made from the password each time: a new password or host must not leave an old address behind.
    rm -f "database_url_$role"
    echo "postgresql://davy_$role:$(cat "database_$role")@$host:5432/davy" | keep "database_url_$role"
done
for user in ingest detectors test simulator; do
    openssl rand -hex 24 | keep "mqtt_$user"
done
openssl rand -hex 32 | keep principal_key
openssl rand -hex 32 | keep cookie_key
openssl rand -hex 32 | keep snapshot_key
openssl rand -hex 32 | keep seal_key
echo "k1=$(openssl rand -hex 32)" | keep link_keys
openssl rand -hex 32 | keep aliyun_receipts
openssl rand -hex 24 | keep grafana_admin
echo "k1=$(openssl rand -hex 32)" | keep address_keys
echo "demo=whsec_$(openssl rand -base64 32)" | keep webhook_secrets
# What only a vendor, your mail server or whoever waits for the sign of life can give you: empty until you write it there. An empty file counts as not set.
for vendor in smtp_password channel_secrets twilio_token aliyun_key_secret heartbeat_url; do
    [ -e "$vendor" ] || { : >"$vendor" && chmod 0644 "$vendor"; }
done

# An authority of one's own for the broker: devices get broker_ca.crt, and nobody gets broker_ca.key.
if [ ! -s broker_ca.crt ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Davy broker authority" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout broker_ca.key -out broker_ca.crt 2>/dev/null
    chmod 0400 broker_ca.key
    rm -f broker.crt
fi
if [ ! -s broker.crt ]; then
    names=""
    for name in "$@"; do
        case $name in
            *[!0-9.]*) names="$names,DNS:$name" ;;
            *) names="$names,IP:$name" ;;
        esac
    done
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout broker.key -out .broker.csr 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "${names#,}" >.broker.ext
    openssl x509 -req -in .broker.csr -CA broker_ca.crt -CAkey broker_ca.key -CAcreateserial -CAserial .broker.srl \
        -days 825 -extfile .broker.ext -out broker.crt 2>/dev/null
    rm -f .broker.csr .broker.ext .broker.srl
    chmod 0444 broker.key broker.crt broker_ca.crt
fi
echo "Secrets are in $folder. The broker's certificate ends on $(openssl x509 -in broker.crt -noout -enddate | cut -d= -f2)."
