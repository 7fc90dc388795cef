package example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;

/**
 * A minimal honest institution: sends a message, pulls its mailbox or takes pushes, and answers with signed receipts.
 *
 * <pre>
 * java example.Institution send MESSAGE.json --id xmccb --key xmccb.pem --gateway URL --gateway-key gateway.pub.pem
 * java example.Institution pull [--once] …
 * java example.Institution serve --port 9001 …
 * </pre>
 */
public final class Institution {
    private static final int MAX_BODY = 1024 * 1024;

    private record Held(String digest, byte[] receipt) {}

    private record Taken(boolean accepted, byte[] receipt) {}

    private final Gateway gateway;
    private final Path ledger;
    private final Map<String, Held> held = new HashMap<>();
    private final Set<String> nonces = new HashSet<>();

    private Institution(Gateway gateway, Path ledger) throws IOException {
        this.gateway = gateway;
        this.ledger = ledger;
        for (String line : Files.exists(ledger) ? Files.readAllLines(ledger) : List.<String>of()) {
            Map<String, Object> entry = Json.readObject(line.getBytes(StandardCharsets.UTF_8));
            byte[] receipt = ((String) entry.get("receipt")).getBytes(StandardCharsets.UTF_8);
            held.put(entry.get("source") + " " + entry.get("id"), new Held((String) entry.get("digest"), receipt));
        }
    }

    /** Whether a message is accepted, and the receipt; the same message again earns the same receipt. */
    private Taken take(byte[] body, String origin) throws IOException, InterruptedException {
        Map<String, Object> message = Json.readObject(body);
        if (!(message.get("id") instanceof String id) || !(message.get("source") instanceof String)) {
            throw new Refused("MALFORMED_REQUEST", "报文没有 id 或 source，无从回执。");
        }
        String digest = Sm2.sm3(body);
        try {
            check(message, body, origin);
            return new Taken(true, hold(message, digest));
        } catch (Refused refused) {
            Map<String, String> receipt = receipt(id, digest, "REFUSED");
            receipt.put("code", refused.code);
            receipt.put("message", refused.getMessage());
            return new Taken(false, Json.write(receipt));
        }
    }

    /** Protocol section 6: it is for us, and its sender signed these very bytes. */
    private void check(Map<String, Object> message, byte[] body, String origin) throws IOException, InterruptedException {
        checkEnvelope(message);
        if (!gateway.partyId.equals(message.get("recipient"))) {
            throw new Refused("RECIPIENT_NOT_PERMITTED", "报文的接收方不是本机构。");
        }
        if (origin == null) {
            throw new Refused("AUTH_MISSING", "缺少 Gzbzj-Origin。");
        }
        Authorization signed = Authorization.read(origin);
        if (!signed.senderId().equals(message.get("source"))) {
            throw new Refused("SOURCE_MISMATCH", "Gzbzj-Origin 的签名方不是报文的 source。");
        }
        Gateway.Key key = gateway.findKey(signed.senderId(), signed.serialNo());
        Gateway.checkValidAt(key, signed.timestamp());
        byte[] text = Gateway.requestString("POST", "/v1/messages", signed.timestamp(), signed.nonce(), body);
        Sm2.verify(key.point(), signed.signature(), text);
    }

    /** The attributes of section 2 are there; an institution also holds the data against the type's JSON Schema. */
    private static void checkEnvelope(Map<String, Object> message) {
        boolean whole = "1.0".equals(message.get("specversion")) && message.get("data") instanceof Map;
        for (String name : List.of("id", "source", "type", "subject", "time", "recipient")) {
            whole = whole && message.get(name) instanceof String text && !text.isEmpty();
        }
        if (!whole) {
            throw new Refused("MALFORMED_REQUEST", "信封不齐，请对照协议第 2 节检查各属性。");
        }
    }

