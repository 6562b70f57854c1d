package dev.quern.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/// A hub on this machine that can be told to misbehave.
final class TestHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    /// What the server does with a file's bytes.
    enum Fault {
        NONE,
        /// sends the first third of what was asked for, then closes the connection
        CUT,
        /// ignores ranges
        WHOLE,
        /// other bytes of the same number
        CORRUPT,
        /// lists a smaller size than it sends
        LONGER,
        /// nothing at all after the headers
        SILENT,
        /// redirects to another address, where the token must not come
        ELSEWHERE,
        FORBIDDEN,
        BROKEN
    }

    private final HttpServer server;
    private final Map<String, byte[]> files = new LinkedHashMap<>();
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    volatile Fault fault = Fault.NONE;
    /// How many requests the fault spoils before all goes well.
    volatile int spoiled = Integer.MAX_VALUE;
    volatile String listing = "";

    TestHub() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                answer(exchange);
            }
        });
        server.start();
    }

    URI address() {
        return URI.create("http://localhost:" + server.getAddress().getPort());
    }

    void put(String path, byte[] bytes) {
        files.put(path, bytes);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String host = String.valueOf(exchange.getRequestHeaders().getFirst("Host"));
        String token = exchange.getRequestHeaders().getFirst("Authorization");
        String range = exchange.getRequestHeaders().getFirst("Range");
        requests.add(path
                + (range == null ? "" : " " + range)
                + (token == null ? "" : " " + token)
                + (host.startsWith("127.") ? " elsewhere" : ""));
        if (path.startsWith("/api/models/")) {
            byte[] json = (listing.isEmpty() ? listing() : listing).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, json.length);
            exchange.getResponseBody().write(json);
            return;
        }
        String name = path.replaceFirst("/org/name/resolve/" + COMMIT + "/", "");
        byte[] bytes = files.get(name);
        if (bytes == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        boolean bad = spoiled-- > 0;
        send(exchange, bytes, range, bad ? fault : Fault.NONE, host.startsWith("127."));
    }

    private void send(HttpExchange exchange, byte[] bytes, String range, Fault fault, boolean elsewhere)
            throws IOException {
        if (fault == Fault.FORBIDDEN || fault == Fault.BROKEN) {
            exchange.sendResponseHeaders(fault == Fault.BROKEN ? 503 : 403, -1);
            return;
        }
        if (fault == Fault.ELSEWHERE && !elsewhere) {
            exchange.getResponseHeaders()
                    .add("Location", "http://127.0.0.1:" + server.getAddress().getPort() + exchange.getRequestURI());
            exchange.sendResponseHeaders(302, -1);
            return;
        }
        byte[] body = bytes;
        int from = range == null || fault == Fault.WHOLE ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (fault == Fault.CORRUPT) {
            body = bytes.clone();
            body[body.length / 2] ^= 1;
        }
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
        }
        body = Arrays.copyOfRange(body, from, body.length);
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, Math.max(1, body.length));
        if (fault == Fault.SILENT) {
            exchange.getResponseBody().flush();
            pause();
            return;
        }
        exchange.getResponseBody().write(body, 0, fault == Fault.CUT ? Math.ceilDiv(body.length, 3) : body.length);
        exchange.getResponseBody().flush();
    }

    private static void pause() {
        try {
            Thread.sleep(5_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /// The answer of the hub's own list: safetensors as large files with SHA-256, the others with git's sum.
    String listing() {
        String siblings = files.entrySet().stream()
                .map(e -> entry(e.getKey(), e.getValue()))
                .collect(Collectors.joining(", "));
        return "{\"sha\": \"" + COMMIT + "\", \"siblings\": [" + siblings + "]}";
    }

    private String entry(String path, byte[] bytes) {
        boolean large = path.endsWith(".safetensors");
        int size = bytes.length - (large && fault == Fault.LONGER ? 1 : 0);
        return "{\"rfilename\": \"" + path + "\", \"size\": " + size + ", \"blobId\": \"" + gitId(bytes) + "\""
                + (large ? ", \"lfs\": {\"sha256\": \"" + hash("SHA-256", bytes) + "\", \"size\": " + size + "}" : "")
                + "}";
    }

    private static String gitId(byte[] bytes) {
        byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, all, head.length, bytes.length);
        return hash("SHA-1", all);
    }

    private static String hash(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
