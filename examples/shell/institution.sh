#!/usr/bin/env bash
# A minimal honest institution from the command line: openssl signs and verifies, curl carries, jq reads JSON.
#
#   ./institution.sh send MESSAGE.json     send a message and verify the receipt
#   ./institution.sh pull                  take what stands in the mailbox and give signed receipts
#
# Settings: ID (party id), KEY (private key PEM), GATEWAY (URL), GATEWAY_KEY (the gateway's public key PEM),
# LEDGER (file of taken messages). Read this beside the protocol, sections 3 to 6.
set -euo pipefail
: "${ID:?机构标识}" "${KEY:?私钥 PEM 文件}" "${GATEWAY:?网关地址}" "${GATEWAY_KEY:?网关公钥 PEM 文件}"
LEDGER=${LEDGER:-ledger.jsonl}
USER_ID=distid:1234567812345678
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sm3() { openssl dgst -sm3 -r "$1" | cut -d' ' -f1; }

# Section 3: the first 20 bytes of SM3 over the standard SubjectPublicKeyInfo, in upper-case hex.
serial_of() { # serial_of PUB.pem
    openssl pkey -pubin -in "$1" -outform DER -out "$work/spki"
    sm3 "$work/spki" | cut -c1-40 | tr a-f A-F
}

sign() { openssl dgst -sm3 -sign "$KEY" -sigopt "$USER_ID" "$1" | base64 -w0; }

verify() { # verify PUB.pem BASE64 FILE
    # The openssl command reads 72 bytes of a signature file and no more: what follows them would go unseen.
    printf %s "$2" | base64 -d >"$work/signature" 2>/dev/null && [ "$(wc -c <"$work/signature")" -le 72 ] &&
        openssl dgst -sm3 -verify "$1" -sigopt "$USER_ID" -signature "$work/signature" "$3" >/dev/null 2>&1
}

header() { tr -d '\r' <"$work/headers" | sed -n "s/^$1: *//Ip" | head -n1; }

# The five lines of section 3: each ended by LF, the last too; the body as its raw bytes.
request_string() { # request_string METHOD TARGET TIMESTAMP NONCE BODY-FILE
    printf '%s\n%s\n%s\n%s\n' "$1" "$2" "$3" "$4"
    cat "$5"
    printf '\n'
}

