// The wire protocol for Node.js: sm-crypto for SM2 and SM3, Node's own modules for the rest.
// Read this beside the protocol: sections 3 (request signature), 4 (response signature), 5 (keys) and 6 (receipts).

import { createHash, getHashes, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import smCrypto from 'sm-crypto';

const { sm2, sm3 } = smCrypto;
const SCHEME = 'GZBZJ1-SM2-WITH-SM3';
const SPKI_HEAD = '3059301306072a8648ce3d020106082a811ccf5501822d034200';
const NAMES = ['sender_id', 'serial_no', 'timestamp', 'nonce_str', 'signature'];
const SHAPES = { serial_no: /^[0-9A-F]{40}$/, timestamp: /^[0-9]{10}$/, nonce_str: /^[A-Za-z0-9]{16,64}$/ };
const WINDOW = 300;

/** What came in is refused: a code of protocol section 7 and a Chinese text. */
export class Refused extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

const fromPem = (pem) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64').toString('hex');

/** The 32 bytes of an unencrypted PKCS#8 key, in hex: version 1, then an OCTET STRING of 32. */
export function readPrivateKey(file) {
  const found = /0201010420([0-9a-f]{64})/.exec(fromPem(readFileSync(file, 'utf8')));
  if (!found) throw new Error(`${file} 不是未加密的 PKCS#8 SM2 私钥`);
  return found[1];
}

/** `04 ‖ x ‖ y` of a standard SubjectPublicKeyInfo, in hex. */
export function readPublicKey(pem) {
  const der = fromPem(pem);
  if (!der.startsWith(SPKI_HEAD)) throw new Error('不是标准编码的 SM2 公钥');
  return der.slice(SPKI_HEAD.length);
}

/** SM3 as 64 lower-case hex digits; Node's own is quicker than JavaScript where OpenSSL has it. */
export const digest = getHashes().includes('sm3')
  ? (body) => createHash('sm3').update(body).digest('hex')
  : (body) => sm3([...body]);

/** Section 3: the first 20 bytes of SM3 over the standard SubjectPublicKeyInfo, in upper-case hex. */
export const serialNo = (point) => digest(Buffer.from(SPKI_HEAD + point, 'hex')).slice(0, 40).toUpperCase();

/** The five lines of section 3, each ended by LF, the last too; the body as its raw bytes. */
export const requestString = (method, target, timestamp, nonce, body) =>
  Buffer.concat([Buffer.from(`${method}\n${target}\n${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);

/** The three lines of section 4. */
export const responseString = (timestamp, nonce, body) =>
  Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);

/** SM2 with SM3 and the user id 1234567812345678 (sm-crypto's default), DER, Base64. */
const sign = (privateKey, text) =>
  Buffer.from(sm2.doSignature([...text], privateKey, { hash: true, der: true }), 'hex').toString('base64');

/** Throw Refused unless the signature is this key's over `text`; sm-crypto is strict about DER, we about Base64. */
export function verify(point, signature, text) {
  const der = Buffer.from(signature, 'base64');
  if (der.toString('base64') !== signature) throw new Refused('SIGNATURE_MALFORMED', '签名不是标准 Base64。');
  const good = sm2.doVerifySignature([...text], der.toString('hex'), point, { hash: true, der: true });
  if (!good) throw new Refused('SIGNATURE_INVALID', '验签未通过。');
}

/** The five parameters of an Authorization header, in any order, blanks allowed around the commas. */
export function readAuthorization(value) {
  const [, scheme, rest] = /^\s*(\S+) ?(.*)$/.exec(value) ?? [];
  if (scheme !== SCHEME) throw new Refused('AUTH_SCHEME_UNSUPPORTED', `签名方案应为 ${SCHEME}。`);
  const pairs = [...rest.matchAll(/[ \t]*([a-z_]+)="([^"]*)"[ \t]*(?:,|$)/gy)];
  const fields = Object.fromEntries(pairs.map(([, name, text]) => [name, text]));
  const whole = pairs.map(([text]) => text).join('') === rest && !rest.endsWith(',');
  const shaped = Object.entries(SHAPES).every(([name, shape]) => shape.test(fields[name] ?? ''));
  if (!whole || pairs.length !== NAMES.length || !NAMES.every((name) => name in fields) || !shaped) {
    throw new Refused('MALFORMED_REQUEST', 'Authorization 请求头的参数有误。');
  }
  return fields;
}

/** Within 300 seconds of our clock, on either side. */
export function checkAge(timestamp) {
  if (Math.abs(Number(timestamp) - Date.now() / 1000) > WINDOW) {
    throw new Refused('TIMESTAMP_OUT_OF_WINDOW', '时间戳与本方时钟相差超过 300 秒。');
  }
}

/** Strict JSON (section 2): one object, UTF-8 without BOM, no repeated names, no lone surrogate, no NUL. */
export function readJson(body) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const document = JSON.parse(text);
    checkNames(text);
    checkTexts(document);
    if (document === null || typeof document !== 'object' || Array.isArray(document)) throw new Error('not an object');
    return document;
  } catch {
    throw new Refused('MALFORMED_REQUEST', '报文体不是合格的 JSON 对象。');
  }
}

/** The attributes of section 2 are there; an institution also holds `data` against the type's JSON Schema. */
export function checkEnvelope(message) {
  const texts = ['id', 'source', 'type', 'subject', 'time', 'recipient'];
  const whole = texts.every((name) => typeof message[name] === 'string' && message[name] !== '');
  const data = message.data !== null && typeof message.data === 'object' && !Array.isArray(message.data);
  if (!whole || !data || message.specversion !== '1.0') {
    throw new Refused('MALFORMED_REQUEST', '信封不齐，请对照协议第 2 节检查各属性。');
  }
}

/** JSON.parse keeps the last of two equal names; here the names of each object are held against each other. */
function checkNames(text) {
  const open = [];
  for (const [token, name] of text.matchAll(/[{}[\]]|("(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"/g)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else if (name !== undefined) {
      const names = open[open.length - 1];
      if (names.has(JSON.parse(name))) throw new Error('repeated name');
      names.add(JSON.parse(name));
    }
    if (open.length > 64) throw new Error('too deep');
  }
}

function checkTexts(value) {
  const bad = (text) => !text.isWellFormed() || text.includes('\0');
  if (typeof value === 'string' && bad(value)) throw new Error('bad text');
  if (value !== null && typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) {
      if (bad(name)) throw new Error('bad name');
      checkTexts(inner);
    }
  }
}

/** Calls the gateway as one party and believes no answer that its key did not sign. */
export class Gateway {
  constructor(url, partyId, privateKey, gatewayPem) {
    this.url = url.replace(/\/$/, '');
    this.partyId = partyId;
    this.privateKey = privateKey;
    this.serial = serialNo(sm2.getPublicKeyFromPrivateKey(privateKey));
    const point = readPublicKey(gatewayPem);
    this.keys = new Map([[`gateway ${serialNo(point)}`, { point, status: 'active' }]]);
  }

  /** One signed request; Refused when the answer's signature does not verify: then nothing is known. */
  async call(method, target, body = Buffer.alloc(0), wait = 0) {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomBytes(16).toString('hex');
    const signature = sign(this.privateKey, requestString(method, target, timestamp, nonce, body));
    const headers = {
      Authorization:
        `${SCHEME} sender_id="${this.partyId}",serial_no="${this.serial}",` +
        `timestamp="${timestamp}",nonce_str="${nonce}",signature="${signature}"`,
      ...(body.length ? { 'Content-Type': 'application/cloudevents+json' } : {}),
    };
    const answer = await fetch(this.url + target, {
      method,
      headers,
      body: body.length ? body : undefined,
      redirect: 'manual',
      signal: AbortSignal.timeout((15 + wait) * 1000),
    });
    const content = Buffer.from(await answer.arrayBuffer());
    this.#checkAnswer(answer.headers, nonce, content);
    return { status: answer.status, document: JSON.parse(content.toString()) };
  }

  #checkAnswer(headers, nonce, body) {
    const timestamp = headers.get('gzbzj-timestamp') ?? '';
    if (headers.get('gzbzj-nonce') !== nonce || !SHAPES.timestamp.test(timestamp)) {
      throw new Refused('SIGNATURE_INVALID', '应答没有签名，或随机串不是本次请求的，不足为凭。');
    }
    checkAge(timestamp);
    const key = this.keys.get(`gateway ${headers.get('gzbzj-serial')}`);
    if (!key || key.status !== 'active') throw new Refused('KEY_UNKNOWN', '应答的签名密钥不是可信的网关密钥。');
    verify(key.point, headers.get('gzbzj-signature') ?? '', responseString(timestamp, nonce, body));
  }

  /** A key by owner and serial; the list is fetched again for one that is unknown. Serials are computed, never believed. */
  async findKey(owner, serial) {
    const name = `${owner} ${serial}`;
    if (!this.keys.has(name)) {
      for (const key of (await this.call('GET', '/v1/keys')).document.keys) {
        const point = readPublicKey(key.publicKey);
        this.keys.set(`${key.ownerId} ${serialNo(point)}`, { ...key, point });
      }
    }
    if (!this.keys.has(name)) throw new Refused('KEY_UNKNOWN', '找不到该签名方与序列号的公钥。');
    return this.keys.get(name);
  }

  /** The four headers that sign an answer of ours; `nonce` is the request's. */
  seal(nonce, body) {
    const timestamp = String(Math.floor(Date.now() / 1000));
    return {
      'Gzbzj-Serial': this.serial,
      'Gzbzj-Timestamp': timestamp,
      'Gzbzj-Nonce': nonce,
      'Gzbzj-Signature': sign(this.privateKey, responseString(timestamp, nonce, body)),
    };
  }
}

/** A retired key still verifies what it signed within its validity. */
export function checkValidAt(key, timestamp) {
  const at = Number(timestamp) * 1000;
  if (key.status === 'next' || at < Date.parse(key.notBefore) || at >= Date.parse(key.notAfter)) {
    throw new Refused('KEY_NOT_ACTIVE', '发送方的密钥当时无效。');
  }
}
