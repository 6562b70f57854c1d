package dev.quern.cli;

import dev.quern.core.UsageException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;

/// Sizes as people write them: `8G`, `512M`, `1.5GiB`, plain bytes.
///
/// K, M, G and T are powers of 1024, as in the JVM's own flags.
final class ByteSize implements ITypeConverter<Long> {
    private static final Pattern SPELLING =
            Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGT]?)(?:i?B)?", Pattern.CASE_INSENSITIVE);
    private static final String UNITS = "KMGT";

    @Override
    public Long convert(String text) {
        Matcher parts = SPELLING.matcher(text.strip());
        if (!parts.matches()) {
            throw new UsageException("a size is a number with K, M, G or T (e.g. 8G), not " + text);
        }
        int power = parts.group(2).isEmpty() ? 0 : UNITS.indexOf(parts.group(2).toUpperCase(Locale.ROOT)) + 1;
        return (long) (Double.parseDouble(parts.group(1)) * Math.pow(1024, power));
    }

    /// `98.4 MB`: decimal units, as files are listed.
    static String print(double bytes) {
        String[] units = {"B", "kB", "MB", "GB", "TB"};
        int unit = 0;
        while (bytes >= 999.5 && unit < units.length - 1) {
            bytes /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    }
}
