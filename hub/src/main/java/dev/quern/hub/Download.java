package dev.quern.hub;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/// Brings one file into `blobs`: what a broken run left in `NAME.incomplete` is gone on with, and only a file with the
/// announced size and checksum gets its name.
final class Download {
    private static final int BUFFER = 1 << 20;

    private final HubClient client;
    private final HubId id;
    private final String commit;
    private final RemoteFile file;
    private final Path target;
    private final Path incomplete;
    private final LongConsumer received;

    /// `received` is told of bytes as they come, and of a negative number where some must come again.
    Download(HubClient client, HubId id, String commit, RemoteFile file, Path blobs, LongConsumer received) {
        this.client = client;
        this.id = id;
        this.commit = commit;
        this.file = file;
        this.target = blobs.resolve(file.blob());
        this.incomplete = blobs.resolve(file.blob() + ".incomplete");
        this.received = received;
    }

    /// Leaves the whole file under its name. Tries again after a broken connection as long as each try brings bytes,
    /// and `retries` times where none does.
    void run(Retries retries) {
        int fruitless = 0;
        long before = size();
        received.accept(before);
        while (true) {
            try {
                receive();
                finish();
                return;
            } catch (IOException e) {
                long now = size();
                fruitless = now > before ? 0 : fruitless + 1;
                before = now;
                if (fruitless > retries.count()) {
                    throw new QuernException(
                            id + ": " + file.path() + " did not arrive (" + now + " of " + file.size() + " bytes): "
                                    + e.getMessage() + "; what came is kept, so run the same command again",
                            e);
                }
                retries.pause(fruitless);
            }
        }
    }

    private long size() {
        try {
            return Files.exists(incomplete) ? Files.size(incomplete) : 0;
        } catch (IOException e) {
            throw local(e);
        }
    }

    private void receive() throws IOException {
        long have = size();
        if (have > file.size()) {
            restart(have);
            have = 0;
        }
        if (have == file.size()) {
            return;
        }
        HttpResponse<InputStream> answer = client.open(id, commit, file, have);
        try (InputStream body = answer.body();
                StallGuard guard = new StallGuard(body, client.timeout())) {
            HubClient.requireFound(answer.statusCode(), id);
            boolean whole = answer.statusCode() == 200;
            if (!whole) {
                requireRange(answer, have);
            } else if (have > 0) {
                restart(have);
                have = 0;
            }
            write(body, have, guard);
        }
    }

    private void requireRange(HttpResponse<InputStream> answer, long have) throws IOException {
        String range = answer.headers().firstValue("Content-Range").orElse("");
        if (!range.startsWith("bytes " + have + "-") || !range.endsWith("/" + file.size())) {
            restart(have);
            throw new IOException(
                    "asked for bytes from " + have + " of " + file.size() + ", the server sends '" + range + "'");
        }
    }

    private void write(InputStream body, long from, StallGuard guard) throws IOException {
        byte[] buffer = new byte[BUFFER];
        long at = from;
        try (FileChannel out = open()) {
            out.position(from);
            for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
                if (at + count > file.size()) {
                    throw tooLong();
                }
                try {
                    for (ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, count); bytes.hasRemaining(); ) {
                        out.write(bytes);
                    }
                } catch (IOException e) {
                    throw local(e);
                }
                guard.alive();
                at += count;
                received.accept(count);
            }
            out.force(false);
        }
        if (at < file.size()) {
            throw new IOException("the connection ended early");
        }
    }

    private FileChannel open() {
        try {
            return FileChannel.open(incomplete, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw local(e);
        }
    }

    private QuernException tooLong() {
        restart(size());
        return new QuernException(id + ": " + file.path() + " is longer than the " + file.size()
                + " bytes that the hub lists; it was thrown away, so check HF_ENDPOINT");
    }

    private void restart(long have) {
        try {
            Files.deleteIfExists(incomplete);
        } catch (IOException e) {
            throw local(e);
        }
        received.accept(-have);
    }

    /// Gives the file its name, where its bytes are the announced ones.
    private void finish() {
        try {
            if (file.size() == 0 && !Files.exists(incomplete)) {
                Files.createFile(incomplete);
            }
            String sum = checksum();
            if (!sum.equals(file.blob())) {
                restart(file.size());
                throw new QuernException(id + ": " + file.path() + " arrived damaged: its checksum is " + sum
                        + ", the hub lists " + file.blob() + "; it was thrown away, so run the same command again");
            }
            Files.move(incomplete, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw local(e);
        }
    }

    private String checksum() throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance(file.sha256().isPresent() ? "SHA-256" : "SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has it", e);
        }
        if (file.sha256().isEmpty()) {
            digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        byte[] buffer = new byte[BUFFER];
        try (InputStream in = Files.newInputStream(incomplete)) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private QuernException local(IOException e) {
        return new QuernException(
                incomplete + ": cannot be written: " + e.getMessage() + "; make room or set HF_HOME to another disk",
                e);
    }

    /// How often, and how long after, a try without any new byte is made again.
    record Retries(int count, long firstPauseMillis) {
        void pause(int fruitless) {
            try {
                Thread.sleep(Math.min(30_000, firstPauseMillis << Math.max(0, fruitless - 1)));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new QuernException("interrupted; what came is kept", e);
            }
        }
    }
}
