package example;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Strict JSON (protocol section 2): one object, no BOM, no repeated names, no lone surrogate, no NUL, depth 64. */
final class Json {
    private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?");
    private static final int MAX_DEPTH = 64;
    private final String text;
    private int place;

    private Json(String text) {
        this.text = text;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> readObject(byte[] body) {
        try {
            String decoded = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
            Json json = new Json(decoded);
            Object value = json.value(0);
            json.blanks();
            if (json.place != decoded.length()) {
                throw bad();
            }
            return (Map<String, Object>) value;
        } catch (CharacterCodingException | IndexOutOfBoundsException | ClassCastException | NumberFormatException error) {
            throw bad();
        }
    }

    /** A JSON text of string members, in their order. */
    static byte[] write(Map<String, String> members) {
        List<String> parts = new ArrayList<>();
        members.forEach((name, value) -> parts.add(quote(name) + ":" + quote(value)));
        return ("{" + String.join(",", parts) + "}").getBytes(StandardCharsets.UTF_8);
    }

    private static String quote(String value) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    private Object value(int depth) {
        blanks();
        switch (text.charAt(place)) {
            case '{':
                return object(depth + 1);
            case '[':
                return array(depth + 1);
            case '"':
                return string();
            default:
                return literal();
        }
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        enter(depth);
        while (!ended('}', members.isEmpty())) {
            blanks();
            String name = string();
            blanks();
            expect(':');
            if (members.containsKey(name)) {
                throw bad();
            }
            members.put(name, value(depth));
        }
        return members;
    }

    private List<Object> array(int depth) {
        List<Object> items = new ArrayList<>();
        enter(depth);
        while (!ended(']', items.isEmpty())) {
            items.add(value(depth));
        }
        return items;
    }

    private void enter(int depth) {
        if (depth > MAX_DEPTH) {
            throw bad();
        }
        place++;
    }

    /** Whether the bracket closes here; otherwise the comma before the next entry is taken. */
    private boolean ended(char bracket, boolean first) {
        blanks();
        if (text.charAt(place) == bracket) {
            place++;
            return true;
        }
        if (!first) {
            expect(',');
        }
        return false;
    }

    private String string() {
        expect('"');
        StringBuilder out = new StringBuilder();
        while (text.charAt(place) != '"') {
            char c = text.charAt(place++);
            if (c < 0x20) {
                throw bad();
            }
            out.append(c == '\\' ? escape() : c);
        }
        place++;
        return wellFormed(out.toString());
    }

    private char escape() {
        char c = text.charAt(place++);
        if (c == 'u') {
            String digits = text.substring(place, place + 4);
            place += 4;
            if (!digits.matches("[0-9a-fA-F]{4}")) {
                throw bad();
            }
            return (char) Integer.parseInt(digits, 16);
        }
        int known = "\"\\/bfnrt".indexOf(c);
        if (known < 0) {
            throw bad();
        }
        return "\"\\/\b\f\n\r\t".charAt(known);
    }

    private static String wellFormed(String value) {
        boolean lone = !value.equals(new String(value.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8));
        if (lone || value.indexOf('\0') >= 0) {
            throw bad();
        }
        return value;
    }

    private Object literal() {
        for (String word : List.of("true", "false", "null")) {
            if (text.startsWith(word, place)) {
                place += word.length();
                return word.equals("null") ? null : (Object) Boolean.valueOf(word);
            }
        }
        Matcher number = NUMBER.matcher(text).region(place, text.length());
        if (!number.lookingAt()) {
            throw bad();
        }
        place = number.end();
        return new java.math.BigDecimal(number.group());
    }

    private void expect(char wanted) {
        if (text.charAt(place) != wanted) {
            throw bad();
        }
        place++;
    }

    private void blanks() {
        while (place < text.length() && " \t\r\n".indexOf(text.charAt(place)) >= 0) {
            place++;
        }
    }

    private static Refused bad() {
        return new Refused("MALFORMED_REQUEST", "报文体不是合格的 JSON 对象。");
    }
}
