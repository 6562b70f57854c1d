package dev.quern.hub;

import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What the environment says about the hub, in the variables that its own tools read.
///
/// `token` is sent to `endpoint` only, never to where it redirects. `timeout` is for a connection and for a silence in
/// the middle of an answer.
public record HubSettings(URI endpoint, Optional<String> token, boolean offline, HubCache cache, Duration timeout) {
    private static final Set<String> YES = Set.of("1", "on", "yes", "true");

    /// Reads `HF_ENDPOINT`, `HF_TOKEN` or the file of `HF_TOKEN_PATH` (else `$HF_HOME/token`), `HF_HUB_OFFLINE` or
    /// `TRANSFORMERS_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_DOWNLOAD_TIMEOUT` (seconds), and those of
    /// `HubCache`.
    public static HubSettings of(Map<String, String> environment) {
        return new HubSettings(
                endpoint(environment.getOrDefault("HF_ENDPOINT", "")),
                token(environment),
                yes(environment, "HF_HUB_OFFLINE") || yes(environment, "TRANSFORMERS_OFFLINE"),
                HubCache.of(environment),
                timeout(environment.getOrDefault("HF_HUB_DOWNLOAD_TIMEOUT", "")));
    }

    private static URI endpoint(String text) {
        String wanted = text.isEmpty() ? "https://huggingface.co" : text.replaceFirst("/+$", "");
        try {
            URI uri = URI.create(wanted);
            if (uri.getHost() != null && ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new UsageException("HF_ENDPOINT is " + text + ", not an address; write for instance https://host");
        }
        throw new UsageException("HF_ENDPOINT is " + text + "; write an address that begins with https:// or http://");
    }

    private static Optional<String> token(Map<String, String> environment) {
        String given = environment.getOrDefault("HF_TOKEN", "").strip();
        if (!given.isEmpty()) {
            return Optional.of(given);
        }
        if (yes(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            return Optional.empty();
        }
        String named = environment.getOrDefault("HF_TOKEN_PATH", "");
        Path file = named.isEmpty() ? HubCache.home(environment).resolve("token") : Path.of(named);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty());
        } catch (IOException e) {
            throw new QuernException(file + ": the hub's token cannot be read; check its rights", e);
        }
    }

    private static boolean yes(Map<String, String> environment, String name) {
        return YES.contains(environment.getOrDefault(name, "").toLowerCase(java.util.Locale.ROOT));
    }

    private static Duration timeout(String text) {
        if (text.isEmpty()) {
            return Duration.ofSeconds(20);
        }
        if (!text.matches("[1-9][0-9]{0,4}")) {
            throw new UsageException("HF_HUB_DOWNLOAD_TIMEOUT is " + text + "; write whole seconds, for instance 20");
        }
        return Duration.ofSeconds(Integer.parseInt(text));
    }
}
