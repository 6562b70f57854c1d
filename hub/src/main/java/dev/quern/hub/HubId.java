package dev.quern.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A model on a hub: `org/name[@revision]`; the revision is a branch, a tag or a commit.
public record HubId(String org, String name, String revision) {
    private static final Pattern SPELLING =
            Pattern.compile("([A-Za-z0-9][\\w.-]*)/([A-Za-z0-9][\\w.-]*)(?:@([\\w./-]+))?");

    /// Empty where `text` is not spelt like an id.
    public static Optional<HubId> of(String text) {
        Matcher parts = SPELLING.matcher(text);
        if (!parts.matches() || text.contains("..")) {
            return Optional.empty();
        }
        return Optional.of(new HubId(parts.group(1), parts.group(2), parts.group(3) == null ? "main" : parts.group(3)));
    }

    /// `org/name`.
    public String repository() {
        return org + "/" + name;
    }

    /// As it is typed; the revision is left out where it is `main`.
    @Override
    public String toString() {
        return repository() + (revision.equals("main") ? "" : "@" + revision);
    }
}
