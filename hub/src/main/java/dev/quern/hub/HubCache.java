package dev.quern.hub;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// The folder where the hub's tools keep what they fetched: `models--org--name/{refs,blobs,snapshots}`.
public record HubCache(Path folder) {
    /// By `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` in the user's cache folder.
    public static HubCache of(Map<String, String> environment) {
        String hub = environment.getOrDefault("HF_HUB_CACHE", "");
        return new HubCache(hub.isEmpty() ? home(environment).resolve("hub") : Path.of(hub));
    }

    /// `HF_HOME`, else `huggingface` in the user's cache folder.
    static Path home(Map<String, String> environment) {
        String home = environment.getOrDefault("HF_HOME", "");
        if (!home.isEmpty()) {
            return Path.of(home);
        }
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path caches = cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        return caches.resolve("huggingface");
    }

    /// The folder of `org/name[@revision]`, or the one GGUF file in it; empty where `id` is not spelt like one. One
    /// that is not in the cache fails with a line that says how to get it.
    public Optional<Path> find(String id) {
        return HubId.of(id)
                .map(wanted -> model(snapshot(wanted)
                        .orElseThrow(
                                () -> new QuernException(id + ": no such file or directory, and not in the hub cache "
                                        + folder + "; fetch it with: quern pull " + wanted))));
    }

    /// Where everything of one model lies.
    Path repository(HubId id) {
        return folder.resolve("models--" + id.org() + "--" + id.name());
    }

    /// The file that says which commit a branch or tag stood for when it was fetched.
    Path ref(HubId id) {
        return repository(id).resolve("refs").resolve(id.revision());
    }

    /// The folder of a revision that was fetched.
    Optional<Path> snapshot(HubId id) {
        Path snapshots = repository(id).resolve("snapshots");
        Path direct = snapshots.resolve(id.revision());
        if (Files.isDirectory(direct)) {
            return Optional.of(direct);
        }
        return commit(ref(id)).map(snapshots::resolve).filter(Files::isDirectory);
    }

    private static Path model(Path snapshot) {
        if (Files.exists(snapshot.resolve("config.json"))) {
            return snapshot;
        }
        try (Stream<Path> files = Files.list(snapshot)) {
            List<Path> gguf =
                    files.filter(file -> file.toString().endsWith(".gguf")).toList();
            return gguf.size() == 1 ? gguf.getFirst() : snapshot;
        } catch (IOException e) {
            throw new QuernException(snapshot + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private static Optional<String> commit(Path ref) {
        try {
            return Files.isRegularFile(ref)
                    ? Optional.of(Files.readString(ref).strip()).filter(text -> text.matches("[0-9a-f]+"))
                    : Optional.empty();
        } catch (IOException e) {
            throw new QuernException(ref + ": cannot be read: " + e.getMessage(), e);
        }
    }
}
