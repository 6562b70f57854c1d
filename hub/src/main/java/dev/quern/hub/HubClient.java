package dev.quern.hub;

import dev.quern.core.QuernException;
import dev.quern.formats.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/// Asks a hub over HTTP. Redirects are followed by hand, because the token must not travel to another host.
final class HubClient implements AutoCloseable {
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final int MOST_REDIRECTS = 5;
    private static final int MOST_LISTING_BYTES = 64 << 20;

    private final HubSettings settings;
    private final HttpClient http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        this.http = HttpClient.newBuilder()
                .connectTimeout(settings.timeout())
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
    }

    Duration timeout() {
        return settings.timeout();
    }

    /// What the hub has under `id`.
    Listing list(HubId id) throws IOException {
        URI address = address("/api/models/" + id.repository() + "/revision/" + escaped(id.revision()) + "?blobs=true");
        HttpResponse<InputStream> answer = get(address, 0);
        try (InputStream body = answer.body()) {
            requireFound(answer.statusCode(), id);
            byte[] bytes = body.readNBytes(MOST_LISTING_BYTES);
            return Listing.parse(id, Json.parse(Path.of(id.toString()), new String(bytes, StandardCharsets.UTF_8)));
        }
    }

    /// The bytes of `file` from `offset` on, as the server gives them: status 206 from there, or 200 from the start.
    HttpResponse<InputStream> open(HubId id, String commit, RemoteFile file, long offset) throws IOException {
        String path =
                Arrays.stream(file.path().split("/")).map(HubClient::escaped).collect(Collectors.joining("/"));
        return get(address("/" + id.repository() + "/resolve/" + commit + "/" + path), offset);
    }

    /// Throws the line for a status that no further try will change.
    static void requireFound(int status, HubId id) throws IOException {
        switch (status) {
            case 200, 206 -> {}
            case 401, 403 ->
                throw new QuernException(id + ": the hub refuses it (" + status + "): it does not exist, is private, or"
                        + " its terms must be accepted on its page first; set HF_TOKEN to a token that may read it");
            case 404 ->
                throw new QuernException(id + ": the hub does not have it (404); check the spelling of org/name and of"
                        + " the revision");
            default -> throw new IOException("the hub answers with status " + status);
        }
    }

    private HttpResponse<InputStream> get(URI from, long offset) throws IOException {
        URI address = from;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpRequest.Builder request =
                    HttpRequest.newBuilder(address).timeout(settings.timeout()).header("User-Agent", "quern");
            if (address.getAuthority().equals(settings.endpoint().getAuthority())) {
                settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
            }
            if (offset > 0) {
                request.header("Range", "bytes=" + offset + "-");
            }
            HttpResponse<InputStream> answer = send(request.build());
            if (!REDIRECTS.contains(answer.statusCode())) {
                return answer;
            }
            answer.body().close();
            address = target(address, answer.headers().firstValue("Location").orElse(""));
        }
        throw new IOException("more than " + MOST_REDIRECTS + " redirects from " + from);
    }

    private static URI target(URI from, String location) throws IOException {
        try {
            URI target = from.resolve(new URI(location));
            boolean web = "https".equals(target.getScheme())
                    || ("http".equals(target.getScheme()) && "http".equals(from.getScheme()));
            if (web && target.getAuthority() != null) {
                return target;
            }
        } catch (URISyntaxException e) {
            throw new IOException("a redirect to '" + location + "', which is no address", e);
        }
        throw new IOException("a redirect from " + from + " to '" + location + "', which is not followed");
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            return http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    /// One part of a path: the branch `refs/pr/1` is one.
    private static String escaped(String part) {
        return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
    }

    @Override
    public void close() {
        http.close();
    }
}
