package example;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The Authorization header of protocol section 3: five parameters in any order. */
record Authorization(String senderId, String serialNo, String timestamp, String nonce, String signature) {
    static final String SCHEME = "GZBZJ1-SM2-WITH-SM3";
    private static final Pattern PARAMETER = Pattern.compile("[ \t]*([a-z_]+)=\"([^\"]*)\"[ \t]*(,|$)");
    private static final Set<String> NAMES = Set.of("sender_id", "serial_no", "timestamp", "nonce_str", "signature");
    private static final long WINDOW = 300;

    static Authorization read(String value) {
        String[] parts = value.strip().split(" ", 2);
        if (!parts[0].equals(SCHEME) || parts.length < 2) {
            throw new Refused("AUTH_SCHEME_UNSUPPORTED", "签名方案应为 " + SCHEME + "。");
        }
        Map<String, String> fields = fields(parts[1]);
        Authorization read = new Authorization(
                fields.get("sender_id"), fields.get("serial_no"), fields.get("timestamp"), fields.get("nonce_str"),
                fields.get("signature"));
        boolean shaped = read.serialNo.matches("[0-9A-F]{40}") && read.timestamp.matches("[0-9]{10}")
                && read.nonce.matches("[A-Za-z0-9]{16,64}");
        if (!shaped) {
            throw malformed();
        }
        return read;
    }

    private static Map<String, String> fields(String text) {
        Map<String, String> fields = new HashMap<>();
        Matcher matcher = PARAMETER.matcher(text);
        int place = 0;
        String separator = ",";
        while (matcher.find(place) && matcher.start() == place && separator.equals(",")) {
            if (fields.put(matcher.group(1), matcher.group(2)) != null) {
                throw malformed();
            }
            place = matcher.end();
            separator = matcher.group(3);
        }
        if (place != text.length() || separator.equals(",") || !fields.keySet().equals(NAMES)) {
            throw malformed();
        }
        return fields;
    }

    private static Refused malformed() {
        return new Refused("MALFORMED_REQUEST", "Authorization 请求头的参数有误。");
    }

    /** Within 300 seconds of our clock, on either side. */
    static void checkAge(String timestamp) {
        if (Math.abs(Long.parseLong(timestamp) - System.currentTimeMillis() / 1000.0) > WINDOW) {
            throw new Refused("TIMESTAMP_OUT_OF_WINDOW", "时间戳与本方时钟相差超过 300 秒。");
        }
    }

    String write() {
        return SCHEME + " sender_id=\"" + senderId + "\",serial_no=\"" + serialNo + "\",timestamp=\"" + timestamp
                + "\",nonce_str=\"" + nonce + "\",signature=\"" + signature + "\"";
    }
}
