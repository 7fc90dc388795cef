package example;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.CryptoException;
import org.bouncycastle.crypto.digests.SM3Digest;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.math.ec.ECPoint;

/** SM2 with SM3 over BouncyCastle: keys, serial numbers, signatures (protocol section 3). */
final class Sm2 {
    private static final byte[] USER_ID = "1234567812345678".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    private static final byte[] SPKI_HEAD =
            HexFormat.of().parseHex("3059301306072a8648ce3d020106082a811ccf5501822d034200");
    private static final X9ECParameters CURVE = GMNamedCurves.getByName("sm2p256v1");
    private static final ECDomainParameters DOMAIN = new ECDomainParameters(CURVE);

    private Sm2() {}

    /** The secret of an unencrypted PKCS#8 key. */
    static ECPrivateKeyParameters readPrivate(Path file) throws IOException {
        PrivateKeyInfo info = PrivateKeyInfo.getInstance(der(Files.readString(file)));
        BigInteger secret = ECPrivateKey.getInstance(info.parsePrivateKey()).getKey();
        return new ECPrivateKeyParameters(secret, DOMAIN);
    }

    static ECPublicKeyParameters readPublic(String pem) {
        SubjectPublicKeyInfo info = SubjectPublicKeyInfo.getInstance(der(pem));
        ECPoint point = CURVE.getCurve().decodePoint(info.getPublicKeyData().getBytes());
        return new ECPublicKeyParameters(point, DOMAIN);
    }

    static ECPublicKeyParameters publicOf(ECPrivateKeyParameters key) {
        return new ECPublicKeyParameters(DOMAIN.getG().multiply(key.getD()), DOMAIN);
    }

    /** The first 20 bytes of SM3 over the standard SubjectPublicKeyInfo, in upper-case hex. */
    static String serialNo(ECPublicKeyParameters key) {
        byte[] point = key.getQ().getEncoded(false);
        byte[] spki = new byte[SPKI_HEAD.length + point.length];
        System.arraycopy(SPKI_HEAD, 0, spki, 0, SPKI_HEAD.length);
        System.arraycopy(point, 0, spki, SPKI_HEAD.length, point.length);
        return sm3(spki).substring(0, 40).toUpperCase();
    }

    /** SM3 as 64 lower-case hex digits. */
    static String sm3(byte[] data) {
        SM3Digest digest = new SM3Digest();
        digest.update(data, 0, data.length);
        byte[] out = new byte[digest.getDigestSize()];
        digest.doFinal(out, 0);
        return HexFormat.of().formatHex(out);
    }

    /** DER, then Base64: SM2Signer computes SM3(ZA ‖ M) itself, so that it is given the text and no digest. */
    static String sign(ECPrivateKeyParameters key, byte[] text) {
        SM2Signer signer = new SM2Signer();
        signer.init(true, new ParametersWithID(key, USER_ID));
        signer.update(text, 0, text.length);
        try {
            return Base64.getEncoder().encodeToString(signer.generateSignature());
        } catch (CryptoException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Throws Refused unless the signature is this key's over the text; BouncyCastle is strict about DER. */
    static void verify(ECPublicKeyParameters key, String signature, byte[] text) {
        byte[] der;
        try {
            der = Base64.getDecoder().decode(signature);
        } catch (IllegalArgumentException error) {
            throw new Refused("SIGNATURE_MALFORMED", "签名不是标准 Base64。");
        }
        if (!Base64.getEncoder().encodeToString(der).equals(signature)) {
            throw new Refused("SIGNATURE_MALFORMED", "签名不是标准 Base64。");
        }
        SM2Signer signer = new SM2Signer();
        signer.init(false, new ParametersWithID(key, USER_ID));
        signer.update(text, 0, text.length);
        if (!signer.verifySignature(der)) {
            throw new Refused("SIGNATURE_INVALID", "验签未通过。");
        }
    }

    private static byte[] der(String pem) {
        return Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]+-----", ""));
    }
}
