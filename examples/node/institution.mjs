// A minimal honest institution: sends a message, pulls its mailbox or takes pushes, and answers with signed receipts.
//
//   node institution.mjs send MESSAGE.json --id xmccb --key xmccb.pem --gateway URL --gateway-key gateway.pub.pem
//   node institution.mjs pull [--once] …
//   node institution.mjs serve --port 9001 …

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import {
  Gateway, Refused, checkAge, checkEnvelope, checkValidAt, digest, readAuthorization, readJson, readPrivateKey,
  requestString, verify,
} from './gzbzj.mjs';

const MAX_BODY = 1024 * 1024;
const write = (members) => Buffer.from(JSON.stringify(members));

/** Judges messages. What it has taken stands in `held`, by source and id; a real one keeps it in its database. */
class Institution {
  constructor(gateway, ledger) {
    this.gateway = gateway;
    this.ledger = ledger;
    this.nonces = new Set();
    const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').filter(Boolean) : [];
    const entries = lines.map((line) => JSON.parse(line));
    this.held = new Map(entries.map((entry) => [`${entry.source} ${entry.id}`, entry]));
  }

  /** Whether a message is accepted, and the receipt; the same message again earns the same receipt. */
  async take(body, origin) {
    const message = readJson(body);
    if (typeof message.id !== 'string' || typeof message.source !== 'string') {
      throw new Refused('MALFORMED_REQUEST', '报文没有 id 或 source，无从回执。');
    }
    const receipt = { id: message.id, digest: digest(body) };
    try {
      await this.#check(message, body, origin);
      return { accepted: true, receipt: this.#hold(message, receipt.digest) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return {
        accepted: false,
        receipt: write({ ...receipt, status: 'REFUSED', code: error.code, message: error.message }),
      };
    }
  }

  /** Protocol section 6: it is for us, and its sender signed these very bytes. */
  async #check(message, body, origin) {
    checkEnvelope(message);
    if (message.recipient !== this.gateway.partyId) {
      throw new Refused('RECIPIENT_NOT_PERMITTED', '报文的接收方不是本机构。');
    }
    if (origin === undefined || origin === null) throw new Refused('AUTH_MISSING', '缺少 Gzbzj-Origin。');
    const fields = readAuthorization(origin);
    if (fields.sender_id !== message.source) {
      throw new Refused('SOURCE_MISMATCH', 'Gzbzj-Origin 的签名方不是报文的 source。');
    }
    const key = await this.gateway.findKey(fields.sender_id, fields.serial_no);
    checkValidAt(key, fields.timestamp);
    verify(
      key.point, fields.signature,
      requestString('POST', '/v1/messages', fields.timestamp, fields.nonce_str, body),
    );
  }

  /** On the disk before the receipt leaves: a receipt is a promise. Your own business begins here. */
  #hold(message, bodyDigest) {
    const name = `${message.source} ${message.id}`;
    const held = this.held.get(name);
    if (held && held.digest !== bodyDigest) {
      throw new Refused('MESSAGE_ID_CONFLICT', '同一 id 已用于另一份内容不同的报文。');
    }
    if (held) return Buffer.from(held.receipt);
    const receipt = write({ id: message.id, digest: bodyDigest, status: 'ACCEPTED' });
    const entry = { source: message.source, id: message.id, digest: bodyDigest, receipt: receipt.toString(), message };
    appendFileSync(this.ledger, `${JSON.stringify(entry)}\n`, { flush: true });
    this.held.set(name, entry);
    console.error(`收到 ${message.type} ${message.id}：${message.subject}`);
    return receipt;
  }

  /** The nonce of a push that the gateway signed, used for the first time. */
  async checkPush(method, target, authorizations, body) {
    if (authorizations.length !== 1) throw new Refused('AUTH_MISSING', '推送应有且只有一个 Authorization。');
    const fields = readAuthorization(authorizations[0]);
    if (fields.sender_id !== 'gateway') throw new Refused('KEY_UNKNOWN', '推送应由网关签名。');
    const key = await this.gateway.findKey('gateway', fields.serial_no);
    if (key.status !== 'active') throw new Refused('KEY_NOT_ACTIVE', '网关的这把密钥已停用。');
    checkAge(fields.timestamp);
    verify(key.point, fields.signature, requestString(method, target, fields.timestamp, fields.nonce_str, body));
    const nonce = `${fields.serial_no} ${fields.nonce_str}`;
    if (this.nonces.has(nonce)) throw new Refused('NONCE_REPLAYED', '随机串已使用过。');
    this.nonces.add(nonce);
    return fields.nonce_str;
  }
}

