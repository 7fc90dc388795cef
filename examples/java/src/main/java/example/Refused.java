package example;

/** What came in is refused: a code of protocol section 7 and a Chinese text. */
final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;
    final String code;

    Refused(String code, String text) {
        super(text);
        this.code = code;
    }
}