    /** On the disk before the receipt leaves: a receipt is a promise. Your own business begins here. */
    private synchronized byte[] hold(Map<String, Object> message, String digest) throws IOException {
        String name = message.get("source") + " " + message.get("id");
        Held former = held.get(name);
        if (former != null && !former.digest.equals(digest)) {
            throw new Refused("MESSAGE_ID_CONFLICT", "同一 id 已用于另一份内容不同的报文。");
        }
        if (former != null) {
            return former.receipt;
        }
        byte[] receipt = Json.write(receipt((String) message.get("id"), digest, "ACCEPTED"));
        Map<String, String> entry = new LinkedHashMap<>();
        entry.put("source", (String) message.get("source"));
        entry.put("id", (String) message.get("id"));
        entry.put("digest", digest);
        entry.put("type", String.valueOf(message.get("type")));
        entry.put("receipt", new String(receipt, StandardCharsets.UTF_8));
        String line = new String(Json.write(entry), StandardCharsets.UTF_8) + "\n";
        Files.writeString(ledger, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
        held.put(name, new Held(digest, receipt));
        System.err.println("收到 " + message.get("type") + " " + message.get("id") + "：" + message.get("subject"));
        return receipt;
    }

    private static Map<String, String> receipt(String id, String digest, String status) {
        Map<String, String> members = new LinkedHashMap<>();
        members.put("id", id);
        members.put("digest", digest);
        members.put("status", status);
        return members;
    }

    /** The nonce of a push that the gateway signed, used for the first time. */
    private String checkPush(String method, String target, List<String> authorizations, byte[] body)
            throws IOException, InterruptedException {
        if (authorizations == null || authorizations.size() != 1) {
            throw new Refused("AUTH_MISSING", "推送应有且只有一个 Authorization。");
        }
        Authorization signed = Authorization.read(authorizations.get(0));
        if (!signed.senderId().equals("gateway")) {
            throw new Refused("KEY_UNKNOWN", "推送应由网关签名。");
        }
        Gateway.Key key = gateway.findKey("gateway", signed.serialNo());
        if (!key.status().equals("active")) {
            throw new Refused("KEY_NOT_ACTIVE", "网关的这把密钥已停用。");
        }
        Authorization.checkAge(signed.timestamp());
        byte[] text = Gateway.requestString(method, target, signed.timestamp(), signed.nonce(), body);
        Sm2.verify(key.point(), signed.signature(), text);
        synchronized (nonces) {
            if (!nonces.add(signed.serialNo() + " " + signed.nonce())) {
                throw new Refused("NONCE_REPLAYED", "随机串已使用过。");
            }
        }
        return signed.nonce();
    }

    /** Post a message; the answer was verified, its status tells the rest. No answer: send the same bytes again. */
    private static int send(Gateway gateway, Path file) throws IOException, InterruptedException {
        Gateway.Answer answer = gateway.call("POST", "/v1/messages", Files.readAllBytes(file), 0);
        System.out.println(new String(answer.body(), StandardCharsets.UTF_8));
        return answer.status() == 200 || answer.status() == 202 ? 0 : 1;
    }

    /** Ask the mailbox with a long poll and receipt each message; what fails is listed again next time. */
    private int pull(boolean once) throws InterruptedException {
        int wait = once ? 0 : 20;
        do {
            try {
                Gateway.Answer listing = gateway.call("GET", "/v1/mailbox?limit=20&wait=" + wait, new byte[0], wait);
                for (Object entry : (List<?>) listing.document().get("messages")) {
                    Map<?, ?> waiting = (Map<?, ?>) entry;
                    byte[] body = ((String) waiting.get("body")).getBytes(StandardCharsets.UTF_8);
                    Taken taken = take(body, (String) waiting.get("origin"));
                    gateway.call("POST", "/v1/mailbox/" + waiting.get("deliveryId") + "/receipt", taken.receipt, 0);
                }
            } catch (Refused | IOException | NullPointerException error) {
                System.err.println("本轮未完成，稍后再取：" + error.getMessage());
                Thread.sleep(500);
            }
        } while (!once);
        return 0;
    }

    /** Take pushes until the process is ended. */
    private int serve(int port) throws IOException, InterruptedException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", this::answerPush);
        server.start();
        System.out.println("就绪：http://127.0.0.1:" + server.getAddress().getPort());
        Thread.currentThread().join();
        return 0;
    }

    /** What does not prove to come from the gateway gets a problem and no receipt. */
    private void answerPush(HttpExchange exchange) throws IOException {
        String nonce = null;
        int status;
        byte[] answer;
        try {
            byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY + 1);
            if (body.length > MAX_BODY || !exchange.getRequestMethod().equals("POST")) {
                throw new Refused("MALFORMED_REQUEST", "只接收 1 MiB 以内的 POST。");
            }
            String target = exchange.getRequestURI().toString();
            nonce = checkPush("POST", target, exchange.getRequestHeaders().get("Authorization"), body);
            List<String> origins = exchange.getRequestHeaders().get("Gzbzj-Origin");
            Taken taken = take(body, origins != null && origins.size() == 1 ? origins.get(0) : null);
            status = taken.accepted ? 200 : 422;
            answer = taken.receipt;
        } catch (Refused refused) {
            status = nonce == null ? 401 : 400;
            answer = Json.write(problem(refused.code, refused.getMessage()));
        } catch (IOException | InterruptedException error) {
            status = 503;
            answer = Json.write(problem("UNAVAILABLE", "暂时无法核验。"));
        }
        if (nonce != null) {
            gateway.seal(nonce, answer).forEach(exchange.getResponseHeaders()::set);
        }
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, answer.length);
        exchange.getResponseBody().write(answer);
        exchange.close();
    }

    private static Map<String, String> problem(String code, String text) {
        Map<String, String> members = new LinkedHashMap<>();
        members.put("code", code);
        members.put("message", text);
        return members;
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> options = new HashMap<>(Map.of("--ledger", "ledger.jsonl", "--port", "9001"));
        for (int place = 0; place < arguments.length; place++) {
            boolean valued = arguments[place].startsWith("--") && !arguments[place].equals("--once");
            String name = arguments[place].startsWith("--") ? arguments[place] : place == 0 ? "command" : "file";
            options.put(name, valued ? arguments[++place] : arguments[place]);
        }
        Gateway gateway = new Gateway(
                options.get("--gateway"), options.get("--id"), Sm2.readPrivate(Path.of(options.get("--key"))),
                Files.readString(Path.of(options.get("--gateway-key"))));
        Institution institution = new Institution(gateway, Path.of(options.get("--ledger")));
        System.exit(switch (options.getOrDefault("command", "")) {
            case "send" -> send(gateway, Path.of(options.get("file")));
            case "pull" -> institution.pull(options.containsKey("--once"));
            case "serve" -> institution.serve(Integer.parseInt(options.get("--port")));
            default -> {
                System.err.println("用法：java example.Institution send|pull|serve …，见 README.md");
                yield 2;
            }
        });
    }
}