/** Post a message; the answer was verified, its status tells the rest. No answer: send the same bytes again. */
async function send(gateway, file) {
  const { status, document } = await gateway.call('POST', '/v1/messages', readFileSync(file));
  console.log(JSON.stringify({ httpStatus: status, ...document }));
  return status === 200 || status === 202 ? 0 : 1;
}

/** Ask the mailbox with a long poll and receipt each message; what fails is listed again next time. */
async function pull(gateway, institution, once) {
  const wait = once ? 0 : 20;
  do {
    try {
      const { document } = await gateway.call('GET', `/v1/mailbox?limit=20&wait=${wait}`, undefined, wait);
      for (const message of document.messages) {
        const { receipt } = await institution.take(Buffer.from(message.body), message.origin);
        await gateway.call('POST', `/v1/mailbox/${message.deliveryId}/receipt`, receipt);
      }
    } catch (error) {
      console.error(`本轮未完成，稍后再取：${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } while (!once);
  return 0;
}

const headersNamed = (request, name) =>
  request.rawHeaders.filter((_, place, all) => place % 2 === 1 && all[place - 1].toLowerCase() === name);

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Refused('BODY_TOO_LARGE', '报文体过大。');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The answer to a push. What does not prove to come from the gateway gets a problem and no receipt. */
async function answerPush(gateway, institution, request) {
  let nonce;
  try {
    if (request.method !== 'POST') throw new Refused('NOT_FOUND', '只接收 POST。');
    const body = await readBody(request);
    nonce = await institution.checkPush('POST', request.url, headersNamed(request, 'authorization'), body);
    const origins = headersNamed(request, 'gzbzj-origin');
    const { accepted, receipt } = await institution.take(body, origins.length === 1 ? origins[0] : undefined);
    return { status: accepted ? 200 : 422, body: receipt, headers: gateway.seal(nonce, receipt) };
  } catch (error) {
    const refused = error instanceof Refused;
    const status = refused ? (nonce === undefined ? 401 : 400) : 503;
    const body = write({ code: refused ? error.code : 'UNAVAILABLE', message: error.message });
    return { status, body, headers: nonce === undefined ? {} : gateway.seal(nonce, body) };
  }
}

function serve(gateway, institution, port) {
  const server = createServer(async (request, response) => {
    const { status, body, headers } = await answerPush(gateway, institution, request);
    response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers });
    response.end(body);
  });
  server.keepAliveTimeout = 75_000; // longer than the gateway's, so that no request meets a closing connection
  server.listen(port, '127.0.0.1', () => console.log(`就绪：http://127.0.0.1:${server.address().port}`));
  return new Promise(() => {});
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    id: { type: 'string' },
    key: { type: 'string' },
    gateway: { type: 'string' },
    'gateway-key': { type: 'string' },
    ledger: { type: 'string', default: 'ledger.jsonl' },
    port: { type: 'string', default: '9001' },
    once: { type: 'boolean', default: false },
  },
});
const [command, file] = positionals;
const pinned = readFileSync(values['gateway-key'], 'utf8');
const gateway = new Gateway(values.gateway, values.id, readPrivateKey(values.key), pinned);
const institution = new Institution(gateway, values.ledger);
const commands = {
  send: () => send(gateway, file),
  pull: () => pull(gateway, institution, values.once),
  serve: () => serve(gateway, institution, Number(values.port)),
};
if (!(command in commands)) {
  console.error('用法：node institution.mjs send|pull|serve …，见 README.md');
  process.exit(2);
}
process.exit(await commands[command]());