# One signed request: the answer's body in $work/answer, its status printed. Fails when the answer does not verify.
call() { # call METHOD TARGET [BODY-FILE]
    local body=${3:-/dev/null} timestamp nonce signature status
    timestamp=$(date +%s) nonce=$(openssl rand -hex 16)
    request_string "$1" "$2" "$timestamp" "$nonce" "$body" >"$work/signed"
    signature=$(sign "$work/signed")
    local arguments=(-s -S -X "$1" -D "$work/headers" -o "$work/answer" -w '%{http_code}' --max-time 60
        -H "Authorization: GZBZJ1-SM2-WITH-SM3 sender_id=\"$ID\",serial_no=\"$own_serial\",timestamp=\"$timestamp\",nonce_str=\"$nonce\",signature=\"$signature\"")
    [ $# -lt 3 ] || arguments+=(-H 'Content-Type: application/cloudevents+json' --data-binary "@$body")
    status=$(curl "${arguments[@]}" "$GATEWAY$2")
    check_answer "$nonce" || return 1
    printf %s "$status"
}

# Section 4: the nonce is ours, the time is now, the key is the pinned one, the signature verifies.
check_answer() { # check_answer NONCE
    local timestamp
    timestamp=$(header Gzbzj-Timestamp)
    { printf '%s\n%s\n' "$timestamp" "$1"; cat "$work/answer"; printf '\n'; } >"$work/said"
    if [ "$(header Gzbzj-Nonce)" != "$1" ] || [ "$(header Gzbzj-Serial)" != "$gateway_serial" ] ||
        [ "$(($(date +%s) - ${timestamp:-0}))" -gt 300 ] || [ "$((${timestamp:-0} - $(date +%s)))" -gt 300 ] ||
        ! verify "$GATEWAY_KEY" "$(header Gzbzj-Signature)" "$work/said"; then
        echo "应答没有可信的签名，不足为凭；请用原文件重发。" >&2
        return 1
    fi
}

parameter() { printf %s "$1" | sed -n "s/.*$2=\"\([^\"]*\)\".*/\1/p"; }

# The five parameters of section 3, each once, and nothing else.
well_formed() { # well_formed AUTHORIZATION
    local rest=${1#GZBZJ1-SM2-WITH-SM3 } names
    printf %s "$1" | grep -Eq '^GZBZJ1-SM2-WITH-SM3 .*nonce_str="[A-Za-z0-9]{16,64}"' || return 1
    printf %s "$rest" | grep -Eqx '[a-z_]+="[^"]*"([[:blank:]]*,[[:blank:]]*[a-z_]+="[^"]*"){4}' || return 1
    names=$(printf %s "$rest" | sed 's/="[^"]*"[[:blank:]]*,*[[:blank:]]*/\n/g' | LC_ALL=C sort | tr -d '\n')
    [ "$names" = nonce_strsender_idserial_nosignaturetimestamp ]
}

# A retired key still verifies what it signed within its validity.
valid_at() { # valid_at TIMESTAMP
    [ "$(jq -r .status "$work/key")" != next ] &&
        [ "$1" -ge "$(date -d "$(jq -r .notBefore "$work/key")" +%s)" ] &&
        [ "$1" -lt "$(date -d "$(jq -r .notAfter "$work/key")" +%s)" ]
}

# Section 6: the message is for us and its sender signed these very bytes; prints the code of the refusal, if any.
judge() { # judge BODY-FILE ORIGIN
    local sender serial source
    if ! jq -e '(.data | type) == "object" and .specversion == "1.0" and ([.id, .type, .subject, .time] | all(. // "" | length > 0))' \
        "$1" >/dev/null || ! well_formed "$2"; then printf MALFORMED_REQUEST && return; fi
    sender=$(parameter "$2" sender_id) serial=$(parameter "$2" serial_no) source=$(jq -r .source "$1")
    if [ "$(jq -r .recipient "$1")" != "$ID" ]; then printf RECIPIENT_NOT_PERMITTED && return; fi
    if [ "$sender" != "$source" ]; then printf SOURCE_MISMATCH && return; fi
    request_string POST /v1/messages "$(parameter "$2" timestamp)" "$(parameter "$2" nonce_str)" "$1" >"$work/origin"
    if ! find_key "$sender" "$serial"; then printf KEY_UNKNOWN && return; fi
    if ! valid_at "$(parameter "$2" timestamp)"; then printf KEY_NOT_ACTIVE && return; fi
    verify "$work/sender.pem" "$(parameter "$2" signature)" "$work/origin" || printf SIGNATURE_INVALID
}

# The listed key of an owner whose serial, computed and not believed, is the wanted one.
find_key() { # find_key OWNER SERIAL
    local place
    for place in $(jq -r --arg owner "$1" '.keys | to_entries[] | select(.value.ownerId == $owner) | .key' "$work/keys"); do
        jq ".keys[$place]" "$work/keys" >"$work/key"
        jq -r .publicKey "$work/key" >"$work/sender.pem"
        [ "$(serial_of "$work/sender.pem")" != "$2" ] || return 0
    done
    return 1
}

receipt_for() { # receipt_for BODY-FILE ORIGIN
    local digest held code
    digest=$(sm3 "$1")
    held=$(jq -r --slurpfile message "$1" \
        'select(.source == $message[0].source and .id == $message[0].id) | .digest' "$LEDGER" | head -n1)
    code=$(judge "$1" "$2")
    if [ -z "$code" ] && [ -n "$held" ] && [ "$held" != "$digest" ]; then code=MESSAGE_ID_CONFLICT; fi
    if [ -n "$code" ]; then
        jq -cj --arg digest "$digest" --arg code "$code" \
            '{id, $digest, status: "REFUSED", $code, message: "未通过本机构的核验"}' "$1"
        return
    fi
    # On the disk before the receipt leaves: a receipt is a promise. Your own business begins here.
    if [ -z "$held" ]; then jq -c --arg digest "$digest" '{source, id, $digest, type, subject}' "$1" >>"$LEDGER" && sync "$LEDGER"; fi
    jq -cj --arg digest "$digest" '{id, $digest, status: "ACCEPTED"}' "$1"
}

send() { # send MESSAGE.json
    local status
    status=$(call POST /v1/messages "$1")
    cat "$work/answer"
    echo
    [ "$status" = 200 ] || [ "$status" = 202 ]
}

pull() {
    local place delivery
    touch "$LEDGER"
    call GET /v1/keys >/dev/null
    mv "$work/answer" "$work/keys"
    call GET '/v1/mailbox?limit=20&wait=0' >/dev/null
    mv "$work/answer" "$work/mailbox"
    for place in $(jq -r '.messages | keys[]' "$work/mailbox"); do
        delivery=$(jq -r ".messages[$place].deliveryId" "$work/mailbox")
        jq -j ".messages[$place].body" "$work/mailbox" >"$work/message"
        receipt_for "$work/message" "$(jq -r ".messages[$place].origin" "$work/mailbox")" >"$work/receipt"
        echo "$delivery $(cat "$work/receipt") $(call POST "/v1/mailbox/$delivery/receipt" "$work/receipt")"
    done
}

openssl pkey -in "$KEY" -pubout -out "$work/own.pem"
own_serial=$(serial_of "$work/own.pem") gateway_serial=$(serial_of "$GATEWAY_KEY")
case ${1:-} in
send) send "$2" ;;
pull) pull ;;
*) echo "用法：$0 send 报文文件 | pull" >&2 && exit 2 ;;
esac
