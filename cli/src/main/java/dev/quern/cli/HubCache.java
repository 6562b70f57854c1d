package dev.quern.cli;

import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The folder where Hugging Face tools keep what they fetched: `models--org--name/{refs,snapshots}`.
record HubCache(Path folder) {
    private static final Pattern ID = Pattern.compile("([A-Za-z0-9][\\w.-]*)/([A-Za-z0-9][\\w.-]*)(?:@([\\w./-]+))?");

    /// By `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` in the user's cache folder.
    static HubCache of(Map<String, String> environment) {
        String hub = environment.getOrDefault("HF_HUB_CACHE", "");
        if (!hub.isEmpty()) {
            return new HubCache(Path.of(hub));
        }
        String home = environment.getOrDefault("HF_HOME", "");
        if (!home.isEmpty()) {
            return new HubCache(Path.of(home, "hub"));
        }
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path caches = cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        return new HubCache(caches.resolve("huggingface").resolve("hub"));
    }

    /// The folder of `org/name[@revision]`; empty where `id` is not spelt like one. One that is not in the cache fails
    /// with a line that says how to get it.
    Optional<Path> find(String id) {
        Matcher parts = ID.matcher(id);
        if (!parts.matches() || id.contains("..")) {
            return Optional.empty();
        }
        String name = parts.group(1) + "/" + parts.group(2);
        String revision = parts.group(3) == null ? "main" : parts.group(3);
        Path model = folder.resolve("models--" + parts.group(1) + "--" + parts.group(2));
        Path snapshots = model.resolve("snapshots");
        Path direct = snapshots.resolve(revision);
        Path found = Files.isDirectory(direct)
                ? direct
                : snapshots.resolve(commit(model.resolve("refs").resolve(revision)));
        if (found.equals(snapshots) || !Files.isDirectory(found)) {
            String fetch = "hf download " + name + (parts.group(3) == null ? "" : " --revision " + revision);
            throw new QuernException(id + ": no such file or directory, and not in the hub cache " + folder
                    + "; fetch it with: " + fetch);
        }
        return Optional.of(found);
    }

    /// The commit that a branch or tag stood for when it was fetched; empty where it was not.
    private static String commit(Path ref) {
        try {
            String commit = Files.isRegularFile(ref) ? Files.readString(ref).strip() : "";
            return commit.matches("[0-9a-f]+") ? commit : "";
        } catch (IOException e) {
            throw new QuernException(ref + ": cannot be read: " + e.getMessage(), e);
        }
    }
}
