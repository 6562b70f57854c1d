package dev.quern.methods;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The largest memory that this process ever had resident.
public final class PeakMemory {
    private PeakMemory() {}

    /// Bytes, as Linux tells them in `/proc/self/status`; 0 elsewhere.
    public static long bytes() {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return 0;
        }
        try {
            for (String line : Files.readAllLines(status)) {
                if (line.startsWith("VmHWM:")) {
                    return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
        } catch (IOException | NumberFormatException _) {
            // an odd /proc is no reason to fail
        }
        return 0;
    }
}
