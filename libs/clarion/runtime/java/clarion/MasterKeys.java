package clarion;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.crypto.KeyAccessDeniedException;
import org.apache.parquet.crypto.keytools.KeyToolkit;
import org.apache.parquet.crypto.keytools.KmsClient;

/**
 * Wraps the keys of files with master keys that never leave the machine's environment or a file of its own: Spark's settings hold
 * only where a key is (env:NAME or file:PATH), never the key.
 */
public class MasterKeys implements KmsClient {
    /** Prefix of the settings that say where a key is; its id follows. */
    public static final String PREFIX = "clarion.encryption.key.";

    private Configuration settings;

    public void initialize(Configuration configuration, String instance, String url, String token) {
        this.settings = configuration;
    }

    public String wrapKey(byte[] key, String masterKey) {
        return KeyToolkit.encryptKeyLocally(key, master(masterKey), masterKey.getBytes(StandardCharsets.UTF_8));
    }

    public byte[] unwrapKey(String wrapped, String masterKey) {
        return KeyToolkit.decryptKeyLocally(wrapped, master(masterKey), masterKey.getBytes(StandardCharsets.UTF_8));
    }

    private byte[] master(String id) {
        String place = this.settings.get(PREFIX + id);
        if (place == null) {
            throw new KeyAccessDeniedException("no place is known for the encryption key '" + id + "'");
        }
        String hex = null;
        if (place.startsWith("env:")) {
            hex = System.getenv(place.substring(4));
        } else if (place.startsWith("file:")) {
            try {
                hex = new String(Files.readAllBytes(Paths.get(place.substring(5), new String[0])), StandardCharsets.UTF_8);
            } catch (IOException error) {
                throw new KeyAccessDeniedException("the encryption key '" + id + "' cannot be read from " + place, error);
            }
        }
        if (hex == null || !hex.trim().matches("[0-9a-fA-F]{64}")) {
            throw new KeyAccessDeniedException("the encryption key '" + id + "' is not 32 bytes in hexadecimal at " + place);
        }
        String digits = hex.trim();
        byte[] key = new byte[32];
        for (int place32 = 0; place32 < 32; place32++) {
            key[place32] = (byte) Integer.parseInt(digits.substring(2 * place32, 2 * place32 + 2), 16);
        }
        return key;
    }
}
