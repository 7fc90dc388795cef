package example;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;

/** Calls the gateway as one party and believes no answer that its key did not sign (protocol sections 3 to 5). */
final class Gateway {
    /** A listed key; the bounds are null for the pinned one. */
    record Key(ECPublicKeyParameters point, String status, OffsetDateTime notBefore, OffsetDateTime notAfter) {}

    record Answer(int status, byte[] body) {
        Map<String, Object> document() {
            return Json.readObject(body);
        }
    }

    private static final SecureRandom RANDOM = new SecureRandom();
    final String partyId;
    private final String url;
    private final ECPrivateKeyParameters secret;
    private final String serialNo;
    private final Map<String, Key> keys = new ConcurrentHashMap<>();
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1).followRedirects(HttpClient.Redirect.NEVER).build();

    Gateway(String url, String partyId, ECPrivateKeyParameters secret, String gatewayPem) {
        this.url = url.replaceAll("/$", "");
        this.partyId = partyId;
        this.secret = secret;
        this.serialNo = Sm2.serialNo(Sm2.publicOf(secret));
        ECPublicKeyParameters pinned = Sm2.readPublic(gatewayPem);
        keys.put("gateway " + Sm2.serialNo(pinned), new Key(pinned, "active", null, null));
    }

    /** The five lines of section 3, each ended by LF, the last too; the body as its raw bytes. */
    static byte[] requestString(String method, String target, String timestamp, String nonce, byte[] body) {
        return lines(method + "\n" + target + "\n" + timestamp + "\n" + nonce + "\n", body);
    }

    /** The three lines of section 4. */
    static byte[] responseString(String timestamp, String nonce, byte[] body) {
        return lines(timestamp + "\n" + nonce + "\n", body);
    }

    private static byte[] lines(String head, byte[] body) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(head.getBytes(StandardCharsets.UTF_8));
        out.writeBytes(body);
        out.write('\n');
        return out.toByteArray();
    }

    private static String now() {
        return String.valueOf(System.currentTimeMillis() / 1000);
    }

    /** One signed request; Refused when the answer's signature does not verify: then nothing is known. */
    Answer call(String method, String target, byte[] body, int wait) throws IOException, InterruptedException {
        byte[] random = new byte[16];
        RANDOM.nextBytes(random);
        String timestamp = now();
        String nonce = HexFormat.of().formatHex(random);
        String signature = Sm2.sign(secret, requestString(method, target, timestamp, nonce, body));
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + target))
                .timeout(Duration.ofSeconds(15L + wait))
                .header("Authorization", new Authorization(partyId, serialNo, timestamp, nonce, signature).write());
        if (body.length > 0) {
            request.header("Content-Type", "application/cloudevents+json");
        }
        HttpRequest.BodyPublisher content =
                body.length > 0 ? HttpRequest.BodyPublishers.ofByteArray(body) : HttpRequest.BodyPublishers.noBody();
        HttpResponse<byte[]> answer =
                client.send(request.method(method, content).build(), HttpResponse.BodyHandlers.ofByteArray());
        checkAnswer(answer.headers(), nonce, answer.body());
        return new Answer(answer.statusCode(), answer.body());
    }

    private void checkAnswer(HttpHeaders headers, String nonce, byte[] body) {
        String timestamp = headers.firstValue("Gzbzj-Timestamp").orElse("");
        if (!headers.firstValue("Gzbzj-Nonce").orElse("").equals(nonce) || !timestamp.matches("[0-9]{10}")) {
            throw new Refused("SIGNATURE_INVALID", "应答没有签名，或随机串不是本次请求的，不足为凭。");
        }
        Authorization.checkAge(timestamp);
        Key key = keys.get("gateway " + headers.firstValue("Gzbzj-Serial").orElse(""));
        if (key == null || !key.status.equals("active")) {
            throw new Refused("KEY_UNKNOWN", "应答的签名密钥不是可信的网关密钥。");
        }
        Sm2.verify(key.point, headers.firstValue("Gzbzj-Signature").orElse(""), responseString(timestamp, nonce, body));
    }

    /** A key by owner and serial; the list is fetched again for one that is unknown (a rotation). */
    Key findKey(String owner, String serial) throws IOException, InterruptedException {
        String name = owner + " " + serial;
        if (!keys.containsKey(name)) {
            refreshKeys();
        }
        Key key = keys.get(name);
        if (key == null) {
            throw new Refused("KEY_UNKNOWN", "找不到该签名方与序列号的公钥。");
        }
        return key;
    }

    /** Serials are computed from the keys, never believed. */
    private void refreshKeys() throws IOException, InterruptedException {
        for (Object entry : (List<?>) call("GET", "/v1/keys", new byte[0], 0).document().get("keys")) {
            Map<?, ?> listed = (Map<?, ?>) entry;
            ECPublicKeyParameters point = Sm2.readPublic((String) listed.get("publicKey"));
            Key key = new Key(point, (String) listed.get("status"), time(listed.get("notBefore")), time(listed.get("notAfter")));
            keys.put(listed.get("ownerId") + " " + Sm2.serialNo(point), key);
        }
    }

    private static OffsetDateTime time(Object text) {
        return text == null ? null : OffsetDateTime.parse((String) text);
    }

    /** A retired key still verifies what it signed within its validity. */
    static void checkValidAt(Key key, String timestamp) {
        long at = Long.parseLong(timestamp);
        boolean early = key.notBefore != null && at < key.notBefore.toEpochSecond();
        boolean late = key.notAfter != null && at >= key.notAfter.toEpochSecond();
        if (early || late || key.status.equals("next")) {
            throw new Refused("KEY_NOT_ACTIVE", "发送方的密钥当时无效。");
        }
    }

    /** The four headers that sign an answer of ours; the nonce is the request's. */
    Map<String, String> seal(String nonce, byte[] body) {
        String timestamp = now();
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("Gzbzj-Serial", serialNo);
        headers.put("Gzbzj-Timestamp", timestamp);
        headers.put("Gzbzj-Nonce", nonce);
        headers.put("Gzbzj-Signature", Sm2.sign(secret, responseString(timestamp, nonce, body)));
        return headers;
    }
}
