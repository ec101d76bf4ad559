package clarion;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.crypto.FileEncryptionProperties;
import org.apache.parquet.crypto.keytools.PropertiesDrivenCryptoFactory;
import org.apache.parquet.hadoop.api.WriteSupport;

/** Encrypts the files of chosen tables and leaves every other file as it is; reads both. */
public class TableCrypto extends PropertiesDrivenCryptoFactory {
    /** Folders of tables, such as /silver/order_lines/, separated by commas. */
    public static final String FOLDERS = "clarion.encryption.folders";

    @Override
    public FileEncryptionProperties getFileEncryptionProperties(Configuration settings, Path file, WriteSupport.WriteContext context) {
        String place = file.toUri().getPath();
        // The log stays readable for programs that only look what there is; it holds no value of these tables but surrogates.
        if (place.indexOf("/_delta_log/") >= 0) {
            return null;
        }
        String[] folders = settings.getTrimmedStrings(FOLDERS);
        for (int number = 0; number < folders.length; number++) {
            if (place.indexOf(folders[number]) >= 0) {
                return super.getFileEncryptionProperties(settings, file, context);
            }
        }
        return null;
    }
}
